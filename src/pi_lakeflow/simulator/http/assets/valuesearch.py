"""``searchbyattribute``: elements of a template whose static attributes have given values."""

from __future__ import annotations

import operator
import uuid
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.world.assets import Assets, Database, Element, Item, Kind, UnknownAsset, lineage
from pi_lakeflow.simulator.world.world import World

from .lookup import assets_of, database_by_path, database_of, element_of, item_of
from .streams import fixed_value

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "equal": operator.eq,
    "notequal": operator.ne,
    "lessthan": operator.lt,
    "lessthanorequal": operator.le,
    "greaterthan": operator.gt,
    "greaterthanorequal": operator.ge,
}


class ValueQuery(msgspec.Struct, rename="pascal"):
    """One condition, as it is sent."""

    attribute_name: str
    attribute_value: Any
    search_operator: str = "Equal"


class ValueSearch(msgspec.Struct, rename="pascal"):
    """A body of ``POST /elements/searchbyattribute``. The root is a WebId or a path."""

    element_template: str = ""
    search_root: str = ""
    value_queries: list[ValueQuery] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search covers."""

    root: Element | Database
    template: str
    queries: tuple[ValueQuery, ...]


class Searches:
    """``world.part(Searches)``: the searches that clients made, by id."""

    def __init__(self, world: World) -> None:
        del world
        self.known: dict[str, Found] = {}

    def keep(self, found: Found) -> str:
        """An id for it."""
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{len(self.known)}"))
        self.known[name] = found
        return name


def read_search(call: Call) -> Found:
    """The body of a search for elements; 400 when it makes no sense."""
    body, template = read_body(call)
    root = _root(call, body.search_root, template.database)
    return Found(root, template.name, tuple(body.value_queries))


def read_body(call: Call) -> tuple[ValueSearch, Item]:
    """The body of any such search and its template; 400 when it makes no sense."""
    try:
        body = msgspec.json.decode(call.body, type=ValueSearch)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise ApiError(400, "The request content is empty or invalid.", generic=True) from None
    if not body.element_template or not body.value_queries:
        raise ApiError(400, "An element template and at least one value query are required.", generic=True)
    template = item_of(call, "Element Template", Kind.ELEMENT_TEMPLATE, text=body.element_template)
    unknown = [q for q in body.value_queries if q.search_operator.casefold() not in _OPERATORS]
    if unknown:
        raise ApiError(400, f"The search operator '{unknown[0].search_operator}' is not supported.")
    return body, template


def fits_values(values: Mapping[str, Any], queries: Sequence[ValueQuery]) -> bool:
    """Whether values by folded names meet all conditions; what cannot be compared does not."""
    for query in queries:
        compare = _OPERATORS[query.search_operator.casefold()]
        try:
            if not compare(values[query.attribute_name.casefold()], query.attribute_value):
                return False
        except (KeyError, TypeError):
            return False
    return True


def _root(call: Call, text: str, database: Database | None) -> Element | Database:
    assets = assets_of(call)
    if not text:
        return database or assets.databases[0]
    if text.startswith("\\\\"):
        try:
            below = text.removeprefix("\\\\").count("\\") > 1
            return assets.element_by_path(text) if below else database_by_path(assets, text)
        except UnknownAsset:
            raise ApiError(400, "The search root was not found.", generic=True) from None
    return element_of(call, text) if call.parse_webid(text).marker == "Em" else database_of(call, text)


def elements_found(assets: Assets, search: Found) -> array[int]:
    """The ordinals of the elements that fit, sorted by name."""
    found = [
        element
        for element in assets.descendants(search.root)
        if search.template in lineage(element.template) and _fits(assets, element, search.queries)
    ]
    return array("q", (e.place.ordinal for e in sorted(found, key=lambda e: e.name.casefold())))


def _fits(assets: Assets, element: Element, queries: tuple[ValueQuery, ...]) -> bool:
    asked = {query.attribute_name.casefold() for query in queries}
    known = (a for a in assets.attributes(element) if not a.definition.reference)
    values = {a.name.casefold(): fixed_value(assets, a) for a in known if a.name.casefold() in asked}
    return fits_values(values, queries)
