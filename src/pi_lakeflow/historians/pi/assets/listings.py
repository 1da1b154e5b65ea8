"""Which lists of PI Web API are read, and what each hangs below (PI Web API reference, AF controllers)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listing:
    """One list for each object of the listing ``parent``.

    ``path`` has sources of the parent in braces; without a value for one there is nothing to read.
    ``only`` is a property that the parent must have. ``whole`` means that the answer is one object, not
    a list. ``paged`` lists are asked for in large pages. An ``optional`` one is not there on older
    servers, which is no failure. A ``grouped`` one takes the ids of many objects at once: those of its
    parent and of the listing ``also`` that lack the property ``without``.
    """

    name: str
    parent: str | None
    path: str
    params: tuple[tuple[str, str], ...] = ()
    only: str = ""
    paged: bool = False
    whole: bool = False
    optional: bool = False
    grouped: bool = False
    also: str = ""
    without: str = ""

    def needs(self) -> set[str]:
        """The properties of the parent that are used."""
        names = {name.removesuffix("#") for name in re.findall(r"\{([^}]+)\}", self.path)}
        names |= {name for name in (self.only, self.without) if name}
        return names | ({"WebId"} if self.grouped else set())


def _below(parent: str, controller: str, *names: tuple[str, str]) -> list[Listing]:
    return [Listing(name, parent, f"{controller}/{{WebId}}/{route}") for name, route in names]


_ALL = (("searchFullHierarchy", "true"),)
_FIELD = (("field", "Name"),)

LISTINGS: tuple[Listing, ...] = (
    Listing("data_servers", None, "dataservers"),
    Listing("points", "data_servers", "dataservers/{WebId}/points", paged=True),
    Listing("point_attributes", "points", "points/{WebId}/attributes"),
    Listing("digital_sets", "data_servers", "dataservers/{WebId}/enumerationsets"),
    Listing("digital_states", "digital_sets", "enumerationsets/{WebId}/enumerationvalues"),
    Listing("asset_servers", None, "assetservers"),
    *_below(
        "asset_servers",
        "assetservers",
        ("databases", "assetdatabases"),
        ("unit_classes", "unitclasses"),
        ("analysis_rule_plugins", "analysisruleplugins"),
        ("time_rule_plugins", "timeruleplugins"),
    ),
    Listing("security_identities", "asset_servers", "assetservers/{WebId}/securityidentities", optional=True),
    Listing("security_mappings", "asset_servers", "assetservers/{WebId}/securitymappings", optional=True),
    Listing("attribute_traits", None, "attributetraits", (("category", "all"),), optional=True),
    Listing("units", "unit_classes", "unitclasses/{WebId}/units"),
    *_below(
        "databases",
        "assetdatabases",
        ("element_categories", "elementcategories"),
        ("attribute_categories", "attributecategories"),
        ("analysis_categories", "analysiscategories"),
        ("table_categories", "tablecategories"),
        ("enumeration_sets", "enumerationsets"),
        ("af_tables", "tables"),
    ),
    Listing("enumeration_values", "enumeration_sets", "enumerationsets/{WebId}/enumerationvalues"),
    Listing("af_table_data", "af_tables", "tables/{WebId}/data", whole=True),
    Listing("element_templates", "databases", "assetdatabases/{WebId}/elementtemplates", _FIELD),
    Listing(
        "attribute_templates",
        "element_templates",
        "elementtemplates/{WebId}/attributetemplates",
        (("showDescendants", "true"),),
    ),
    Listing("analysis_templates", "databases", "assetdatabases/{WebId}/analysistemplates", _FIELD),
    Listing(
        "elements",
        "databases",
        "assetdatabases/{WebId}/elements",
        (*_ALL, ("associations", "Paths")),
        paged=True,
    ),
    Listing(
        "attributes",
        "databases",
        "assetdatabases/{WebId}/elementattributes",
        (*_ALL, ("associations", "DataReference")),
        paged=True,
    ),
    Listing(
        "nested_attributes",
        "attributes",
        "elements/{Links.Element#}/attributes",
        (
            *_ALL,
            ("associations", "DataReference"),
            ("showHidden", "true"),
            ("showExcluded", "true"),
        ),
        only="HasChildren",
    ),
    Listing(
        "attribute_values",
        "nested_attributes",
        "streamsets/value",
        grouped=True,
        also="attributes",
        without="DataReferencePlugIn",
    ),
    Listing("analyses", "databases", "assetdatabases/{WebId}/analyses", _FIELD, paged=True, optional=True),
    Listing("analysis_rules", "analyses", "analysisrules/{Links.AnalysisRule#}", whole=True),
    Listing("time_rules", "analyses", "timerules/{Links.TimeRule#}", whole=True),
)

BY_NAME = {listing.name: listing for listing in LISTINGS}


def with_parents(names: set[str]) -> list[Listing]:
    """The listings of these names and those that lead to them, parents first."""
    wanted = set(names)
    for listing in reversed(LISTINGS):
        if listing.name in wanted and listing.parent is not None:
            wanted |= {listing.parent, listing.also} - {""}
    return [listing for listing in LISTINGS if listing.name in wanted]
