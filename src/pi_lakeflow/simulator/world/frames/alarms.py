"""Limit alarms: found in the tag's archive as it was first written, with deadband, in time order.

Analyses are not evaluated again when the archive is edited later, and neither are these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pi_lakeflow.simulator.cache import WeighedCache
from pi_lakeflow.simulator.world import names
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.assets.layout import Place
from pi_lakeflow.simulator.world.events import GOOD, NUMBER, Events, concat
from pi_lakeflow.simulator.world.generate import block_length, generate
from pi_lakeflow.simulator.world.hashing import scramble
from pi_lakeflow.simulator.world.limits import LIMIT_SHARES, TagLimits, limits_of
from pi_lakeflow.simulator.world.states import StateSet
from pi_lakeflow.simulator.world.tags import Recipe, TagDef

from .model import Frame
from .people import handled
from .sources import PLACES, SourceKind, source_number, text_of

_NAMES = tuple(LIMIT_SHARES)
_WORDS = {"LoLo": "Low Low", "Lo": "Low", "Hi": "High", "HiHi": "High High"}
_BOTTOM, _SLOPE, _NOISE = 0.15, 0.65, 0.1  # of values._wave
Blocks = WeighedCache[Events]


@dataclass(frozen=True, slots=True)
class _Episode:
    limit: str
    start: int
    end: int
    first: float
    peak: float


class LimitAlarms:
    """The alarms of one measurement. A cycle is one turn of its wave: a trough, then a crest."""

    def __init__(self, tag: TagDef, places: tuple[Place, ...], recipe: Recipe, blocks: Blocks) -> None:
        limits = limits_of(tag)
        if limits is None:
            raise ValueError(f"nobody watches {tag.name}")
        self.number = source_number(SourceKind.LIMIT, tag.index)
        self._tag, self._places, self._recipe, self._blocks = tag, places, recipe, blocks
        self._limits: TagLimits = limits
        self._length = t.HOUR * (4 + tag.key % 44)
        self._shift = tag.key % self._length
        self._first = (max(tag.created, recipe.start) + self._shift) // self._length
        self._what = names.measurement(tag.index).text
        self._sets: dict[str, StateSet] = {}

    def cycles(self, first: int, last: int) -> range:
        low = (first + self._shift) // self._length - self._first - 1
        high = (last + self._shift) // self._length - self._first + 1
        return range(max(0, low), max(0, high + 1))

    def frames(self, cycle: int) -> Sequence[Frame]:
        trough = (cycle + self._first) * self._length - self._shift
        episodes = sorted(self._episodes(trough), key=lambda episode: (episode.start, episode.limit))
        return [
            handled(self._frame(episode, cycle, place), self._tag.key)
            for place, episode in enumerate(episodes[:PLACES])
        ]

    def _episodes(self, trough: int) -> Iterator[_Episode]:
        for middle, sides in ((trough, ("LoLo", "Lo")), (trough + self._length // 2, ("Hi", "HiHi"))):
            widths = [self._width(name) for name in sides]
            reach = max(widths)
            events = self._events(middle - reach, middle + reach)
            for name, width in zip(sides, widths, strict=True):
                end = middle + width
                yield from self._of_limit(name, events.between(middle - width, end), end)

    def _width(self, name: str) -> int:
        """How far from the wave's turn the alarm can still be active."""
        tag, limits = self._tag, self._limits
        inside = limits.deadband / (tag.high - tag.low)
        share = LIMIT_SHARES[name]
        if name.startswith("Lo"):
            height = (share + inside - _BOTTOM) / _SLOPE
        else:
            height = 1.0 - (share - inside - _NOISE - _BOTTOM) / _SLOPE
        return int(min(1.0, height) * self._length / 2) + t.MINUTE

    def _events(self, first: int, last: int) -> Events:
        length = block_length(self._tag)
        first = max(first, self._tag.created)
        parts = [self._block(block) for block in range(first // length, last // length + 1)]
        events = concat(parts).between(first, last)
        return events.take((events.kind == NUMBER) & ((events.flags & GOOD) != 0))

    def _block(self, block: int) -> Events:
        key = (self._tag.key, block)
        known = self._blocks.get(key)
        if known is None:
            known = generate(self._tag, block, self._recipe, self._sets)
            self._blocks.put(key, known)
        return known

    def _of_limit(self, name: str, events: Events, end: int) -> Iterator[_Episode]:
        if not len(events):
            return
        limits, value = self._limits, events.value
        bound = {"LoLo": limits.lolo, "Lo": limits.lo, "Hi": limits.hi, "HiHi": limits.hihi}[name]
        high = name.startswith("Hi")
        beyond = value > bound if high else value < bound
        inside = value <= bound - limits.deadband if high else value >= bound + limits.deadband
        if not limits.deadband:
            inside = ~beyond
        for low, stop in _runs(beyond, inside):
            peak = value[low:stop].max() if high else value[low:stop].min()
            cleared = int(events.ticks[stop]) if stop < len(events) else end
            yield _Episode(name, int(events.ticks[low]), cleared, float(value[low]), float(peak))

    def _frame(self, episode: _Episode, cycle: int, place: int) -> Frame:
        tag = self._tag
        bound = getattr(self._limits, episode.limit.lower())
        element = names_of_equipment(tag.index)
        what = self._what.title()
        return Frame(
            source=self.number,
            ordinal=cycle * PLACES + place,
            name=f"{element} {what} {_WORDS[episode.limit]} {text_of(episode.start)}",
            description=f"{what} of {element} beyond {bound:g} {tag.units}".rstrip(),
            template="Limit Alarm",
            severity=_severity(tag, episode.limit),
            start=episode.start,
            end=episode.end,
            places=self._places,
            values=(
                ("Limit", bound),
                ("Limit Type", f"Limit{episode.limit}"),
                ("Peak Value", episode.peak),
                ("Start Value", episode.first),
                ("Tag", tag.name),
            ),
            modified=episode.end,
            tag=tag.index,
        )


def names_of_equipment(index: int) -> str:
    """The equipment that a tag belongs to: ``PUMP-0042``."""
    k = index // names.TAGS_PER_EQUIPMENT
    return f"{names.prefix(k)}-{k:04d}"


def _severity(tag: TagDef, limit: str) -> str:
    dice = scramble(tag.key, 78)
    if limit in ("LoLo", "HiHi"):
        return "Critical" if dice % 3 == 0 else "Major"
    return ("Warning", "Warning", "Minor")[(dice >> 8) % 3]


Mask = npt.NDArray[np.bool_]


def _runs(beyond: Mask, inside: Mask) -> Iterable[tuple[int, int]]:
    """Start and stop of each stretch from a value beyond the limit to the next one well inside."""
    change = np.where(beyond, 1, np.where(inside, -1, 0))
    place = np.maximum.accumulate(np.where(change != 0, np.arange(len(change)), 0))
    active = change[place] > 0
    edges = np.flatnonzero(np.diff(active.astype(np.int8), prepend=0, append=0))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
