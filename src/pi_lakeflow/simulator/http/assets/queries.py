"""The search routes: which filters of AFSearch look at what."""

from __future__ import annotations

from array import array
from typing import Any

from pi_lakeflow.simulator.http.afsearch import Field, Query, bad_query, flag, matcher, parse_query
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.timeparse import BadTime, parse_time
from pi_lakeflow.simulator.world.assets import (
    Assets,
    Database,
    Element,
    Item,
    Shaped,
    UnknownAsset,
    lineage,
    place_of,
)

from .attributes import Index, attribute_index
from .lists import ELEMENT_SORT, descending
from .lookup import assets_of, database_of

_OPTIONS = ("SortField", "SortOrder", "Root", "AllDescendants")


def search_database(call: Call) -> tuple[Assets, Database]:
    """``databaseWebId``, by default the first database."""
    assets = assets_of(call)
    text = call.text("databaseWebId")
    return assets, database_of(call, text) if text else assets.databases[0]


def query_of(call: Call) -> Query:
    """The parsed ``query``."""
    return parse_query(call.text("query"))


def time_reader(call: Call) -> Any:
    """Reads PI times in queries."""

    def read(text: str) -> int:
        try:
            return parse_time(text, now=call.now, zone=call.zone)
        except BadTime as error:
            raise bad_query(str(error)) from None

    return read


def element_fields(call: Call, assets: Assets) -> dict[str, Field[Element]]:
    """Filters of elements."""
    born = assets.world.recipe.start

    def parent(element: Element) -> str:
        above = assets.parent(element)
        return above.name if above else ""

    return {
        "name": Field(lambda e: e.name),
        "description": Field(lambda e: e.description),
        "template": Field(lambda e: tuple(lineage(e.template))),
        "category": Field(lambda e: e.categories),
        "type": Field(lambda e: e.type),
        "id": Field(lambda e: str(e.guid)),
        "parent": Field(parent),
        "creationdate": Field(lambda _: born, read=time_reader(call)),
        "modifydate": Field(lambda _: born, read=time_reader(call)),
    }


def element_search(call: Call, assets: Assets, database: Database, query: Query) -> array[int]:
    """The ordinals of the elements that fit, sorted; below ``Root`` when the query names one."""
    keep = matcher(query.without(*_OPTIONS), element_fields(call, assets))
    deep = flag(query.option("AllDescendants", "true"))
    root: Element | Database = database
    path = query.option("Root")
    if path:
        full = path if path.startswith("\\\\") else f"{database.path}\\{path}"
        try:
            root = assets.element_by_path(full)
        except UnknownAsset:
            raise bad_query(f"the root '{path}' was not found") from None
    field = ELEMENT_SORT.get(query.option("SortField", "Name").casefold())
    if field is None:
        raise bad_query(f"cannot sort by '{query.option('SortField')}'")
    reverse = query.option("SortOrder", "Ascending").casefold().startswith("desc")

    def build() -> array[int]:
        found = [e for e in (assets.descendants(root) if deep else assets.children(root)) if keep(e)]
        return array("q", (e.place.ordinal for e in sorted(found, key=field, reverse=reverse)))

    return assets.remember(("element search", database, call.text("query"), call.text("timeZone")), build)


def attribute_search(call: Call, assets: Assets, database: Database, query: Query) -> Index:
    """The attributes at the top of the elements that fit, sorted by name."""
    fields: dict[str, Field[Shaped]] = {
        "name": Field(lambda s: s.definition.name),
        "description": Field(lambda s: s.definition.description),
        "type": Field(lambda s: s.definition.type),
        "category": Field(lambda s: s.definition.categories),
        "plugin": Field(lambda s: s.definition.reference or "None"),
        "template": Field(lambda s: s.definition.name if s.source else ""),
        "isexcluded": Field(lambda s: s.excluded, read=flag),
        "ishidden": Field(lambda s: s.definition.hidden, read=flag),
    }
    own = query.without("Element", "ElementName", *_OPTIONS)
    keep = matcher(own, fields)
    inner: list[Any] = []
    for condition in query.conditions:
        if condition.name.casefold() in ("root", "alldescendants"):
            inner.append(condition)
        if condition.name.casefold() == "element" and condition.inner is not None:
            inner += condition.inner.conditions
        elif condition.name.casefold() in ("element", "elementname"):
            inner += parse_query(f"Name:='{condition.values[0]}'").conditions
    elements = Query(tuple(inner))

    def build() -> Index:
        ordinals = element_search(call, assets, database, elements)
        return attribute_index(call, assets, database, ordinals, [keep])

    return assets.remember(("attribute search", database, call.text("query")), build)


AnalysisIndex = list[tuple[int, int]]  # ordinal of the element, place among its analyses


def analysis_fields(assets: Assets) -> dict[str, Field[Item]]:
    """Filters of analyses and analysis templates."""

    def target(item: Item) -> Element:
        return assets.catalogue.element_of(item.guid)

    inner: dict[str, Field[Element]] = {
        "name": Field(lambda e: e.name),
        "template": Field(lambda e: tuple(lineage(e.template))),
        "category": Field(lambda e: e.categories),
        "id": Field(lambda e: str(e.guid)),
    }
    return {
        "name": Field(lambda i: i.name),
        "description": Field(lambda i: i.description),
        "category": Field(lambda i: i.data.categories),
        "template": Field(lambda i: i.data.name),
        "plugin": Field(lambda i: i.data.rule),
        "id": Field(lambda i: str(i.guid)),
        "element": Field(lambda i: target(i).name),
        "target": Field(target, inner=inner),
    }


def analysis_index(call: Call, assets: Assets, database: Database, query: Query) -> AnalysisIndex:
    """All analyses of a database that fit, sorted by name."""
    keep = matcher(query.without(*_OPTIONS), analysis_fields(assets))
    reverse = descending(call)
    if call.text("sortField", "Name").casefold() != "name":
        raise ApiError(400, "Only 'Name' is supported for parameter 'sortField'.")

    def build() -> AnalysisIndex:
        found = []
        for place in assets.places(database, None):
            element = assets.element(database, place)
            for at, analysis in enumerate(assets.catalogue.analyses(element)):
                if keep(analysis):
                    found.append((analysis.name.casefold(), place.ordinal, at))
        return [(ordinal, at) for _, ordinal, at in sorted(found, reverse=reverse)]

    key = ("analyses", database, call.text("query"), reverse)
    return assets.remember(key, build)


def analysis_at(assets: Assets, database: Database, ordinal: int, at: int) -> Item:
    """One entry of an :func:`analysis_index`."""
    place = place_of(ordinal)
    if place is None:
        raise LookupError(ordinal)
    return assets.catalogue.analyses(assets.element(database, place))[at]
