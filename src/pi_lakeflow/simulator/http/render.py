"""Events to JSON text, by columns: one row is one TimedValue followed by a comma."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.events import (
    ANNOTATED,
    GOOD,
    QUESTIONABLE,
    SUBSTITUTED,
    Events,
)

from .jsonvalues import Names, json_values

# Order of the properties in an answer, folded name -> name
PROPERTIES = {
    name.casefold(): name
    for name in (
        "Timestamp",
        "Value",
        "UnitsAbbreviation",
        "Good",
        "Questionable",
        "Substituted",
        "Annotated",
    )
}
_FLAGS = {"Good": GOOD, "Questionable": QUESTIONABLE, "Substituted": SUBSTITUTED, "Annotated": ANNOTATED}


@dataclass(frozen=True, slots=True)
class RowFormat:
    """Which properties of a TimedValue are printed, in canonical order, and with which units."""

    properties: tuple[str, ...] = tuple(PROPERTIES.values())
    units: str = ""

    def text(self, flags: int) -> tuple[bytes, bytes, bytes]:
        """What stands before the time, between time and value, and behind the value."""
        return _pieces(self.properties, self.units, flags)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rendered rows: row ``i`` is ``data[offsets[i]:offsets[i + 1]]``, with its comma."""

    data: bytes
    offsets: npt.NDArray[np.int64]
    ticks: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ticks)

    def part(self, first: int, last: int) -> memoryview:
        """Rows ``first <= i < last``."""
        return memoryview(self.data)[int(self.offsets[first]) : int(self.offsets[last])]


@lru_cache(maxsize=4096)
def _pieces(properties: tuple[str, ...], units: str, flags: int) -> tuple[bytes, bytes, bytes]:
    marks = {"Timestamp": "\x00", "Value": "\x01"}
    parts = []
    for name in properties:
        if name in marks:
            text = '"\x00Z"' if name == "Timestamp" else "\x01"
        elif name == "UnitsAbbreviation":
            text = json.dumps(units, ensure_ascii=False)
        else:
            text = "true" if flags & _FLAGS[name] else "false"
        parts.append(f'"{name}":{text}')
    row = ("{" + ",".join(parts) + "},").encode()
    head, _, rest = row.partition(b"\x00") if "Timestamp" in properties else (b"", b"", row)
    middle, _, tail = rest.partition(b"\x01") if "Value" in properties else (rest, b"", b"")
    return head, middle, tail


def render(events: Events, style: RowFormat, names: Names) -> Rows:
    """All rows of ``events``. ``names`` gives the name of a digital state by its code."""
    n = len(events)
    if not n:
        return Rows(b"", np.zeros(1, np.int64), events.ticks)
    head, middle, tail = style.text(GOOD)
    parts: list[Any] = [_constant(head)]
    if "Timestamp" in style.properties:
        parts.append(times(events.ticks))
    if "Value" in style.properties:
        parts += [_constant(middle), json_values(events, names)]
    else:
        tail = middle
    parts.append(_constant(tail) if len(parts) > 1 and _same(events.flags) else _tails(events.flags, style))
    joined = pc.binary_join_element_wise(*parts, _constant(b""))
    return Rows(*_buffers(joined), events.ticks)


def _constant(text: bytes) -> pa.Scalar:
    return pa.scalar(text, pa.large_binary())


def _same(flags: npt.NDArray[np.uint8]) -> bool:
    return bool((flags == GOOD).all())


def _tails(flags: npt.NDArray[np.uint8], style: RowFormat) -> pa.Array:
    last = 2 if "Value" in style.properties else 1  # without a value all the rest is the middle piece
    pieces = pa.array([style.text(mark)[last] for mark in range(16)], pa.large_binary())
    return pieces.take(pa.array(flags & 15))


def times(ticks: npt.NDArray[np.int64]) -> pa.Array:
    """The text of times without their Z, as large_binary."""
    seconds, rest = np.divmod(ticks, t.SECOND)
    days, clock = np.divmod(seconds, 86_400)
    text = np.empty((len(ticks), 19), np.uint8)
    text[:, :11] = _dates(days)
    text[:, 11:] = _clock_table()[clock]
    whole = _fixed(text)
    if not rest.any():
        return whole
    return pc.binary_join_element_wise(whole, _fractions(rest), _constant(b""))


def _dates(days: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    first = int(days[0])
    if days[-1] == first and bool((days == first).all()):
        return _date_text(first)[None, :]
    known, inverse = np.unique(days, return_inverse=True)
    table: npt.NDArray[np.uint8] = np.stack([_date_text(int(day)) for day in known])[inverse]
    return table


@lru_cache(maxsize=10_000)
def _date_text(day: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(t.to_text(day * t.DAY)[:11].encode(), np.uint8)


@lru_cache(maxsize=1)
def _clock_table() -> npt.NDArray[np.uint8]:
    text = b"".join(b"%02d:%02d:%02d" % (s // 3600, s // 60 % 60, s % 60) for s in range(86_400))
    return np.frombuffer(text, np.uint8).reshape(86_400, 8)


def _fractions(rest: npt.NDArray[np.int64]) -> pa.Array:
    """``.5`` of 5,000,000 ticks; nothing for whole seconds; no trailing zeros."""
    text = np.empty((len(rest), 8), np.uint8)
    text[:, 0] = ord(".")
    left = rest.copy()
    for place in range(7, 0, -1):
        left, digit = np.divmod(left, 10)
        text[:, place] = digit + ord("0")
    keep = np.ones((len(rest), 8), bool)
    keep[:, 7] = text[:, 7] != ord("0")
    for place in range(6, 0, -1):
        keep[:, place] = keep[:, place + 1] | (text[:, place] != ord("0"))
    keep[:, 0] = keep[:, 1]
    offsets = np.zeros(len(rest) + 1, np.int64)
    np.cumsum(keep.sum(axis=1), out=offsets[1:])
    return _strings(offsets, text[keep].tobytes())


def _fixed(matrix: npt.NDArray[np.uint8]) -> pa.Array:
    rows, width = matrix.shape
    return _strings(np.arange(rows + 1, dtype=np.int64) * width, matrix.tobytes())


def _strings(offsets: npt.NDArray[np.int64], data: bytes) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _buffers(array: pa.Array) -> tuple[bytes, npt.NDArray[np.int64]]:
    _, offsets, data = array.buffers()
    marks = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return data.to_pybytes()[int(marks[0]) : int(marks[-1])], marks - marks[0]
