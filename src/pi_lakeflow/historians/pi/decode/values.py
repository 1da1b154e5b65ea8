"""One JSON value of PI Web API to the four value columns.

Source: PI Web API reference, topic Value Types. Any point type may hold system states.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

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


class State(msgspec.Struct, gc=False):
    """A digital or system state, or ``{"Errors": [..]}`` where an AF data reference failed."""

    Name: str | None = None
    Value: int | None = None
    IsSystem: bool | None = None
    Errors: Any = None

    @property
    def is_plain(self) -> bool:
        """A named state, nothing else: the usual case."""
        return self.Errors is None and self.Name is not None

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


def point_class(point_type: str) -> str:
    """A point type that stands for all those whose values are read as those of ``point_type``."""
    if point_type in _NUMERIC_POINTS:
        return "Float64"
    return point_type if point_type in _TEXT_KINDS else ""


@dataclass(slots=True)
class OddValues:
    """Columns for the events that are not plain doubles, in the order of ``add``.

    ``codes`` are as the server said them, of any size.
    """

    kinds: list[int] = field(default_factory=list)
    numbers: list[float | None] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)

    def add(self, value: object, point_type: str) -> str | None:
        """Append the row of one parsed JSON value; the text of the failure that it is, if it is one."""
        if isinstance(value, State) and value.Errors is None:
            self._append(SYSTEM if value.IsSystem else DIGITAL, text=value.Name, code=value.Value)
        elif isinstance(value, str):
            self._add_text(value, point_type)
        elif isinstance(value, bool):
            self._append(BOOLEAN, text="true" if value else "false")
        elif isinstance(value, float):
            self._append(NUMBER, value)
        elif isinstance(value, int):
            self._append(NUMBER, *_integer(value))
        elif value is None:
            self._append(NULL)
        elif isinstance(value, Overflow):
            self._append(NUMBER, value.value, value.text)
        elif isinstance(value, State):
            return self._add_failure(value)
        else:
            self._append(BLOB if point_type == "Blob" else TEXT, text=compact_json(value))
        return None

    def add_states(self, states: list[State]) -> None:
        """Append the rows of many states, none of them a failure."""
        self.kinds += [SYSTEM if state.IsSystem else DIGITAL for state in states]
        self.numbers += [None] * len(states)
        self.texts += [state.Name for state in states]
        self.codes += [state.Value for state in states]

    def add_texts(self, texts: list[str], point_type: str) -> None:
        """Append the rows of many strings of points of one type."""
        if point_type in _NUMERIC_POINTS and not _NO_NUMBERS.keys().isdisjoint(texts):
            for text in texts:
                self._add_text(text, point_type)
            return
        self.kinds += [_TEXT_KINDS.get(point_type, TEXT)] * len(texts)
        self.numbers += [None] * len(texts)
        self.texts += texts
        self.codes += [None] * len(texts)

    def _append(
        self, kind: int, number: float | None = None, text: str | None = None, code: int | None = None
    ) -> None:
        self.kinds.append(kind)
        self.numbers.append(number)
        self.texts.append(text)
        self.codes.append(code)

    def _add_text(self, text: str, point_type: str) -> None:
        if point_type in _NUMERIC_POINTS and text in _NO_NUMBERS:
            self._append(NUMBER, _NO_NUMBERS[text])
        else:
            self._append(_TEXT_KINDS.get(point_type, TEXT), text=text)

    def _add_failure(self, state: State) -> str | None:
        if not state.Errors and (state.Name is not None or state.Value is not None):
            self._append(SYSTEM if state.IsSystem else DIGITAL, text=state.Name, code=state.Value)
            return None
        self._append(NULL)
        return first_text(state.Errors)


def _integer(value: int) -> tuple[float, str | None]:
    if -EXACT_INTEGERS <= value <= EXACT_INTEGERS:
        return float(value), None
    try:
        return float(value), str(value)
    except OverflowError:
        return (math.inf if value > 0 else -math.inf), str(value)


def compact_json(value: object) -> str:
    """``value`` as JSON without blanks; a number beyond the doubles keeps its digits as text."""
    return without_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def without_surrogates(text: str) -> str:
    """Lone surrogates, which no UTF-8 column can hold, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
