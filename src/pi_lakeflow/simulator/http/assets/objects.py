"""AF objects as JSON. ``Links`` are made only when the call selects them."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any, Self

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.digitalsets import set_webid
from pi_lakeflow.simulator.http.fields import Tree
from pi_lakeflow.simulator.http.routes.points import point_object
from pi_lakeflow.simulator.world import UnknownTag
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.assets import (
    TEMPLATES,
    Assets,
    AssetServer,
    Attribute,
    AttributeDef,
    Database,
    Element,
    Identified,
    Kind,
)

from .lookup import assets_of

_STREAM_LINKS = {
    "InterpolatedData": "interpolated",
    "RecordedData": "recorded",
    "PlotData": "plot",
    "SummaryData": "summary",
    "Value": "value",
    "EndValue": "end",
}
_SERVER_LISTS = {
    "Databases": "assetdatabases",
    "UnitClasses": "unitclasses",
    "AnalysisRulePlugIns": "analysisruleplugins",
    "TimeRulePlugIns": "timeruleplugins",
    "NotificationContactTemplates": "notificationcontacttemplates",
    "NotificationPlugIns": "notificationplugins",
    "SecurityIdentities": "securityidentities",
    "SecurityMappings": "securitymappings",
    "Security": "security",
    "SecurityEntries": "securityentries",
}
_DATABASE_LISTS = {
    "Elements": "elements",
    "ElementTemplates": "elementtemplates",
    "EventFrames": "eventframes",
    "AnalysisCategories": "analysiscategories",
    "AnalysisTemplates": "analysistemplates",
    "AttributeCategories": "attributecategories",
    "ElementCategories": "elementcategories",
    "EnumerationSets": "enumerationsets",
    "TableCategories": "tablecategories",
    "Tables": "tables",
    "Security": "security",
    "SecurityEntries": "securityentries",
}
_ELEMENT_LISTS = {
    "Analyses": "analyses",
    "Attributes": "attributes",
    "Elements": "elements",
    "Categories": "categories",
    "EventFrames": "eventframes",
    "NotificationRules": "notificationrules",
    "Security": "security",
    "SecurityEntries": "securityentries",
}
_ATTRIBUTE_LISTS = {"Attributes": "attributes", "Categories": "categories"}
CONTROLLERS = {
    Kind.ELEMENT_CATEGORY: "elementcategories",
    Kind.ATTRIBUTE_CATEGORY: "attributecategories",
    Kind.ANALYSIS_CATEGORY: "analysiscategories",
    Kind.TABLE_CATEGORY: "tablecategories",
    Kind.ENUMERATION_SET: "enumerationsets",
    Kind.ENUMERATION_VALUE: "enumerationvalues",
    Kind.TABLE: "tables",
    Kind.UNIT_CLASS: "unitclasses",
    Kind.UNIT: "units",
    Kind.ELEMENT_TEMPLATE: "elementtemplates",
    Kind.ATTRIBUTE_TEMPLATE: "attributetemplates",
    Kind.ANALYSIS: "analyses",
    Kind.ANALYSIS_RULE: "analysisrules",
    Kind.ANALYSIS_TEMPLATE: "analysistemplates",
    Kind.ANALYSIS_TEMPLATE_RULE: "analysisrules",
    Kind.TIME_RULE: "timerules",
    Kind.TEMPLATE_TIME_RULE: "timerules",
    Kind.ANALYSIS_PLUGIN: "analysisruleplugins",
    Kind.TIME_PLUGIN: "timeruleplugins",
}


class Printer:
    """Prints the objects of one call. ``tree`` is the selection at the level of the objects."""

    def __init__(self, call: Call, tree: Tree | None = None) -> None:
        self.call = call
        self.assets: Assets = assets_of(call)
        self._type = call.web_id_type
        self._linked = not tree or "links" in tree
        self._tree = tree
        self._links_tree: Tree = (tree or {}).get("links") or {}
        self._ids: dict[uuid.UUID, str] = {}

    @classmethod
    def of_list(cls, call: Call) -> Self:
        """For an answer whose objects stand in ``Items``."""
        return cls(call, (call.fields or {}).get("items"))

    def wants(self, name: str) -> bool:
        """Whether a property is selected."""
        return not self._tree or name.casefold() in self._tree

    def id(self, item: Identified) -> str:
        """The WebId of the type that the call asks for."""
        return self.assets.webid(item, self._type)

    def _id(self, item: Identified) -> str:
        """The same for objects that many others lead to."""
        if item.guid not in self._ids:
            self._ids[item.guid] = self.id(item)
        return self._ids[item.guid]

    def _leads(self, name: str) -> bool:
        """Whether a link is selected."""
        return not self._links_tree or name.casefold() in self._links_tree

    def url(self, controller: str, web_id: str, *more: str) -> str:
        """``/controller/webId/...`` as an absolute URL."""
        return self.call.link("/".join(("", controller, web_id, *more)))  # ids need no encoding

    def base(self, item: Any, **properties: Any) -> dict[str, Any]:
        """What all AF objects have."""
        head = {
            "WebId": self.id(item),
            "Id": str(item.guid),
            "Name": item.name,
            "Description": item.description,
            "Path": item.path,
        }
        return {**head, **properties}

    def _links(self, item: dict[str, Any], links: dict[str, Any]) -> dict[str, Any]:
        item["Links"] = {name: target for name, target in links.items() if target}
        return item

    # -- server, database, element -----------------------------------------------------------------

    def server(self, server: AssetServer) -> dict[str, Any]:
        """An asset server."""
        item = self.base(
            server, IsConnected=True, ServerVersion="2.10.9.593", ServerTime=t.to_text(self.call.now)
        )
        item["ExtendedProperties"] = {}
        if not self._linked:
            return item
        links = {"Self": self.url("assetservers", item["WebId"])}
        links |= {n: self.url("assetservers", item["WebId"], p) for n, p in _SERVER_LISTS.items()}
        return self._links(item, links)

    def database(self, database: Database) -> dict[str, Any]:
        """An asset database."""
        item = self.base(database, ExtendedProperties={"Owner": {"Value": "PLANT\\engineering"}})
        if not self._linked:
            return item
        links = {"Self": self.url("assetdatabases", item["WebId"])}
        links["AssetServer"] = self.url("assetservers", self._id(database.server))
        links |= {n: self.url("assetdatabases", item["WebId"], p) for n, p in _DATABASE_LISTS.items()}
        return self._links(item, links)

    def element(self, element: Element) -> dict[str, Any]:
        """An element."""
        item = self.base(
            element,
            TemplateName=element.template,
            HasChildren=self.wants("HasChildren") and self._has_children(element),
            CategoryNames=list(element.categories),
            ExtendedProperties=_extended(element),
        )
        if "paths" in associations(self.call):
            item["Paths"] = self.assets.paths(element)
        return self._links(item, self._element_links(element, item["WebId"])) if self._linked else item

    def _has_children(self, element: Element) -> bool:
        return next(self.assets.children(element), None) is not None

    def _element_links(self, element: Element, web_id: str) -> dict[str, Any]:
        parent = self.assets.parent(element)
        template = self.assets.catalogue.named(Kind.ELEMENT_TEMPLATE, element.database, element.template)
        links: dict[str, Any] = {"Self": self.url("elements", web_id)}
        links |= {n: self.url("elements", web_id, p) for n, p in _ELEMENT_LISTS.items()}
        links["Database"] = self.url("assetdatabases", self._id(element.database))
        links["Parent"] = parent and self.url("elements", self.id(parent))
        links["Template"] = template and self.url("elementtemplates", self._id(template))
        return links | {n: self.url("streamsets", web_id, verb) for n, verb in _STREAM_LINKS.items()}

    # -- attributes --------------------------------------------------------------------------------

    def attribute(self, attribute: Attribute) -> dict[str, Any]:
        """An attribute of an element."""
        definition = attribute.definition
        item = {
            "WebId": self.id(attribute),
            "Id": str(attribute.guid),
            "Name": attribute.name,
            "Description": definition.description,
            "Path": attribute.path,
            **self._definition(definition),
            "DataReferencePlugIn": definition.reference,
            "ConfigString": attribute.config if definition.reference else "",
            "IsExcluded": attribute.excluded,
            "HasChildren": bool(definition.children) or bool(self.assets.child_attributes(attribute)),
            "DataReference": self._reference(attribute),
        }
        item |= self._scale(attribute)
        if "paths" in associations(self.call):
            tail = attribute.path[len(attribute.element.path) :]
            item["Paths"] = [path + tail for path in self.assets.paths(attribute.element)]
        return self._links(item, self._attribute_links(attribute, item["WebId"])) if self._linked else item

    def _definition(self, definition: AttributeDef) -> dict[str, Any]:
        return {
            "Type": definition.type,
            "TypeQualifier": definition.qualifier,
            "DefaultUnitsName": _unit_name(definition.units),
            "DefaultUnitsNameAbbreviation": definition.units,
            "IsConfigurationItem": definition.configuration_item,
            "IsHidden": definition.hidden,
            "IsManualDataEntry": definition.manual,
            "CategoryNames": list(definition.categories),
            "TraitName": definition.trait,
        }

    def _scale(self, attribute: Attribute) -> dict[str, Any]:
        if attribute.point is None or not self.wants("Span"):
            return {"Step": False, "DisplayDigits": -5, "Span": 100.0, "Zero": 0.0}
        server, index = attribute.point
        tag = self.assets.world.original(index, server)
        return {"Step": tag.step, "DisplayDigits": -5, "Span": tag.high - tag.low, "Zero": tag.low}

    def _reference(self, attribute: Attribute) -> dict[str, Any] | None:
        if "datareference" not in associations(self.call) or attribute.point is None:
            return None
        try:
            point = point_object(self.call, self.assets.tag(attribute))
        except UnknownTag:
            return None
        del point["Links"]
        return {"Type": attribute.definition.reference, "PIPoint": point}

    def _attribute_links(self, attribute: Attribute, web_id: str) -> dict[str, Any]:
        definition = attribute.definition
        links: dict[str, Any] = {"Self": self.url("attributes", web_id)}
        links |= {n: self.url("attributes", web_id, p) for n, p in _ATTRIBUTE_LISTS.items() if self._leads(n)}
        if self._leads("Element"):
            links["Element"] = self.url("elements", self._id(attribute.element))
        if attribute.above and self._leads("Parent"):
            links["Parent"] = self.url("attributes", self._id(attribute.above))
        if attribute.template and self._leads("Template"):
            links["Template"] = self._template_link(attribute)
        if definition.trait:
            links["Trait"] = self.call.link(f"/attributetraits/{definition.trait}")
        if definition.type == "EnumerationValue":
            set_id = self._set_id(attribute)
            links["EnumerationSet"] = set_id and self.url("enumerationsets", set_id)
            links["EnumerationValues"] = set_id and self.url("enumerationsets", set_id, "enumerationvalues")
        if attribute.point is not None and self._leads("Point"):
            server, index = attribute.point
            tag = self.assets.world.original(index, server)
            links["Point"] = self.url("points", self.assets.world.webid(tag, self._type))
        links |= {n: self.url("streams", web_id, verb) for n, verb in _STREAM_LINKS.items() if self._leads(n)}
        if not definition.reference:
            links["Value"] = self.url("attributes", web_id, "value")
        return links

    def _template_link(self, attribute: Attribute) -> str:
        root = attribute.element.database.path
        steps = "|".join((*attribute.parents, attribute.name))
        found = self.assets.catalogue.by_path(f"{root}\\ElementTemplates[{attribute.template}]|{steps}")
        return self.url("attributetemplates", self._id(found)) if found else ""

    def _set_id(self, attribute: Attribute) -> str:
        if attribute.point is not None:
            world = self.assets.world
            states = world.sets.get(attribute.definition.qualifier)
            return set_webid(self.call, world.servers[attribute.point[0]], states) if states else ""
        found = self.assets.catalogue.named(
            Kind.ENUMERATION_SET, attribute.element.database, attribute.definition.qualifier
        )
        return self._id(found) if found else ""


def associations(call: Call) -> set[str]:
    """What ``associations`` names, in lower case."""
    return {name.strip().casefold() for text in call.texts("associations") for name in text.split(";")}


@lru_cache(maxsize=1)
def _unit_names() -> dict[str, str]:
    from pi_lakeflow.simulator.world.assets.definitions import UNIT_CLASSES

    return {unit.abbreviation: unit.name for group in UNIT_CLASSES for unit in group.units}


def _unit_name(abbreviation: str) -> str:
    return _unit_names().get(abbreviation, abbreviation)


def _extended(element: Element) -> dict[str, Any]:
    template = TEMPLATES.get(element.template)
    return {name: {"Value": value} for name, value in template.extended} if template else {}
