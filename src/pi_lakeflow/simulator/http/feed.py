"""What the streams of a channel tell from one look to the next, and how a message prints it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pi_lakeflow.simulator.world import UnknownTag
from pi_lakeflow.simulator.world.archive import Change
from pi_lakeflow.simulator.world.events import Events, concat
from pi_lakeflow.simulator.world.hashing import I64, countered, stream_at
from pi_lakeflow.simulator.world.live import LiveValues, uniform_moments
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.values import Salt, uniform_numbers
from pi_lakeflow.simulator.world.world import World

from .render import RowFormat, render
from .reply import encode
from .streams import Stream

if TYPE_CHECKING:
    from .call import Call


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of several streams: ``events`` stand together by stream, ``streams`` names whose they are."""

    streams: I64  # position in the channel's list, one for each event
    events: Events

    def __len__(self) -> int:
        return len(self.events)

    @classmethod
    def of(cls, parts: Sequence[tuple[int, Events]]) -> Batch:
        counts = [len(events) for _, events in parts]
        places = np.repeat(np.array([place for place, _ in parts], np.int64), counts)
        return cls(places, concat([events for _, events in parts]))

    def take(self, which: slice | I64) -> Batch:
        return Batch(self.streams[which], self.events.take(which))


class Feed:
    """The streams of one channel, with the tick up to which each of them has been told."""

    def __init__(self, world: World, tags: Sequence[TagDef]) -> None:
        self._world = world
        self._live = world.part(LiveValues)
        self._tags = list(tags)
        now = world.clock.now()
        self._told = [self._live.edge(tag) if tag.future else now for tag in tags]
        self._due = [(self._live.due(tag, self._told[n]), n) for n, tag in enumerate(tags)]
        heapq.heapify(self._due)
        self._changes: deque[Change] = deque()
        places: dict[int, list[int]] = {}
        for place, tag in enumerate(tags):
            places.setdefault(tag.key, []).append(place)
        self._places = places
        self._uniform = _Uniform.fitting(world, tags)

    def hear(self, change: Change) -> None:
        """Remember an edit for the next look; any thread may call this."""
        if change.tag.key in self._places:
            self._changes.append(change)

    def current(self) -> Batch:
        """The newest value of each stream."""
        parts = [(n, self._live.last(tag, self._told[n]).events) for n, tag in enumerate(self._tags)]
        return Batch.of([(n, events) for n, events in parts if len(events)])

    def look(self) -> Batch:
        """Everything since the last look: what the clock brought, then edits, deletions among them."""
        if self._uniform is not None and not self._world.archive.journal:
            now = self._world.clock.now()
            batch = self._uniform.between(min(self._told), now)
            self._told = [now] * len(self._told)
            return batch
        parts = self._arrivals() + self._edited()
        return Batch.of(sorted(parts, key=lambda part: part[0]))

    def _arrivals(self) -> list[tuple[int, Events]]:
        now = self._world.clock.now()
        if self._uniform is not None:
            self._leave_uniform()
        parts = []
        while self._due and self._due[0][0] <= now:
            _, place = heapq.heappop(self._due)
            try:
                tag = self._current_tag(place)
            except UnknownTag:
                continue
            edge = self._live.edge(tag)
            told = self._live.between(tag, self._told[place], edge)
            self._told[place] = edge
            heapq.heappush(self._due, (self._live.due(tag, now), place))
            if len(told):
                parts.append((place, told.events))
        return parts

    def _leave_uniform(self) -> None:
        self._uniform = None
        self._due = [(told, place) for place, told in enumerate(self._told)]
        heapq.heapify(self._due)

    def _edited(self) -> list[tuple[int, Events]]:
        parts: list[tuple[int, Events]] = []
        while self._changes:
            change = self._changes.popleft()
            events = change.removed if change.action == "delete" else change.events
            if len(events):
                parts += [(place, events) for place in self._places[change.tag.key]]
        return parts

    def _current_tag(self, place: int) -> TagDef:
        tag = self._tags[place]
        return self._world.tag(tag.index, tag.server.number)


