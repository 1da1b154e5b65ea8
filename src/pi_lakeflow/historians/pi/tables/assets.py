"""Asset servers, databases, elements and their attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from pi_lakeflow.historians.pi.assets.columns import DATABASE, SERVER, base
from pi_lakeflow.historians.pi.assets.fields import TEXTS, Item, asset_table, field, look

_INT, _FLAG, _NUMBER = pa.int32(), pa.bool_(), pa.float64()


PI_ASSET_SERVERS = asset_table(
    "pi_asset_servers",
    "The AF servers that PI Web API knows.",
    "asset_servers",
    *base("server", "asset server"),
    field("path", "Path", "Path of the server."),
    field("server_version", "ServerVersion", "Version of AF."),
    field("is_connected", "IsConnected", "Whether PI Web API reaches it.", _FLAG),
    key=("server_webid",),
)

PI_ASSET_DATABASES = asset_table(
    "pi_asset_databases",
    "The databases of the asset servers.",
    "databases",
    *base("database", "asset database"),
    field("path", "Path", "Path of the database."),
    field("extended_properties", "ExtendedProperties", "Extended properties, as JSON."),
    SERVER,
    field("server_webid", "@asset_servers.WebId", "WebId of the asset server."),
    key=("database_webid",),
)


def _steps(path: object) -> list[str]:
    """The names in a path behind server and database."""
    return str(path).removeprefix("\\\\").split("\\")[2:] if path else []


def depth(item: Item) -> int:
    """0 for an element at the top of its database."""
    return len(_steps(item.get("Path"))) - 1


def parent_path(item: Item) -> str | None:
    """Path of the element that owns an element; None at the top."""
    return str(item["Path"]).rpartition("\\")[0] if depth(item) > 0 else None


def _root(item: Item) -> str | None:
    return next(iter(_steps(item.get("Path"))), None)


PI_ASSET_HIERARCHY = asset_table(
    "pi_asset_hierarchy",
    "The elements of the asset databases with their place in the hierarchy. An alarm of an event frame "
    "joins with `a.tag_webid = h.element_id`.",
    "elements",
    field("element_id", "WebId", "WebId of the element (type IDOnly: it survives a rename).", key=True),
    field("element_guid", "Id", "GUID of the element on its asset server."),
    field("element_name", "Name", "Name of the element."),
    field("element_path", "Path", "Full path: `\\\\server\\database\\element\\element`."),
    field("description", "Description", "Description."),
    field("parent_id", "Links.Parent#", "WebId of the element that owns it; null at the top."),
    field("parent_path", parent_path, "Path of that element.", needs=("Path",)),
    field("root_name", _root, "Name of the element at the top of its path, such as a site.", needs=("Path",)),
    field("depth", depth, "0 at the top of the database.", _INT, needs=("Path",)),
    field("path_names", lambda i: _steps(i.get("Path")), "The names in the path.", TEXTS, needs=("Path",)),
    field("template_name", "TemplateName", "Element template that it was made from."),
    field("template_webid", "Links.Template#", "WebId of that template."),
    field("categories", "CategoryNames", "Categories of the element.", TEXTS),
    field("has_children", "HasChildren", "Whether elements hang below it.", _FLAG),
    field("extended_properties", "ExtendedProperties", "Extended properties, as JSON."),
    field(
        "other_paths",
        lambda i: (i.get("Paths") or ())[1:],
        "Paths of weak references to it.",
        TEXTS,
        needs=("Paths",),
    ),
    *DATABASE,
    SERVER,
    key=("element_id",),
)

PI_ELEMENT_PATHS = asset_table(
    "pi_element_paths",
    "All paths to each element: several when it is referenced more than once.",
    "elements",
    field("element_id", "WebId", "WebId of the element.", key=True),
    field("path", "$", "A path to the element.", key=True),
    field("is_primary", lambda i: i["$key"] == 0, "Whether it is the element's own path.", _FLAG),
    field("depth", lambda i: len(_steps(i["$"])) - 1, "0 at the top of the database.", _INT),
    explode="Paths",
    key=("element_id", "path"),
)

PI_ELEMENT_CATEGORY_LINKS = asset_table(
    "pi_element_category_links",
    "Which element is in which category.",
    "elements",
    field("element_id", "WebId", "WebId of the element.", key=True),
    field("category_name", "$", "Name of the category.", key=True),
    *DATABASE,
    explode="CategoryNames",
    key=("element_id", "category_name"),
)


def _owner_path(item: Item) -> str:
    return str(item.get("Path") or "").partition("|")[0]


def _above(item: Item) -> str | None:
    head, _, _ = str(item.get("Path") or "").rpartition("|")
    return head if "|" in head else None


def _level(item: Item) -> int:
    return str(item.get("Path") or "").count("|") - 1


def _point(name: str) -> str:
    return f"DataReference.PIPoint.{name}"


def tag_webid(item: Item) -> str | None:
    """The PI point that an attribute refers to, by its data reference or its link."""
    found: str | None = look(item, _point("WebId")) or look(item, "Links.Point#")
    return found


_TAG_NEEDS = (_point("WebId"), "Links.Point")
_ATTRIBUTE_ID = field("attribute_webid", "WebId", "WebId of the attribute (type IDOnly).", key=True)
_ELEMENT_ID = field("element_id", "Links.Element#", "WebId of its element.")
_ELEMENT_PATH = field("element_path", _owner_path, "Path of its element.", needs=("Path",))
_TAG = field("tag_webid", tag_webid, "WebId of the PI point that it refers to.", needs=_TAG_NEEDS)
_BOTH = "attributes nested_attributes"

PI_ELEMENT_ATTRIBUTES = asset_table(
    "pi_element_attributes",
    "The attributes of the elements, nested ones too, with their data references resolved to PI points.",
    _BOTH,
    _ATTRIBUTE_ID,
    field("attribute_guid", "Id", "GUID of the attribute on its asset server."),
    field("attribute_name", "Name", "Name of the attribute."),
    field("attribute_path", "Path", "Full path: `\\\\server\\database\\element|attribute`."),
    field("description", "Description", "Description."),
    _ELEMENT_ID,
    _ELEMENT_PATH,
    field(
        "parent_path", _above, "Path of the attribute that it belongs to; null at the top.", needs=("Path",)
    ),
    field("level", _level, "0 for attributes at the top of their element.", _INT, needs=("Path",)),
    field("type", "Type", "Type of its value, such as Double or EnumerationValue."),
    field("type_qualifier", "TypeQualifier", "Enumeration set of an EnumerationValue."),
    field("units_name", "DefaultUnitsName", "Default units."),
    field("units", "DefaultUnitsNameAbbreviation", "Their abbreviation."),
    field(
        "data_reference",
        "DataReferencePlugIn",
        "PI Point, Formula, ...; null: a static value.",
    ),
    field("config_string", "ConfigString", "Configuration of the data reference."),
    _TAG,
    field("tag_name", _point("Name"), "Name of that point."),
    field("tag_path", _point("Path"), "Path of that point: `\\\\server\\tag`."),
    field("trait", "TraitName", "Trait, such as LimitHiHi or LocationLatitude."),
    field("categories", "CategoryNames", "Categories of the attribute.", TEXTS),
    field("template_webid", "Links.Template#", "WebId of its attribute template."),
    field("is_configuration_item", "IsConfigurationItem", "Part of the configuration.", _FLAG),
    field("is_excluded", "IsExcluded", "Excluded on this element.", _FLAG),
    field("is_hidden", "IsHidden", "Hidden from most users.", _FLAG),
    field("is_manual_data_entry", "IsManualDataEntry", "Entered by hand.", _FLAG),
    field("has_children", "HasChildren", "Whether attributes hang below it.", _FLAG),
    field("step", "Step", "Values hold until the next one.", _FLAG),
    field("zero", "Zero", "Low end of the usual range.", _NUMBER),
    field("span", "Span", "Width of the usual range.", _NUMBER),
    field("display_digits", "DisplayDigits", "How many digits to show.", _INT),
    key=("attribute_webid",),
)

PI_ASSET_TAGS = asset_table(
    "pi_asset_tags",
    "Which PI point belongs to which element: joins `pi_timeseries` with `pi_asset_hierarchy`.",
    _BOTH,
    _ATTRIBUTE_ID,
    field("tag_webid", tag_webid, "WebId of the PI point.", needs=_TAG_NEEDS),
    field("tag_name", _point("Name"), "Name of the point."),
    field("element_id", "Links.Element#", "WebId of the element."),
    _ELEMENT_PATH,
    field("attribute_name", "Name", "Name of the attribute."),
    field("units", "DefaultUnitsNameAbbreviation", "Units of the attribute."),
    where=lambda item: tag_webid(item) is not None,
    where_needs=_TAG_NEEDS,
    key=("attribute_webid",),
)

PI_ATTRIBUTE_CATEGORY_LINKS = asset_table(
    "pi_attribute_category_links",
    "Which attribute is in which category.",
    _BOTH,
    _ATTRIBUTE_ID,
    field("category_name", "$", "Name of the category.", key=True),
    _ELEMENT_ID,
    explode="CategoryNames",
    key=("attribute_webid", "category_name"),
)


def _has_trait(item: Item) -> bool:
    return bool(item.get("TraitName"))


def _trait_kind(item: Item) -> str:
    name = str(item["TraitName"])
    kinds = ("Limit", "Location", "Health", "Forecast", "Analysis")
    return next((kind for kind in kinds if name.startswith(kind)), "Other")


PI_ATTRIBUTE_TRAITS = asset_table(
    "pi_attribute_traits",
    "Attributes with a trait: limits of a measurement, the place of an element, its health.",
    _BOTH,
    _ATTRIBUTE_ID,
    field("attribute_name", "Name", "Name of the attribute."),
    field("trait", "TraitName", "LimitLoLo, LimitLo, LimitTarget, LimitHi, LimitHiHi, LocationLatitude, ..."),
    field(
        "trait_kind",
        _trait_kind,
        "Limit, Location, Health, Forecast, Analysis or Other.",
        needs=("TraitName",),
    ),
    field("measured_path", _above, "Path of the attribute that a limit is for.", needs=("Path",)),
    _ELEMENT_ID,
    _ELEMENT_PATH,
    field("units", "DefaultUnitsNameAbbreviation", "Units of its value."),
    where=_has_trait,
    where_needs=("TraitName",),
    key=("attribute_webid",),
)

PI_TRAITS = asset_table(
    "pi_traits",
    "The traits that an attribute can have.",
    "attribute_traits",
    field("trait", "Name", "Name of the trait.", key=True),
    field("abbreviation", "Abbreviation", "Short name."),
    field("allow_child_attributes", "AllowChildAttributes", "May have attributes below.", _FLAG),
    field("allow_duplicates", "AllowDuplicates", "May occur more than once.", _FLAG),
    field("on_root_attribute", "IsAllowedOnRootAttribute", "May stand at the top.", _FLAG),
    field("type_inherited", "IsTypeInherited", "Takes the type of the attribute above.", _FLAG),
    field("units_inherited", "IsUOMInherited", "Takes the units of the attribute above.", _FLAG),
    field("require_numeric", "RequireNumeric", "Numbers only.", _FLAG),
    field("require_string", "RequireString", "Texts only.", _FLAG),
    key=("trait",),
)


def _value(item: Item) -> Any:
    return look(item, "Value.Value")


def _part(name: str) -> Callable[[Item], Any]:
    def get(item: Item) -> Any:
        value = _value(item)
        return value.get(name) if isinstance(value, Mapping) else None

    return get


def _shown(item: Item) -> str | None:
    value = _value(item)
    if isinstance(value, bool):
        return str(value).lower()
    shown: str | None = value if isinstance(value, str) else _part("Name")(item)
    return shown


_VALUE = ("Value.Value",)

PI_ATTRIBUTE_VALUES = asset_table(
    "pi_attribute_values",
    "The values of attributes without data reference: limits, nameplates, places. Joins with "
    "`pi_attribute_traits` and `pi_element_attributes` by `attribute_webid`.",
    "attribute_values",
    _ATTRIBUTE_ID,
    field("attribute_name", "Name", "Name of the attribute."),
    field("attribute_path", "Path", "Full path."),
    field("value", _value, "The number; null when it is none.", _NUMBER, needs=_VALUE),
    field("value_text", _shown, "The text, or the name of an enumeration value.", needs=_VALUE),
    field("state_code", _part("Value"), "The number of an enumeration value.", _INT, needs=_VALUE),
    field("units", "Value.UnitsAbbreviation", "Units of the value."),
    field("good", "Value.Good", "False for bad values, as the server says.", _FLAG),
    key=("attribute_webid",),
)
