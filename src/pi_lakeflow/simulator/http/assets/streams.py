"""Attributes as streams: PI points behind them, static values, formulas, and what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import numpy as np

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found
from pi_lakeflow.simulator.http.streams import RESOLVERS, SET_RESOLVERS, PointStream, Stream
from pi_lakeflow.simulator.world import UnknownTag
from pi_lakeflow.simulator.world.assets import Assets, Attribute, Element, Kind, UnknownAsset
from pi_lakeflow.simulator.world.events import BOOLEAN, DIGITAL, INTEGER, NULL, NUMBER, TEXT, Events
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.webid import WebId

from .attributes import attributes_below
from .formulas import Formula
from .lookup import assets_of

_LOOKUP = re.compile(
    r"SELECT \[(?P<column>[^]]+)\] FROM \[(?P<table>[^]]+)\] WHERE (?P<key>\w+) = @(?P<attribute>\w+)"
)
_ARCHIVED = ("PI Point", "Formula")  # data references that have more than a value
_NUMBERS = ("Double", "Single")
_INTEGERS = ("Int32", "Int64", "Int16", "Byte")


class AttributePointStream(PointStream):
    """An attribute whose data reference is a PI point."""

    def __init__(self, assets: Assets, attribute: Attribute, tag: TagDef) -> None:
        super().__init__(assets.world, tag)
        self._assets, self._attribute = assets, attribute
        self.name, self.path = attribute.name, attribute.path
        self.units = attribute.definition.units

    def web_id(self, web_id_type: str) -> str:
        return self._assets.webid(self._attribute, web_id_type)

    def source(self, web_id: str) -> str:
        return f"/attributes/{quote(web_id)}"

    def check_units(self, desired: str) -> None:
        _check_units(self.units, desired)


class AttributeStream:
    """An attribute without archive. ``broken`` says why its data reference fails; ``gone`` is what every
    call gets when its point is no more.
    """

    tag: TagDef | None = None
    default_range: tuple[int, int] | None = None
    step = True
    future = False

    def __init__(
        self, assets: Assets, attribute: Attribute, broken: str = "", *, gone: ApiError | None = None
    ) -> None:
        self._gone = gone
        self.assets, self.attribute = assets, attribute
        self.name, self.path = attribute.name, attribute.path
        self.units = attribute.definition.units
        self.broken = broken

    @property
    def numeric(self) -> bool:
        return self.attribute.definition.type in (*_NUMBERS, *_INTEGERS)

    def web_id(self, web_id_type: str) -> str:
        return self.assets.webid(self.attribute, web_id_type)

    def source(self, web_id: str) -> str:
        return f"/attributes/{quote(web_id)}"

    def state_name(self, code: int) -> str:
        return state_name(self.assets, self.attribute, code)

    def check_units(self, desired: str) -> None:
        _check_units(self.units, desired)

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        del first, last, reverse
        if self.broken:
            return iter(())
        text = "The operation is not supported by the data reference of the attribute."
        raise self._gone or ApiError(409, text, generic=True)

    def before(self, moment: int) -> Events:
        """A failed data reference has a value that is none, as of now."""
        if self._gone:
            raise self._gone
        event = Events.blank(np.array([min(moment - 1, self._now)], np.int64), kind=NULL)
        event.flags[:] = 0
        return event

    def after(self, moment: int) -> Events:
        del moment
        if self._gone:
            raise self._gone
        return Events.empty()

    @property
    def _now(self) -> int:
        return self.assets.world.clock.now()


class FixedStream(AttributeStream):
    """One value for all times."""

    def __init__(self, assets: Assets, attribute: Attribute, value: Any) -> None:
        super().__init__(assets, attribute)
        self.value = value

    def before(self, moment: int) -> Events:
        """Static values have the timestamp 1970."""
        del moment
        return _event(self.attribute.definition.type, self.value)


class FormulaStream(AttributeStream):
    """Calculated from other attributes of the element, at the times of the first of them."""

    step = False

    def __init__(self, assets: Assets, attribute: Attribute, formula: Formula, inputs: list[Stream]) -> None:
        super().__init__(assets, attribute)
        self._formula, self._inputs = formula, inputs

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        for events in self._inputs[0].walk(first, last, reverse=reverse):
            yield self._formula.at(self._inputs, events.ticks.tolist())

    def before(self, moment: int) -> Events:
        return self._formula.at(self._inputs, [min(moment - 1, self._now)])

    def after(self, moment: int) -> Events:
        following = self._inputs[0].after(moment)
        return self._formula.at(self._inputs, following.ticks.tolist())


def stream_of_attribute(assets: Assets, attribute: Attribute) -> Stream:
    """Whatever stands behind an attribute."""
    reference = attribute.definition.reference
    if reference == "PI Point":
        return _point_stream(assets, attribute)
    if reference == "Formula":
        return _formula_stream(assets, attribute)
    return FixedStream(assets, attribute, fixed_value(assets, attribute))


def _point_stream(assets: Assets, attribute: Attribute) -> Stream:
    if attribute.point is None:
        return AttributeStream(assets, attribute, f"PI Point not found '{attribute.config}'.")
    try:
        return AttributePointStream(assets, attribute, assets.tag(attribute))
    except UnknownTag:
        path = attribute.config.partition("?")[0]
        return AttributeStream(assets, attribute, gone=ApiError(410, f"PI Point not found '{path}'."))


def _formula_stream(assets: Assets, attribute: Attribute) -> Stream:
    formula = Formula.parse(attribute.config)
    inputs: list[Stream] = []
    known = {a.name: a for a in assets.attributes(attribute.element)}
    for name in formula.variables.values():
        source = known.get(name)
        if source is None or source.point is None:
            return AttributeStream(assets, attribute, f"The attribute '{name}' has no value.")
        inputs.append(_point_stream(assets, source))
    return FormulaStream(assets, attribute, formula, inputs)


def state_name(assets: Assets, attribute: Attribute, code: int) -> str:
    """The name of an enumeration value."""
    database = attribute.element.database
    found = assets.catalogue.named(Kind.ENUMERATION_SET, database, attribute.definition.qualifier)
    if found is None:
        return str(code)
    return next((name for value, name, _ in found.data.values if value == code), str(code))


def fixed_value(assets: Assets, attribute: Attribute) -> Any:
    """What an attribute without archive holds: as written, looked up, or as its template says."""
    definition, element = attribute.definition, attribute.element
    if attribute.value is not None:
        return attribute.value
    if definition.reference == "String Builder":
        above = assets.parent(element)
        return f"{element.name} of {above.name if above else element.database.name}"
    if definition.reference == "Table Lookup":
        return _looked_up(assets, attribute)
    return definition.default if definition.value is None else definition.value(element.key)


def _looked_up(assets: Assets, attribute: Attribute) -> Any:
    """``SELECT [Column] FROM [Table] WHERE Key = @Attribute``."""
    match = _LOOKUP.fullmatch(attribute.config)
    if match is None:
        return None
    table = assets.catalogue.named(Kind.TABLE, attribute.element.database, match["table"])
    siblings = {a.name: a for a in assets.attributes(attribute.element)}
    if table is None or match["attribute"] not in siblings:
        return None
    names = [name for name, _ in table.data.columns]
    wanted = fixed_value(assets, siblings[match["attribute"]])
    rows = (row for row in table.data.rows if row[names.index(match["key"])] == wanted)
    return next((row[names.index(match["column"])] for row in rows), None)


def static_value(call: Call, attribute: Attribute) -> dict[str, Any]:
    """A static attribute's TimedValue."""
    stream = FixedStream(assets_of(call), attribute, fixed_value(assets_of(call), attribute))
    return call.sim.text.dicts(stream, stream.before(call.now))[0]


