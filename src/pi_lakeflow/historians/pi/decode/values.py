"""One JSON value of PI Web API to the four value columns.

Source: PI Web API reference, topic Value Types. Any point type may hold system states.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import msgspec

from pi_lakeflow.historians.pi.decode.failures import first_text
from pi_lakeflow.historians.pi.decode.page import (
    BLOB,
    BOOLEAN,
    DIGITAL,
    NULL,
    NUMBER,
    SYSTEM,
    TEXT,
    TIMESTAMP,
)

EXACT_INTEGERS = 2**53
"""Integers up to this size are doubles without loss; beyond it the digits are kept as text."""

_NUMERIC_POINTS = frozenset({"Float16", "Float32", "Float64", "Int16", "Int32"})
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TEXT_KINDS = {"Timestamp": TIMESTAMP, "Blob": BLOB}
_INT32 = range(-(2**31), 2**31)


class State(msgspec.Struct, gc=False):
    """A digital or system state, or ``{"Errors": [..]}`` where an AF data reference failed."""

    Name: str | None = None
    Value: int | None = None
    IsSystem: bool | None = None
    Errors: Any = None

    @property
    def is_bare(self) -> bool:
        """Neither name, code nor error: not a state at all."""
        return self.Name is None and self.Value is None and self.Errors is None


class Overflow(msgspec.Struct, frozen=True, gc=False):
    """A number token beyond the doubles: the correctly rounded infinity and the text of the token."""

    value: float
    text: str

    def __str__(self) -> str:
        return self.text


class Cell(NamedTuple):
    """What one event says: the rest is empty when ``error`` is set."""

    kind: int
    value: float | None = None
    text: str | None = None
    code: int | None = None
    error: str | None = None


def cell(value: object, point_type: str) -> Cell:
    """The columns of one parsed JSON value of a stream with ``point_type`` ("" unknown)."""
    if isinstance(value, bool):
        return Cell(BOOLEAN, text="true" if value else "false")
    if isinstance(value, float):
        return Cell(NUMBER, value)
    if isinstance(value, State):
        return _state_cell(value)
    if isinstance(value, str):
        return _text_cell(value, point_type)
    if isinstance(value, int):
        return _integer_cell(value)
    if value is None:
        return Cell(NULL)
    if isinstance(value, Overflow):
        return Cell(NUMBER, value.value, value.text)
    return Cell(BLOB if point_type == "Blob" else TEXT, text=compact_json(value))


def _state_cell(state: State) -> Cell:
    if state.Errors or (state.Errors is not None and state.Name is None and state.Value is None):
        return Cell(NULL, error=first_text(state.Errors))
    code = state.Value if state.Value is not None and state.Value in _INT32 else None
    return Cell(SYSTEM if state.IsSystem else DIGITAL, text=state.Name, code=code)


def _text_cell(text: str, point_type: str) -> Cell:
    if point_type in _NUMERIC_POINTS and text in _NO_NUMBERS:
        return Cell(NUMBER, _NO_NUMBERS[text])
    return Cell(_TEXT_KINDS.get(point_type, TEXT), text=text)


def _integer_cell(value: int) -> Cell:
    exact = -EXACT_INTEGERS <= value <= EXACT_INTEGERS
    try:
        return Cell(NUMBER, float(value), None if exact else str(value))
    except OverflowError:
        return Cell(NUMBER, math.copysign(math.inf, value), str(value))


def compact_json(value: object) -> str:
    """``value`` as JSON without blanks; a number beyond the doubles keeps its digits as text."""
    return without_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def without_surrogates(text: str) -> str:
    """Lone surrogates, which no UTF-8 column can hold, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
