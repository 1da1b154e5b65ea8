"""The functions of performance equations, and what their values are."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pi_lakeflow.simulator.world.events import (
    BOOLEAN,
    DIGITAL,
    GOOD,
    INTEGER,
    NULL,
    SYSTEM,
    TEXT,
    TIMESTAMP,
    Events,
)

from .interpolate import value_at
from .streams import Stream
from .timeparse import TimeZone, local, parse_time

MANY = 99


class Failed(Exception):
    """The value cannot be computed: it is the system state Calc Failed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: ticks of 100 ns since 1970 UTC."""

    ticks: int


@dataclass(frozen=True, slots=True)
class Named:
    """A digital or system state as a value."""

    name: str
    code: int
    system: bool


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """A stream that an expression names."""

    stream: Stream


Value = float | str | bool | Moment | Named | Tag | None


@dataclass(frozen=True, slots=True)
class Scope:
    """The moment for which an expression is evaluated."""

    at: int
    now: int
    zone: TimeZone

    def value(self, tag: Tag, moment: int) -> Value:
        """The value of a stream, interpolated unless it has steps."""
        return value_of(tag.stream, value_at(tag.stream, moment))

    def moment(self, text: Value) -> int:
        """A time operand in ticks; ``*`` is the moment of the evaluation."""
        if isinstance(text, Moment):
            return text.ticks
        if isinstance(text, str):
            return parse_time(text, now=self.at, zone=self.zone)
        raise Failed("a time was expected")


def value_of(stream: Stream, event: Events) -> Value:
    """The first event as an operand; bad numbers and nulls are None."""
    if not len(event):
        return None
    kind, code = int(event.kind[0]), int(event.code[0])
    if kind in (DIGITAL, SYSTEM):
        return Named(stream.state_name(code), code, kind == SYSTEM)
    if kind in (TEXT, TIMESTAMP):
        return str(event.texts()[0])
    if kind == NULL or not event.flags[0] & GOOD:
        return None
    if kind == BOOLEAN:
        return bool(code)
    return float(code) if kind == INTEGER else float(event.value[0])


def as_number(value: Value) -> float:
    """A number, or :class:`Failed`."""
    if isinstance(value, int | float):
        return float(value)
    raise Failed("a number was expected")


def as_truth(value: Value) -> bool:
    """True or false, or :class:`Failed`."""
    if isinstance(value, int | float):
        return bool(value)
    raise Failed("a condition was expected")


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(how: str, left: Value, right: Value) -> bool:
    """Numbers, times, and texts without regard to case; a state compares by its name."""
    a, b = _comparable(left), _comparable(right)
    if type(a) is not type(b):
        raise Failed("things of different kinds cannot be compared")
    return _ORDER[how](a, b)


def _comparable(value: Value) -> float | str | Moment:
    if isinstance(value, Named) and not value.system:
        return value.name.casefold()
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, Moment):
        return float(value.ticks)
    return as_number(value)


@dataclass(frozen=True, slots=True)
class Function:
    """``least`` to ``most`` arguments; ``first_is_tag`` when the first is a tag and not its value."""

    name: str
    call: Callable[..., Value]
    least: int = 1
    most: int = 1
    first_is_tag: bool = False


def _plain(name: str, work: Callable[[float], float]) -> Function:
    return Function(name, lambda _scope, x: work(as_number(x)))


def _of_many(name: str, work: Callable[[list[float]], float]) -> Function:
    """Statistics of the arguments that are numbers; none is a failure."""

    def call(_scope: Scope, *arguments: Value) -> Value:
        numbers = [float(x) for x in arguments if isinstance(x, int | float)]
        if not numbers:
            raise Failed("no argument is a number")
        return work(numbers)

    return Function(name, call, 1, MANY)


def _part(name: str, work: Callable[[datetime], int]) -> Function:
    """A part of the wall-clock time of an instant."""
    return Function(name, lambda scope, x: float(work(local(scope.moment(x), scope.zone)[0])))


def _round(_scope: Scope, x: Value, unit: Value = 1.0) -> Value:
    step = as_number(unit)
    return math.floor(as_number(x) / step + 0.5) * step


def _poly(_scope: Scope, x: Value, *coefficients: Value) -> Value:
    base = as_number(x)
    return sum(as_number(c) * base**power for power, c in enumerate(coefficients))


def _bad(_scope: Scope, x: Value) -> Value:
    return 1.0 if x is None or (isinstance(x, Named) and x.system) else 0.0


def _state_number(_scope: Scope, x: Value) -> Value:
    if isinstance(x, Named):
        return float(x.code)
    raise Failed("a state was expected")


def _tag_value(scope: Scope, tag: Tag, moment: Value = None) -> Value:
    return scope.value(tag, scope.at if moment is None else scope.moment(moment))


def _neighbour(name: str, *, later: bool, when: bool) -> Function:
    def call(scope: Scope, tag: Tag, moment: Value = None) -> Value:
        at = scope.at if moment is None else scope.moment(moment)
        event = tag.stream.after(at) if later else tag.stream.before(at)
        if not len(event):
            raise Failed("there is no such event")
        return Moment(int(event.ticks[0])) if when else value_of(tag.stream, event)

    return Function(name, call, 1, 2, first_is_tag=True)


_ALL = (
    _plain("Abs", abs),
    _plain("Acos", math.acos),
    _plain("Asin", math.asin),
    _plain("Atn", math.atan),
    Function("Atn2", lambda _scope, y, x: math.atan2(as_number(y), as_number(x)), 2, 2),
    _plain("Cos", math.cos),
    _plain("Cosh", math.cosh),
    _plain("Exp", math.exp),
    _plain("Frac", lambda x: math.modf(x)[0]),
    _plain("Int", lambda x: float(math.trunc(x))),
    _plain("Log", math.log),
    _plain("Log10", math.log10),
    Function("Poly", _poly, 2, MANY),
    Function("Round", _round, 1, 2),
    _plain("Sgn", lambda x: float((x > 0) - (x < 0))),
    _plain("Sin", math.sin),
    _plain("Sinh", math.sinh),
    _plain("Sqr", math.sqrt),
    _plain("Tan", math.tan),
    _plain("Tanh", math.tanh),
    _plain("Trunc", lambda x: float(math.trunc(x))),
    _of_many("Avg", statistics.fmean),
    _of_many("Max", max),
    _of_many("Median", statistics.median),
    _of_many("Min", min),
    _of_many("Total", math.fsum),
    Function("BadVal", _bad),
    Function("StateNo", _state_number),
    Function("TagVal", _tag_value, 1, 2, first_is_tag=True),
    _neighbour("PrevVal", later=False, when=False),
    _neighbour("NextVal", later=True, when=False),
    _neighbour("PrevEvent", later=False, when=True),
    _neighbour("NextEvent", later=True, when=True),
    Function("ParseTime", lambda scope, x: Moment(scope.moment(x))),
    _part("Year", lambda wall: wall.year),
    _part("Month", lambda wall: wall.month),
    _part("Day", lambda wall: wall.day),
    _part("Hour", lambda wall: wall.hour),
    _part("Minute", lambda wall: wall.minute),
    _part("Second", lambda wall: wall.second),
    _part("Weekday", lambda wall: wall.isoweekday() % 7 + 1),
)
FUNCTIONS = {function.name.lower(): function for function in _ALL}
