"""Templates, categories, enumeration sets and AF tables."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pi_lakeflow.historians.pi.assets.columns import DATABASE, PATH, base
from pi_lakeflow.historians.pi.assets.fields import TEXTS, AssetTable, Item, asset_table, field

_INT, _FLAG = pa.int32(), pa.bool_()

PI_ELEMENT_TEMPLATES = asset_table(
    "pi_element_templates",
    "The templates of elements and of event frames.",
    "element_templates",
    *base("template", "template"),
    PATH,
    field("instance_type", "InstanceType", "Element or EventFrame."),
    field("base_template", "BaseTemplate", "Template that it extends."),
    field("base_template_webid", "Links.BaseTemplate#", "WebId of that template."),
    field("categories", "CategoryNames", "Categories of the template.", TEXTS),
    field("naming_pattern", "NamingPattern", "How new elements or event frames are named."),
    field("severity", "Severity", "Severity of event frames."),
    field("can_be_acknowledged", "CanBeAcknowledged", "Whether event frames can be acknowledged.", _FLAG),
    field("allow_extension", "AllowElementToExtend", "Whether elements may have more attributes.", _FLAG),
    field("extended_properties", "ExtendedProperties", "Extended properties, as JSON."),
    *DATABASE,
    key=("template_webid",),
)


def _steps(item: Item) -> list[str]:
    return str(item.get("Path") or "").split("|")


PI_ATTRIBUTE_TEMPLATES = asset_table(
    "pi_attribute_templates",
    "The attributes that templates define, nested ones too; inherited ones are with their own template.",
    "attribute_templates",
    *base("attribute_template", "attribute template"),
    PATH,
    field("template_webid", "@element_templates.WebId", "WebId of the element template."),
    field("template_name", "@element_templates.Name", "Name of the element template."),
    field(
        "parent_path",
        lambda i: "|".join(_steps(i)[:-1]) if len(_steps(i)) > 2 else None,
        "Path of the attribute template that it belongs to; null at the top.",
        needs=("Path",),
    ),
    field("level", lambda i: len(_steps(i)) - 2, "0 at the top of the template.", _INT, needs=("Path",)),
    field("type", "Type", "Type of the values."),
    field("type_qualifier", "TypeQualifier", "Enumeration set of an EnumerationValue."),
    field("default_value", "DefaultValue", "Value of new attributes, as text."),
    field("units_name", "DefaultUnitsName", "Default units."),
    field("units", "DefaultUnitsNameAbbreviation", "Their abbreviation."),
    field("data_reference", "DataReferencePlugIn", "PI Point, Formula, ...; null: a static value."),
    field("config_string", "ConfigString", "Configuration of the data reference."),
    field("trait", "TraitName", "Trait, such as LimitHiHi."),
    field("categories", "CategoryNames", "Categories of the attribute.", TEXTS),
    field("is_configuration_item", "IsConfigurationItem", "Part of the configuration.", _FLAG),
    field("is_excluded", "IsExcluded", "Excluded.", _FLAG),
    field("is_hidden", "IsHidden", "Hidden from most users.", _FLAG),
    field("is_manual_data_entry", "IsManualDataEntry", "Entered by hand.", _FLAG),
    field("has_children", "HasChildren", "Whether attribute templates hang below it.", _FLAG),
    *DATABASE,
    key=("attribute_template_webid",),
)


def _categories(table: str, what: str, listing: str) -> AssetTable:
    doc = f"The categories of {what}."
    return asset_table(
        table, doc, listing, *base("category", "category"), PATH, *DATABASE, key=("category_webid",)
    )


PI_ELEMENT_CATEGORIES = _categories(
    "pi_element_categories", "elements and event frames", "element_categories"
)
PI_ATTRIBUTE_CATEGORIES = _categories("pi_attribute_categories", "attributes", "attribute_categories")
PI_ANALYSIS_CATEGORIES = _categories("pi_analysis_categories", "analyses", "analysis_categories")
PI_TABLE_CATEGORIES = _categories("pi_table_categories", "AF tables", "table_categories")

PI_ENUMERATION_SETS = asset_table(
    "pi_enumeration_sets",
    "The enumeration sets of asset databases.",
    "enumeration_sets",
    *base("set", "set"),
    PATH,
    *DATABASE,
    key=("set_webid",),
)

PI_ENUMERATION_VALUES = asset_table(
    "pi_enumeration_values",
    "The values of enumeration sets.",
    "enumeration_values",
    *base("value", "value"),
    PATH,
    field("value", "Value", "The number that attributes hold.", _INT),
    field("parent_name", "Parent", "Value above it in a hierarchical set."),
    field("set_webid", "@enumeration_sets.WebId", "WebId of the set."),
    field("set_name", "@enumeration_sets.Name", "Name of the set."),
    *DATABASE,
    key=("value_webid",),
)

PI_AF_TABLES = asset_table(
    "pi_af_tables",
    "The tables inside asset databases.",
    "af_tables",
    *base("table", "AF table"),
    PATH,
    field("categories", "CategoryNames", "Categories of the table.", TEXTS),
    field("time_zone", "TimeZone", "Zone of its times."),
    field("convert_to_local_time", "ConvertToLocalTime", "Whether times are shown in local time.", _FLAG),
    *DATABASE,
    key=("table_webid",),
)

_TABLE = (
    field("table_webid", "@af_tables.WebId", "WebId of the AF table.", key=True),
    field("table_name", "@af_tables.Name", "Name of the AF table."),
)

PI_AF_TABLE_COLUMNS = asset_table(
    "pi_af_table_columns",
    "The columns of AF tables.",
    "af_table_data",
    *_TABLE,
    field("column_name", "$key", "Name of the column.", key=True),
    field("type", "$", "Type of its values."),
    explode="Columns",
    key=("table_webid", "column_name"),
)

PI_AF_TABLE_ROWS = asset_table(
    "pi_af_table_rows",
    "The rows of AF tables.",
    "af_table_data",
    *_TABLE,
    field("row_number", "$key", "0, 1, 2, ... in the table's order.", _INT, key=True),
    field("row_json", "$", "The row as a JSON object, by column name."),
    field("first_value", lambda i: _first(i["$"]), "Value of the first column, as text: often its key."),
    explode="Rows",
    key=("table_webid", "row_number"),
)


def _first(row: object) -> object:
    return next(iter(row.values()), None) if isinstance(row, Mapping) else None


PI_TEMPLATE_CATEGORY_LINKS = asset_table(
    "pi_template_category_links",
    "Which element template is in which category.",
    "element_templates",
    field("template_webid", "WebId", "WebId of the template.", key=True),
    field("category_name", "$", "Name of the category.", key=True),
    explode="CategoryNames",
    key=("template_webid", "category_name"),
)
