"""The archive as it was first written: block ``b`` of a tag is a pure function of its definition.

A tag has one scan per cell of ``period`` ticks; a block is 1,024 cells. Bursts and pile-ups add
events, gaps and irregular tags drop some.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from . import ticks as t
from .events import SYSTEM, Events, merge
from .hashing import I64, below, chance, scramble, stream
from .states import IO_TIMEOUT, PT_CREATED, StateSet
from .tags import Recipe, TagDef
from .values import fill

CELLS = 1024
_EXTRA = 1 << 41  # counters of burst events start here, beyond all scans
_GAP = 4 * t.HOUR
_QUIET_AFTER = 30 * t.DAY


class Salt(IntEnum):
    """One stream of random numbers for each decision."""

    JITTER = 11
    DROP = 12
    GAP = 13
    FADE = 14
    SHARED = 15
    CLOSE = 16
    CROWD = 17
    BAD_HOUR = 18


def block_length(tag: TagDef) -> int:
    """Ticks that one block of the tag covers."""
    return tag.period * CELLS


def generate(tag: TagDef, block: int, recipe: Recipe, sets: Mapping[str, StateSet]) -> Events:
    """All base events of block ``block``, whatever the time is now."""
    counters = np.arange(block * CELLS, (block + 1) * CELLS, dtype=np.int64)
    if recipe.uniform:
        ticks = counters * tag.period
        counters, ticks = _since(tag.created, counters, ticks)
        events = Events.blank(ticks)
        fill(events, tag, counters, recipe, sets)
        return events
    counters, ticks = _scans(tag, counters, recipe)
    counters, ticks = _crowd(tag, block, counters, ticks, recipe)
    counters, ticks = _since(tag.created + 1, counters, ticks)
    events = Events.blank(ticks)
    fill(events, tag, counters, recipe, sets)
    if tag.bad_hours:
        _spoil_hours(tag, events)
    length = block_length(tag)
    if recipe.oddities.point_created and block == tag.created // length:
        return merge([_created(tag), events])
    return events


def _since(first: int, counters: I64, ticks: I64) -> tuple[I64, I64]:
    if len(ticks) and ticks[0] < first:
        keep = ticks >= first
        return counters[keep], ticks[keep]
    return counters, ticks


def _scans(tag: TagDef, counters: I64, recipe: Recipe) -> tuple[I64, I64]:
    odd = recipe.oddities
    ticks = counters * tag.period + _jitter(tag, counters)
    keep = _kept(tag, counters, ticks, recipe)
    if keep is not None:
        counters, ticks = counters[keep], ticks[keep]
    if len(ticks) and (odd.shared_timestamp_events or odd.close_events):
        ticks = _crowded(tag, counters, ticks, recipe)
    return counters, ticks


def _jitter(tag: TagDef, counters: I64) -> I64:
    if not tag.irregular:
        offset = scramble(tag.key, Salt.JITTER) % tag.period
        jitter = np.full(len(counters), offset, np.int64)
    else:
        jitter = below(stream(tag.key ^ Salt.JITTER, counters), min(tag.period, 2**31))
    if tag.resolution == 0:
        # Whole, half and 1/8 seconds, so that fractions of several widths stand side by side
        step = np.array([t.SECOND, t.SECOND // 2, t.SECOND // 8, t.SECOND])[counters & 3]
        rounded: I64 = jitter // step * step
        return rounded
    return jitter // tag.resolution * tag.resolution


def _kept(tag: TagDef, counters: I64, ticks: I64, recipe: Recipe) -> npt.NDArray[np.bool_] | None:
    keep: npt.NDArray[np.bool_] | None = None
    if tag.irregular:
        keep = ~chance(stream(tag.key ^ Salt.DROP, counters), 0.2)
    if tag.gaps:
        present = ~chance(stream(tag.key ^ Salt.GAP, ticks // _GAP), 0.15)
        keep = present if keep is None else keep & present
    if tag.fading:
        alive = (ticks < recipe.start + _QUIET_AFTER) | chance(stream(tag.key ^ Salt.FADE, counters), 0.01)
        keep = alive if keep is None else keep & alive
    return keep


def _crowded(tag: TagDef, counters: I64, ticks: I64, recipe: Recipe) -> I64:
    """Move some events onto, or some ticks behind, the event before them."""
    odd = recipe.oddities
    shared = chance(stream(tag.key ^ Salt.SHARED, counters), odd.shared_timestamp_events)
    close = chance(stream(tag.key ^ Salt.CLOSE, counters), odd.close_events) & ~shared
    moved = shared | close
    moved[0] = False
    if not moved.any():
        return ticks
    place = np.arange(len(ticks))
    anchor = np.maximum.accumulate(np.where(moved, 0, place))
    steps = np.cumsum(close)
    offset = np.where(moved, (steps - steps[anchor]) * 3, 0)
    return np.maximum.accumulate(ticks[anchor] + offset)


def _crowd(tag: TagDef, block: int, counters: I64, ticks: I64, recipe: Recipe) -> tuple[I64, I64]:
    """A burst within a second, or a pile at one instant, in every other block."""
    odd = recipe.oddities
    size = odd.burst_size if tag.bursty else odd.pileup_size if tag.pileup else 0
    dice = scramble(tag.key, Salt.CROWD, block)
    if not size or dice & 1 or not len(ticks):
        return counters, ticks
    at = ticks[(dice >> 8) % len(ticks)]
    spread = np.arange(size, dtype=np.int64) * (t.SECOND - 1) // size if tag.bursty else 0
    extra = np.full(size, at, np.int64) + spread
    more = _EXTRA + block * (1 << 20) + np.arange(size, dtype=np.int64)
    ticks, counters = np.concatenate([ticks, extra]), np.concatenate([counters, more])
    order = np.argsort(ticks, kind="stable")
    return counters[order], ticks[order]


def _spoil_hours(tag: TagDef, events: Events) -> None:
    bad = chance(stream(tag.key ^ Salt.BAD_HOUR, events.ticks // t.HOUR), 1 / 24)
    events.kind[bad] = SYSTEM
    events.code[bad] = IO_TIMEOUT
    events.value[bad] = np.nan
    events.flags[bad] = 0
    if events.text is not None:
        events.text[bad] = None


def _created(tag: TagDef) -> Events:
    event = Events.blank(np.array([tag.created], np.int64), kind=SYSTEM)
    event.code[:] = PT_CREATED
    event.flags[:] = 0
    return event