class _Uniform:
    """The streams of a uniform world all at once: they tell at the same instants."""

    def __init__(self, world: World, tags: Sequence[TagDef]) -> None:
        self._recipe = world.recipe
        self._period = tags[0].period
        self._keys = np.array([tag.key ^ Salt.VALUE for tag in tags], np.uint64)

    @classmethod
    def fitting(cls, world: World, tags: Sequence[TagDef]) -> _Uniform | None:
        same = world.recipe.uniform and bool(tags) and len({tag.period for tag in tags}) == 1
        plain = same and all(tag.created <= world.clock.now() and not tag.retyped for tag in tags)
        return cls(world, tags) if plain else None

    def between(self, after: int, upto: int) -> Batch:
        counters, ticks = uniform_moments(self._period, self._recipe.discarded, after + 1, upto)
        if not len(ticks):
            return Batch.of([])
        hashes = stream_at(0, countered(counters)[None, :] + self._keys[:, None])
        events = Events.blank(np.tile(ticks, len(self._keys)))
        events.value[:] = uniform_numbers(hashes.ravel()) / 10_000.0
        return Batch(np.repeat(np.arange(len(self._keys)), len(ticks)), events)


class Printer:
    """Batches as messages: ``{"Links":{},"Items":[{...,"Items":[...]}]}``."""

    def __init__(self, call: Call, streams: Sequence[Stream], limit: int) -> None:
        self._streams = streams
        self._limit = limit
        self._annotated = call.sim.annotated
        self._heads = [_head(call, stream) for stream in streams]
        groups: dict[tuple[str, str], int] = {}  # of streams whose rows can be printed together
        self._groups = np.array([groups.setdefault(_group(s), len(groups)) for s in streams], np.int64)

    def messages(self, batch: Batch) -> list[tuple[bytes, Batch]]:
        """Texts, each with the part of the batch that it holds; a stream is never split."""
        if not len(batch):
            return []
        edges = np.flatnonzero(np.diff(batch.streams, prepend=-1, append=-1))
        rows = self._rows(batch)
        made, first = [], 0
        for number in range(1, len(edges)):
            last = number == len(edges) - 1
            if last or edges[number + 1] - edges[first] > self._limit:
                text = b",".join(self._item(batch, rows, edges, n) for n in range(first, number))
                part = batch.take(slice(int(edges[first]), int(edges[number])))
                made.append((b'{"Links":{},"Items":[' + text + b"]}", part))
                first = number
        return made

    def _item(self, batch: Batch, rows: list[bytes], edges: I64, number: int) -> bytes:
        low, high = int(edges[number]), int(edges[number + 1])
        head = self._heads[int(batch.streams[low])]
        return head + b",".join(rows[low:high]) + b"]}"

    def _rows(self, batch: Batch) -> list[bytes]:
        """The row of each event, printed together where units and state names are the same."""
        groups = self._groups[batch.streams]
        rows: list[bytes] = [b""] * len(batch)
        for group in np.unique(groups).tolist():
            where = np.flatnonzero(groups == group)
            stream = self._streams[int(batch.streams[where[0]])]
            properties = RowFormat().properties if self._annotated else RowFormat().properties[:-1]
            printed = render(batch.events.take(where), RowFormat(properties, stream.units), stream.state_name)
            marks = printed.offsets.tolist()
            for n, place in enumerate(where.tolist()):
                rows[place] = printed.data[marks[n] : marks[n + 1] - 1]
        return rows


def _head(call: Call, stream: Stream) -> bytes:
    web_id = stream.web_id(call.web_id_type)
    head = {
        "WebId": web_id,
        "Name": stream.name,
        "Path": stream.path,
        "Links": {"Source": call.link(stream.source(web_id))},
        "UnitsAbbreviation": stream.units,
    }
    return encode(head)[:-1] + b',"Items":['


def _group(stream: Stream) -> tuple[str, str]:
    return stream.units, stream.tag.digital_set if stream.tag is not None else ""
