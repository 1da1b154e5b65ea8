"""What a tag tells while time passes: archived events, and values that compression discards.

PI sends every value that passes the exception test to whoever listens; the archive keeps those that
the compression test needs. Both are computed here from the seed: the archived ones are the archive's own
events, and the others lie between them, never at a microsecond that an archived event has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import ticks as t
from .archive import Archive
from .events import Events, concat
from .generate import block_length
from .hashing import I64, below, chance, stream
from .tags import TagDef
from .values import fill
from .world import World

_DISCARDED = 1 << 42  # counters of discarded values start here, beyond bursts
_SALT_WHEN, _SALT_WHETHER = 201, 202
_LOOK_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Told:
    """Live values in order of time; ``archived`` says which the archive keeps."""

    events: Events
    archived: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.events)


class LiveValues:
    """The live side of a world: ``world.part(LiveValues)``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._archive: Archive = world.archive
        self._recipe = world.recipe

    def edge(self, tag: TagDef) -> int:
        """Up to which tick the tag has told everything: now, or some days on for a future point."""
        return self._archive.horizon(tag)

    def between(self, tag: TagDef, after: int, upto: int) -> Told:
        """What the tag tells of ``after < ticks <= upto``."""
        kept = self._archive.gained(tag, after + 1, upto)
        loose = self._discarded(tag, after + 1, upto, kept)
        if not len(loose):
            return Told(kept, np.ones(len(kept), bool))
        whole = concat([kept, loose])
        order = np.argsort(whole.ticks, kind="stable")
        return Told(whole.take(order), order < len(kept))

    def last(self, tag: TagDef, upto: int) -> Told:
        """The newest live value at or before ``upto``: one or none."""
        before = self._archive.before(tag, upto + 1)
        since = int(before.ticks[-1]) if len(before) else tag.created
        loose = self._discarded(tag, max(since + 1, upto - 4 * tag.period), upto, before)
        if len(loose):
            return Told(loose.take(slice(-1, None)), np.zeros(1, bool))
        return Told(before, np.ones(len(before), bool))

    def due(self, tag: TagDef, after: int) -> int:
        """A tick behind ``after`` by which the tag may tell something; nothing is told before it."""
        if tag.future:
            return after // t.DAY * t.DAY + t.DAY
        first = after + 1
        for width in (tag.period, _LOOK_AHEAD * tag.period):
            told = self._sooner(tag, first, first + width)
            if told is not None:
                return told
            first += width
        return first

    def _sooner(self, tag: TagDef, first: int, last: int) -> int | None:
        """The first scan or discarded value in a range of ticks, be it in the future."""
        length = block_length(tag)
        found = [int(x[0]) for x in [self._moments(tag, first, last)[1]] if len(x)]
        for block in range(first // length, last // length + 1):
            events = self._archive.scans(tag, block).between(first, last)
            if len(events):
                found.append(int(events.ticks[0]))
                break
        return min(found) if found else None

    def _discarded(self, tag: TagDef, first: int, last: int, kept: Events) -> Events:
        if tag.kind == "blob" or first > last:
            return Events.empty()
        counters, ticks = self._moments(tag, max(first, tag.created + 1), min(last, self.edge(tag)))
        if not len(ticks):
            return Events.empty()
        micros = ticks // t.MICRO
        around = self._archive.events(tag, int(ticks[0]) - t.MICRO, int(ticks[-1]) + t.MICRO)
        new = ~np.isin(micros, around.ticks // t.MICRO) & ~np.isin(micros, kept.ticks // t.MICRO)
        new[1:] &= micros[1:] != micros[:-1]
        events = Events.blank(ticks[new])
        fill(events, tag, counters[new], self._recipe, self._world.sets)
        return events

    def _moments(self, tag: TagDef, first: int, last: int) -> tuple[I64, I64]:
        """Counters and ticks of the discarded values in a range of ticks, both inclusive."""
        share = self._recipe.discarded
        if not share or first > last:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        cells = np.arange(first // tag.period, last // tag.period + 1, dtype=np.int64)
        counters = (cells[:, None] * share + np.arange(share)).ravel()
        if self._recipe.uniform:
            counters, ticks = uniform_moments(tag.period, share, first, last)
            loose = counters >= _DISCARDED
            return counters[loose], ticks[loose]
        counters, ticks = _scattered(tag, cells, counters, share)
        inside = (ticks >= first) & (ticks <= last)
        return _DISCARDED + counters[inside], ticks[inside]


def uniform_moments(period: int, share: int, first: int, last: int) -> tuple[I64, I64]:
    """Counters and ticks of all live values of a uniform tag, archived ones included."""
    cells = np.arange(first // period, last // period + 1, dtype=np.int64)
    places = np.arange(share + 1)
    ticks = (cells[:, None] * period + places * (period // (share + 1))).ravel()
    loose = _DISCARDED + cells[:, None] * share + places - 1
    counters = np.where(places == 0, cells[:, None], loose).ravel()
    inside = (ticks >= first) & (ticks <= last)
    return counters[inside], ticks[inside]


def _scattered(tag: TagDef, cells: I64, counters: I64, share: int) -> tuple[I64, I64]:
    """Nine of ten values, each somewhere in its cell, at the resolution of the tag where that allows it."""
    ticks = np.repeat(cells, share) * tag.period
    ticks += below(stream(tag.key ^ _SALT_WHEN, counters), min(tag.period, 2**31))
    step = min(tag.resolution or t.SECOND // 8, max(1, tag.period // (4 * share)))
    ticks = ticks // step * step
    keep = ~chance(stream(tag.key ^ _SALT_WHETHER, counters), 0.1)
    counters, ticks = counters[keep], ticks[keep]
    order = np.argsort(ticks, kind="stable")
    return counters[order], ticks[order]
