"""Where frames come from. A source has an endless row of cycles; each cycle's frames are a pure function
of the world's seed, made when somebody asks for that stretch of time.

The number of a source says its kind and what it belongs to; the ordinal of a frame is its cycle and
its place in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from pi_lakeflow.simulator.world import ticks as t

from .model import Frame

_NUMBER_BITS = 28
PLACE_BITS = 8  # frames of one cycle
PLACES = 1 << PLACE_BITS


class SourceKind(IntEnum):
    """What raises frames."""

    LIMIT = 1
    STANDING = 2
    DOWNTIME = 3
    BATCH = 4
    CREATED = 5


def source_number(kind: SourceKind, number: int) -> int:
    """The identity of a source."""
    return kind << _NUMBER_BITS | number


def source_parts(source: int) -> tuple[int, int]:
    """Kind and number of a source."""
    return source >> _NUMBER_BITS, source & (1 << _NUMBER_BITS) - 1


class Source(Protocol):
    """Something that raises frames now and then. Frames of a cycle start and end within its ``reach``."""

    number: int

    def cycles(self, first: int, last: int) -> range:
        """The cycles that can have frames of any part of ``first..last`` (ticks), cycle 0 being the
        first after the world's start."""
        ...

    def frames(self, cycle: int) -> Sequence[Frame]:
        """All frames of a cycle, as they will have been in the end."""
        ...


def text_of(moment: int) -> str:
    """A moment in a frame's name: ``2024-06-27 12:05:14.123``."""
    seconds, rest = divmod(moment, t.SECOND)
    return f"{t.to_text(seconds * t.SECOND)[:-1].replace('T', ' ')}.{rest // 10_000:03d}"
