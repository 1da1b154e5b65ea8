"""The other AF objects as JSON: templates, categories, sets, tables, units, analyses and their rules."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.world.assets import Item, Kind
from pi_lakeflow.simulator.world.assets.definitions import AnalysisDef, UnitDef

from .objects import CONTROLLERS, Printer

_SECURED = frozenset(
    {
        Kind.ELEMENT_CATEGORY,
        Kind.ATTRIBUTE_CATEGORY,
        Kind.ANALYSIS_CATEGORY,
        Kind.TABLE_CATEGORY,
        Kind.ENUMERATION_SET,
        Kind.TABLE,
        Kind.ELEMENT_TEMPLATE,
        Kind.ANALYSIS,
        Kind.ANALYSIS_TEMPLATE,
    }
)
_EDITORS = {"PerformanceEquation": "PEAnalysisRuleEditor"}


class ItemPrinter(Printer):
    """Prints an :class:`Item` of any kind."""

    def item(self, item: Item) -> dict[str, Any]:
        """Its JSON object."""
        made = self.base(item, **self._properties(item))
        if not self._linked:
            return made
        controller = CONTROLLERS[item.kind]
        links: dict[str, Any] = {"Self": self.url(controller, made["WebId"])}
        links |= self._own_links(item, made["WebId"])
        if item.kind in _SECURED:
            links["Security"] = self.url(controller, made["WebId"], "security")
            links["SecurityEntries"] = self.url(controller, made["WebId"], "securityentries")
            if item.database is not None:
                links["Database"] = self.url("assetdatabases", self._id(item.database))
        return self._links(made, links)

    def _properties(self, item: Item) -> dict[str, Any]:
        make = {
            Kind.ELEMENT_TEMPLATE: self._template,
            Kind.ATTRIBUTE_TEMPLATE: self._attribute_template,
            Kind.ENUMERATION_VALUE: self._value,
            Kind.TABLE: self._table,
            Kind.UNIT_CLASS: self._unit_class,
            Kind.UNIT: self._unit,
            Kind.ANALYSIS: self._analysis,
            Kind.ANALYSIS_TEMPLATE: self._analysis_template,
            Kind.ANALYSIS_RULE: self._rule,
            Kind.ANALYSIS_TEMPLATE_RULE: self._rule,
            Kind.TIME_RULE: self._time_rule,
            Kind.TEMPLATE_TIME_RULE: self._time_rule,
            Kind.ANALYSIS_PLUGIN: self._plugin,
            Kind.TIME_PLUGIN: self._plugin,
        }.get(item.kind)
        return make(item) if make else {}

    def _template(self, item: Item) -> dict[str, Any]:
        template = item.data
        return {
            "AllowElementToExtend": template.extendable,
            "BaseTemplate": template.base,
            "CanBeAcknowledged": template.can_be_acknowledged,
            "CategoryNames": list(template.categories),
            "ExtendedProperties": {name: {"Value": value} for name, value in template.extended},
            "InstanceType": template.instance_type,
            "NamingPattern": template.naming_pattern,
            "Severity": template.severity,
        }

    def _attribute_template(self, item: Item) -> dict[str, Any]:
        definition = item.data
        value = definition.default if definition.value is None else definition.value(0)
        numeric = definition.type in ("Double", "Single", "Int32", "Int64", "EnumerationValue")
        return {
            **self._definition(definition),
            "DataReferencePlugIn": definition.reference,
            "ConfigString": definition.config,
            "DefaultValue": (0 if numeric else "") if value is None else value,
            "HasChildren": bool(definition.children),
            "IsExcluded": False,
        }

    def _value(self, item: Item) -> dict[str, Any]:
        number, _, parent = item.data
        return {"Value": number, "Parent": parent}

    def _table(self, item: Item) -> dict[str, Any]:
        return {"CategoryNames": list(item.data.categories), "ConvertToLocalTime": False, "TimeZone": "UTC"}

    def _unit_class(self, item: Item) -> dict[str, Any]:
        canonical = item.data.units[0]
        return {"CanonicalUnitName": canonical.name, "CanonicalUnitAbbreviation": canonical.abbreviation}

    def _unit(self, item: Item) -> dict[str, Any]:
        unit: UnitDef = item.data
        canonical = item.above.data.units[0] if item.above else unit
        return {
            "Abbreviation": unit.abbreviation,
            "Factor": unit.factor,
            "Offset": unit.offset,
            "ReferenceFactor": unit.factor,
            "ReferenceOffset": unit.offset,
            "ReferenceUnitAbbreviation": "" if unit is canonical else canonical.abbreviation,
        }

    def _shared(self, definition: AnalysisDef) -> dict[str, Any]:
        return {
            "AnalysisRulePlugInName": definition.rule,
            "CategoryNames": list(definition.categories),
            "GroupId": 0,
            "OutputTime": definition.output_time,
            "TimeRulePlugInName": definition.time_rule,
        }

    def _analysis(self, item: Item) -> dict[str, Any]:
        definition: AnalysisDef = item.data
        element = self.assets.catalogue.element_of(item.guid)
        return {
            **self._shared(definition),
            "AutoCreated": True,
            "HasNotification": definition.rule == "EventFrame",
            "HasTarget": True,
            "HasTemplate": True,
            "IsConfigured": True,
            "IsTimeRuleDefinedByTemplate": True,
            "MaximumQueueSize": 0,
            "Priority": definition.priority,
            "PublishResults": bool(definition.variables),
            "Status": "Disabled" if element.key % 10 == 0 else "Enabled",
            "TargetWebId": self.id(element),
            "TemplateName": definition.name,
        }

    def _analysis_template(self, item: Item) -> dict[str, Any]:
        definition: AnalysisDef = item.data
        return {
            **self._shared(definition),
            "CreateEnabled": True,
            "HasNotificationTemplate": definition.rule == "EventFrame",
            "HasTarget": True,
            "TargetName": definition.target,
        }

    def _rule(self, item: Item) -> dict[str, Any]:
        definition: AnalysisDef = item.data
        editor = _EDITORS.get(definition.rule, f"{definition.rule}AnalysisRuleEditor")
        return {
            "ConfigString": definition.rule_config,
            "DisplayString": definition.rule_config,
            "EditorType": f"OSIsoft.AF.Analysis.AnalysisRule.{editor}",
            "HasChildren": bool(definition.sub_rules),
            "IsConfigured": True,
            "IsInitializing": False,
            "PlugInName": definition.rule,
            "SupportedBehaviors": ["SupportsRunningCase", "OutputCorrectAfterSkipping"],
            "VariableMapping": definition.variables,
        }

    def _time_rule(self, item: Item) -> dict[str, Any]:
        definition: AnalysisDef = item.data
        return {
            "ConfigString": definition.time_config,
            "ConfigStringStored": definition.time_config,
            "DisplayString": definition.time_config or "On new events of the inputs",
            "EditorType": f"OSIsoft.AF.Time.TimeRule.{definition.time_rule}Config",
            "IsConfigured": True,
            "IsInitializing": False,
            "MergeDuplicatedItems": definition.time_rule == "Natural",
            "PlugInName": definition.time_rule,
        }

    def _plugin(self, item: Item) -> dict[str, Any]:
        analysis = item.kind is Kind.ANALYSIS_PLUGIN
        space = "Analysis.AnalysisRule" if analysis else "Time.TimeRule"
        return {
            "AssemblyFileName": f"OSIsoft.AF.{space}.{item.name}.dll",
            "AssemblyID": str(self.assets.guids.of(self.assets.guids.key(item.guid)._replace(b=1))),
            "AssemblyLoadProperties": ["None"],
            "AssemblyTime": "2020-05-25T14:01:07Z",
            "CompatibilityVersion": 2,
            "IsBrowsable": True,
            "IsNonEditableConfig": False,
            "LoadedAssemblyTime": "1970-01-01T00:00:00Z",
            "LoadedVersion": "",
            "Version": "2.10.9.593",
        }

    # -- links -------------------------------------------------------------------------------------

    def _own_links(self, item: Item, web_id: str) -> dict[str, Any]:
        make = {
            Kind.ELEMENT_TEMPLATE: self._template_links,
            Kind.ATTRIBUTE_TEMPLATE: self._attribute_template_links,
            Kind.ENUMERATION_SET: lambda _, w: {
                "Values": self.url("enumerationsets", w, "enumerationvalues")
            },
            Kind.ENUMERATION_VALUE: self._value_links,
            Kind.TABLE: lambda _, w: {
                "Categories": self.url("tables", w, "categories"),
                "Data": self.url("tables", w, "data"),
            },
            Kind.UNIT_CLASS: self._unit_class_links,
            Kind.UNIT: self._unit_links,
            Kind.ANALYSIS: self._analysis_links,
            Kind.ANALYSIS_TEMPLATE: self._analysis_links,
            Kind.ANALYSIS_RULE: self._rule_links,
            Kind.ANALYSIS_TEMPLATE_RULE: self._rule_links,
            Kind.TIME_RULE: self._rule_links,
            Kind.TEMPLATE_TIME_RULE: self._rule_links,
            Kind.ANALYSIS_PLUGIN: self._plugin_links,
            Kind.TIME_PLUGIN: self._plugin_links,
        }.get(item.kind)
        return make(item, web_id) if make else {}

    def _to(self, item: Item | None) -> str:
        return self.url(CONTROLLERS[item.kind], self._id(item)) if item else ""

    def _template_links(self, item: Item, web_id: str) -> dict[str, Any]:
        lists = {
            "AnalysisTemplates": "analysistemplates",
            "AttributeTemplates": "attributetemplates",
            "Categories": "categories",
            "NotificationRuleTemplates": "notificationruletemplates",
            "BaseTemplates": "baseelementtemplates",
            "DerivedTemplates": "derivedelementtemplates",
        }
        links: dict[str, Any] = {n: self.url("elementtemplates", web_id, p) for n, p in lists.items()}
        base = self.assets.catalogue.named(Kind.ELEMENT_TEMPLATE, item.database, item.data.base)
        return links | {"BaseTemplate": self._to(base)}

    def _attribute_template_links(self, item: Item, web_id: str) -> dict[str, Any]:
        above = item.above
        parent = above if above and above.kind is Kind.ATTRIBUTE_TEMPLATE else None
        while above and above.kind is Kind.ATTRIBUTE_TEMPLATE:
            above = above.above
        trait = item.data.trait
        return {
            "AttributeTemplates": self.url("attributetemplates", web_id, "attributetemplates"),
            "Categories": self.url("attributetemplates", web_id, "categories"),
            "ElementTemplate": self._to(above),
            "Parent": self._to(parent),
            "Trait": self.call.link(f"/attributetraits/{trait}") if trait else "",
        }

    def _value_links(self, item: Item, _web_id: str) -> dict[str, Any]:
        parent = None
        if item.above and item.data[2]:
            siblings = self.assets.catalogue.below(Kind.ENUMERATION_VALUE, item.above)
            parent = next(v for v in siblings if v.name == item.data[2])
        return {"EnumerationSet": self._to(item.above), "Parent": self._to(parent)}

    def _unit_class_links(self, _item: Item, web_id: str) -> dict[str, Any]:
        return {
            "AssetServer": self.url("assetservers", self._id(self.assets.server)),
            "CanonicalUnit": self.url("unitclasses", web_id, "canonicalunit"),
            "Units": self.url("unitclasses", web_id, "units"),
        }

    def _unit_links(self, item: Item, _web_id: str) -> dict[str, Any]:
        links: dict[str, Any] = {"Class": self._to(item.above)}
        if item.above is not None:
            canonical = self.assets.catalogue.below(Kind.UNIT, item.above)[0]
            links["ReferenceUnit"] = "" if canonical == item else self._to(canonical)
        return links

    def _analysis_links(self, item: Item, web_id: str) -> dict[str, Any]:
        catalogue, definition = self.assets.catalogue, item.data
        _, rule, *_, time_rule = catalogue.with_rules(item)
        links = {
            "AnalysisRule": self._to(rule),
            "AnalysisRulePlugIn": self._to(catalogue.named(Kind.ANALYSIS_PLUGIN, None, definition.rule)),
            "Categories": self.url(CONTROLLERS[item.kind], web_id, "categories"),
            "TimeRule": self._to(time_rule),
            "TimeRulePlugIn": self._to(catalogue.named(Kind.TIME_PLUGIN, None, definition.time_rule)),
        }
        if item.kind is Kind.ANALYSIS:
            target = catalogue.element_of(item.guid)
            template = catalogue.named(Kind.ANALYSIS_TEMPLATE, item.database, definition.name)
            links |= {"Target": self.url("elements", self.id(target)), "Template": self._to(template)}
        else:
            target_template = catalogue.named(Kind.ELEMENT_TEMPLATE, item.database, definition.target)
            links["Target"] = self._to(target_template)
        return links

    def _rule_links(self, item: Item, web_id: str) -> dict[str, Any]:
        time = item.kind in (Kind.TIME_RULE, Kind.TEMPLATE_TIME_RULE)
        kind = Kind.TIME_PLUGIN if time else Kind.ANALYSIS_PLUGIN
        analysis, parent = item.above, None
        if analysis is not None and analysis.kind in (Kind.ANALYSIS_RULE, Kind.ANALYSIS_TEMPLATE_RULE):
            analysis, parent = analysis.above, analysis
        template = analysis is not None and analysis.kind is Kind.ANALYSIS_TEMPLATE
        links = {
            "AnalysisTemplate" if template else "Analysis": self._to(analysis),
            "Parent": self._to(parent),
            "PlugIn": self._to(self.assets.catalogue.named(kind, None, item.name)),
        }
        if not time:
            links["AnalysisRules"] = self.url("analysisrules", web_id, "analysisrules")
        return links

    def _plugin_links(self, _item: Item, _web_id: str) -> dict[str, Any]:
        return {"AssetServer": self.url("assetservers", self._id(self.assets.server))}
