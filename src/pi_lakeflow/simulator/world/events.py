"""Events of one tag as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .hashing import F64, I64

# kinds
NUMBER, TEXT, DIGITAL, SYSTEM, BOOLEAN, TIMESTAMP, NULL, INTEGER = range(8)
KIND_NAMES = ("number", "text", "digital", "system", "boolean", "timestamp", "null", "number")
# flags
GOOD, QUESTIONABLE, SUBSTITUTED, ANNOTATED = 1, 2, 4, 8

U8 = npt.NDArray[np.uint8]


@dataclass(slots=True)
class Events:
    """Columns of equal length, in archive order (by time; equal times in order of arrival).

    ``ticks``: 100 ns since 1970 UTC. ``value``: for NUMBER. ``code``: the integer of INTEGER, the state
    code of DIGITAL and SYSTEM, 0 or 1 of BOOLEAN. ``text``: of TEXT and TIMESTAMP, else None;
    the column is None when no event has one.
    """

    ticks: I64
    kind: U8
    value: F64
    code: I64
    flags: U8
    text: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.ticks)

    @classmethod
    def empty(cls) -> Events:
        return cls.blank(np.empty(0, np.int64))

    @classmethod
    def blank(cls, ticks: I64, *, kind: int = NUMBER) -> Events:
        """Good events of one kind with nothing in them yet."""
        n = len(ticks)
        return cls(
            ticks,
            np.full(n, kind, np.uint8),
            np.full(n, np.nan),
            np.zeros(n, np.int64),
            np.full(n, GOOD, np.uint8),
        )

    def take(self, which: Any) -> Events:
        """The events that an index, mask or slice selects."""
        text = None if self.text is None else self.text[which]
        return Events(
            self.ticks[which],
            self.kind[which],
            self.value[which],
            self.code[which],
            self.flags[which],
            text,
        )

    def texts(self) -> npt.NDArray[np.object_]:
        """The text column, made when it is missing."""
        if self.text is None:
            self.text = np.full(len(self), None, object)
        return self.text

    def between(self, first: int, last: int) -> Events:
        """The events with ``first <= ticks <= last``."""
        low = int(np.searchsorted(self.ticks, first, "left"))
        high = int(np.searchsorted(self.ticks, last, "right"))
        return self if low == 0 and high == len(self) else self.take(slice(low, high))

    def same(self, other: Events) -> bool:
        """Whether both hold the same, used to find what an edit changed."""
        return (
            len(self) == len(other)
            and bool((self.ticks == other.ticks).all())
            and bool((self.kind == other.kind).all())
            and bool((self.code == other.code).all())
            and bool((self.flags == other.flags).all())
            and np.array_equal(self.value, other.value, equal_nan=True)
            and list(self.texts()) == list(other.texts())
        )


def concat(parts: Sequence[Events]) -> Events:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Events.empty()
    text = None
    if any(p.text is not None for p in parts):
        text = np.concatenate([p.texts() for p in parts])
    return Events(
        np.concatenate([p.ticks for p in parts]),
        np.concatenate([p.kind for p in parts]),
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.code for p in parts]),
        np.concatenate([p.flags for p in parts]),
        text,
    )


def merge(parts: Sequence[Events]) -> Events:
    """In time order; events of equal time keep the order of the parts."""
    whole = concat(parts)
    if len(whole) > 1 and bool((whole.ticks[1:] < whole.ticks[:-1]).any()):
        return whole.take(np.argsort(whole.ticks, kind="stable"))
    return whole