def _event(kind: str, value: Any) -> Events:
    events = Events.blank(np.array([0], np.int64))
    if value is None:
        events.kind[0] = NULL
    elif kind in _NUMBERS:
        events.kind[0], events.value[0] = NUMBER, float(value)
    elif kind in _INTEGERS:
        events.kind[0], events.code[0] = INTEGER, int(value)
    elif kind == "Boolean":
        events.kind[0], events.code[0] = BOOLEAN, int(value)
    elif kind == "EnumerationValue":
        events.kind[0], events.code[0] = DIGITAL, int(value)
    else:
        events.kind[0] = TEXT
        events.texts()[0] = str(value)
    return events


def _check_units(own: str, desired: str) -> None:
    if desired and desired.casefold() != own.casefold():
        raise ApiError(409, "The desired units are not supported by the attribute.", generic=True)


def resolve_attribute(call: Call, item: WebId) -> Stream:
    """The stream of an attribute's WebId."""
    if item.marker != Attribute.marker:
        raise not_found("Attribute")
    assets = assets_of(call)
    try:
        return stream_of_attribute(assets, assets.attribute_by_webid(item))
    except UnknownAsset:
        raise not_found("Attribute") from None


def resolve_set(call: Call, item: WebId) -> list[Stream]:
    """The streams of the attributes of an element, or below an attribute, after the filters of the call.

    Calls for more than single values leave out attributes whose data reference has only those.
    """
    assets = assets_of(call)
    is_element = item.marker == Element.marker
    owner: Element | Attribute
    try:
        owner = assets.element_by_webid(item) if is_element else assets.attribute_by_webid(item)
    except UnknownAsset:
        raise not_found("Element" if is_element else "Attribute") from None
    single = call.route.endswith(("/value", "/end"))
    found = attributes_below(call, assets, owner)
    kept = (a for a in found if single or a.definition.reference in _ARCHIVED)
    return [stream_of_attribute(assets, attribute) for attribute in kept]


RESOLVERS["Ab"] = resolve_attribute
SET_RESOLVERS["Em"] = resolve_set
SET_RESOLVERS["Ab"] = resolve_set
