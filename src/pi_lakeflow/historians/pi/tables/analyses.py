"""Analyses with their rules, units of measure, plug-ins, and who may do what."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.historians.pi.assets.columns import DATABASE, PATH, SERVER, base
from pi_lakeflow.historians.pi.assets.fields import TEXTS, AssetTable, Field, Item, asset_table, field

_INT, _FLAG, _NUMBER = pa.int32(), pa.bool_(), pa.float64()
_PLUGINS = (
    field("rule_plugin", "AnalysisRulePlugInName", "Kind of analysis: PerformanceEquation, EventFrame, ..."),
    field("time_rule_plugin", "TimeRulePlugInName", "When it runs: Periodic or Natural."),
    field("categories", "CategoryNames", "Categories of the analysis.", TEXTS),
    field("group_id", "GroupId", "Group of analyses that run together.", _INT),
    field("output_time", "OutputTime", "Time stamp of the results."),
)

PI_ANALYSES = asset_table(
    "pi_analyses",
    "The analyses of elements.",
    "analyses",
    *base("analysis", "analysis"),
    PATH,
    *_PLUGINS,
    field("status", "Status", "Enabled, Disabled, ..."),
    field("priority", "Priority", "Priority of the analysis."),
    field("element_id", "Links.Target#", "WebId of the element that it belongs to."),
    field("template_name", "TemplateName", "Analysis template that it was made from."),
    field("template_webid", "Links.Template#", "WebId of that template."),
    field("rule_webid", "Links.AnalysisRule#", "WebId of its rule."),
    field("time_rule_webid", "Links.TimeRule#", "WebId of its time rule."),
    field("publish_results", "PublishResults", "Whether results are written.", _FLAG),
    field("auto_created", "AutoCreated", "Made from its template by itself.", _FLAG),
    field("has_notification", "HasNotification", "Whether somebody is notified.", _FLAG),
    field("is_configured", "IsConfigured", "Whether it can run.", _FLAG),
    field("maximum_queue_size", "MaximumQueueSize", "Most waiting calculations.", _INT),
    *DATABASE,
    key=("analysis_webid",),
)

PI_ANALYSIS_CATEGORY_LINKS = asset_table(
    "pi_analysis_category_links",
    "Which analysis is in which category.",
    "analyses",
    field("analysis_webid", "WebId", "WebId of the analysis.", key=True),
    field("category_name", "$", "Name of the category.", key=True),
    explode="CategoryNames",
    key=("analysis_webid", "category_name"),
)

_RULE = (
    field("config_string", "ConfigString", "Configuration."),
    field("display_string", "DisplayString", "The configuration for people."),
    field("plugin", "PlugInName", "Kind of rule."),
    field("editor_type", "EditorType", "Editor of the rule."),
    field("is_configured", "IsConfigured", "Whether it can run.", _FLAG),
    field("analysis_webid", "@analyses.WebId", "WebId of the analysis."),
    field("analysis_name", "@analyses.Name", "Name of the analysis."),
)

PI_ANALYSIS_RULES = asset_table(
    "pi_analysis_rules",
    "What analyses calculate.",
    "analysis_rules",
    *base("rule", "rule"),
    PATH,
    *_RULE,
    field("variable_mapping", "VariableMapping", "Variables and the attributes that take their results."),
    field("supported_behaviors", "SupportedBehaviors", "What the rule can do.", TEXTS),
    field("has_children", "HasChildren", "Whether rules hang below it.", _FLAG),
    key=("rule_webid",),
)


def _variables(item: Item) -> dict[str, str]:
    pairs = (
        part.split("||", 1) for part in str(item.get("VariableMapping") or "").split(";") if "||" in part
    )
    return {name.strip(): target.strip() for name, target in pairs}


PI_ANALYSIS_VARIABLES = asset_table(
    "pi_analysis_variables",
    "Which attribute takes the result of which variable of an analysis.",
    "analysis_rules",
    field("rule_webid", "WebId", "WebId of the rule.", key=True),
    field("variable", "$key", "Variable.", key=True),
    field("attribute_name", "$", "Attribute that takes its value."),
    field("analysis_webid", "@analyses.WebId", "WebId of the analysis."),
    explode="VariableMapping",
    split=_variables,
    key=("rule_webid", "variable"),
)

PI_TIME_RULES = asset_table(
    "pi_time_rules",
    "When analyses run.",
    "time_rules",
    *base("rule", "time rule"),
    PATH,
    *_RULE,
    field("merge_duplicates", "MergeDuplicatedItems", "Runs once for several triggers.", _FLAG),
    key=("rule_webid",),
)

PI_ANALYSIS_TEMPLATES = asset_table(
    "pi_analysis_templates",
    "The templates of analyses.",
    "analysis_templates",
    *base("template", "analysis template"),
    PATH,
    *_PLUGINS,
    field("target_name", "TargetName", "Element template that it belongs to."),
    field("create_enabled", "CreateEnabled", "Whether new analyses run at once.", _FLAG),
    field("has_notification", "HasNotificationTemplate", "Whether somebody is notified.", _FLAG),
    *DATABASE,
    key=("template_webid",),
)

PI_UNIT_CLASSES = asset_table(
    "pi_unit_classes",
    "Classes of units that convert to one another.",
    "unit_classes",
    *base("class", "class"),
    PATH,
    field("canonical_unit", "CanonicalUnitName", "Unit that all others are defined by."),
    field("canonical_abbreviation", "CanonicalUnitAbbreviation", "Its abbreviation."),
    SERVER,
    key=("class_webid",),
)

PI_UNITS = asset_table(
    "pi_units",
    "Units of measure: canonical value = value * unit_factor + unit_offset.",
    "units",
    *base("unit", "unit"),
    PATH,
    field("abbreviation", "Abbreviation", "Abbreviation."),
    field("unit_factor", "Factor", "Factor to the canonical unit.", _NUMBER),
    field("unit_offset", "Offset", "Offset to the canonical unit.", _NUMBER),
    field("reference_factor", "ReferenceFactor", "Factor to the reference unit.", _NUMBER),
    field("reference_offset", "ReferenceOffset", "Offset to the reference unit.", _NUMBER),
    field("reference_unit", "ReferenceUnitAbbreviation", "Reference unit; null for canonical ones."),
    field("class_webid", "@unit_classes.WebId", "WebId of the class."),
    field("class_name", "@unit_classes.Name", "Name of the class."),
    key=("unit_webid",),
)


def _plugins(table: str, what: str, listing: str) -> AssetTable:
    columns: tuple[Field, ...] = (
        *base("plugin", "plug-in"),
        PATH,
        field("assembly_file", "AssemblyFileName", "File that it is in."),
        field("assembly_id", "AssemblyID", "GUID of that file."),
        field("version", "Version", "Version of the file."),
        field("is_browsable", "IsBrowsable", "Whether people can choose it.", _FLAG),
        SERVER,
    )
    return asset_table(table, f"The plug-ins for {what}.", listing, *columns, key=("plugin_webid",))


PI_ANALYSIS_RULE_PLUGINS = _plugins("pi_analysis_rule_plugins", "rules of analyses", "analysis_rule_plugins")
PI_TIME_RULE_PLUGINS = _plugins("pi_time_rule_plugins", "times of analyses", "time_rule_plugins")

PI_SECURITY_IDENTITIES = asset_table(
    "pi_security_identities",
    "The identities of asset servers, which rights are given to.",
    "security_identities",
    *base("identity", "identity"),
    PATH,
    field("is_enabled", "IsEnabled", "Whether it counts.", _FLAG),
    SERVER,
    key=("identity_webid",),
)

PI_SECURITY_MAPPINGS = asset_table(
    "pi_security_mappings",
    "Which account has which identity.",
    "security_mappings",
    *(each for each in base("mapping", "mapping") if each.column.name != "description"),
    PATH,
    field("account", "Account", "Account or group of Windows."),
    field("identity_webid", "SecurityIdentityWebId", "WebId of the identity."),
    SERVER,
    key=("mapping_webid",),
)
