"""Streams that are made of others: expressions, samples, filtered values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.events import (
    BOOLEAN,
    DIGITAL,
    GOOD,
    NUMBER,
    SYSTEM,
    TEXT,
    TIMESTAMP,
    Events,
    concat,
)
from pi_lakeflow.simulator.world.states import CALC_FAILED, FILTERED, SYSTEM_STATES
from pi_lakeflow.simulator.world.tags import TagDef

from .expressions import Expression
from .filters import Filter
from .functions import Failed, Moment, Named, Scope, Tag, Value
from .streams import Stream
from .timeparse import TimeZone

_FAILED = Named(SYSTEM_STATES[CALC_FAILED], CALC_FAILED, system=True)


class Computed:
    """Events that somebody computed, as a stream; it has no archive of its own."""

    name = path = units = ""
    tag: TagDef | None = None
    future = False

    def __init__(
        self,
        events: Events,
        names: dict[int, str],
        *,
        step: bool = False,
        numeric: bool = True,
        default_range: tuple[int, int] | None = None,
    ) -> None:
        self._events = events
        self._names = names
        self.step = step
        self.numeric = numeric
        self.default_range = default_range

    def web_id(self, _web_id_type: str) -> str:
        return ""

    def source(self, _web_id: str) -> str:
        return ""

    def state_name(self, code: int) -> str:
        return self._names.get(code) or SYSTEM_STATES.get(code, "")

    def check_units(self, _desired: str) -> None:
        """Values of expressions have no units."""

    @property
    def events(self) -> Events:
        """All of them, in the order in which they were computed."""
        return self._events

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        del reverse  # it is one piece
        yield self._events.between(first, last)

    def before(self, moment: int) -> Events:
        place = int(np.searchsorted(self._events.ticks, moment, "left"))
        return self._events.take(slice(max(0, place - 1), place))

    def after(self, moment: int) -> Events:
        place = int(np.searchsorted(self._events.ticks, moment, "right"))
        return self._events.take(slice(place, place + 1))


def evaluate(expression: Expression, moments: Sequence[int], *, now: int, zone: TimeZone) -> Computed:
    """The values of an expression at these times."""
    names: dict[int, str] = {}
    values = [_value(expression, Scope(moment, now, zone)) for moment in moments]
    parts = [_event(moment, value, names) for moment, value in zip(moments, values, strict=True)]
    return Computed(concat(parts), names, default_range=range_of(expression))


def range_of(expression: Expression) -> tuple[int, int] | None:
    """The default range of an event frame's attributes, if the expression names one."""
    return next((r for tag in expression.tags if (r := tag.stream.default_range) is not None), None)


def member_times(expression: Expression, first: int, last: int) -> list[int]:
    """The times of all events of the streams that an expression names."""
    parts = [events.ticks for tag in expression.tags for events in tag.stream.walk(first, last)]
    return [int(x) for x in np.unique(np.concatenate(parts))] if parts else []


def filtered(stream: Stream, events: Events, condition: Filter) -> Computed:
    """The events of a stream; those that fail the condition are the bad state Filtered."""
    keep = condition(events, stream.state_name)
    shown = events.take(slice(None))
    for column in ("kind", "code", "value", "flags"):
        setattr(shown, column, getattr(events, column).copy())
    shown.kind[~keep], shown.code[~keep], shown.value[~keep] = SYSTEM, FILTERED, np.nan
    shown.flags[~keep] &= ~np.uint8(GOOD)
    return like(stream, shown)


def like(stream: Stream, events: Events) -> Computed:
    """Other events under the properties of a stream."""
    codes = {int(code) for code in np.unique(events.code[np.isin(events.kind, (DIGITAL, SYSTEM))])}
    names = {code: stream.state_name(code) for code in codes if code != FILTERED}
    made = Computed(
        events, names, step=stream.step, numeric=stream.numeric, default_range=stream.default_range
    )
    made.units = stream.units
    return made


def _value(expression: Expression, scope: Scope) -> Value:
    try:
        return expression.at(scope)
    except Failed:
        return _FAILED


def _event(moment: int, value: Value, names: dict[int, str]) -> Events:
    event = Events.blank(np.array([moment], np.int64))
    if value is None or isinstance(value, Tag):
        value = _FAILED
    if isinstance(value, Named):
        names.setdefault(value.code, value.name)
        event.kind[:], event.code[:] = SYSTEM if value.system else DIGITAL, value.code
        event.flags[:] = 0 if value.system else GOOD
    elif isinstance(value, bool):
        event.kind[:], event.code[:] = BOOLEAN, int(value)
    elif isinstance(value, float | int):
        event.kind[:], event.value[:] = NUMBER, float(value)
    else:
        event.kind[:] = TIMESTAMP if isinstance(value, Moment) else TEXT
        event.texts()[:] = [t.to_text(value.ticks) if isinstance(value, Moment) else value]
    return event
