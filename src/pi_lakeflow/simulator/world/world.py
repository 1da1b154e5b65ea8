"""The simulated plant: data servers, points, state sets, their archive, and the truth about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa

from . import ticks as t
from .archive import Archive
from .clock import Clock, RealClock
from .directory import Directory
from .edits import Edit
from .events import Events
from .frameplan import FramePlan
from .hashing import scramble
from .newevents import NewEvent, build
from .oddities import Oddities
from .states import StateSet, default_sets
from .tags import KIND_OF_TYPE, DataServer, Recipe, TagDef
from .truth import truth_table

P = TypeVar("P")
DEFAULT_START = datetime(2024, 1, 1, tzinfo=UTC)


class World(Directory):
    """A pure function of its arguments, plus the edits made through its methods.

    ``tags`` points on the first data server, ``twins`` of the same names on the second. ``density`` is
    the events per minute of an ordinary tag; ``uniform`` makes all tags plain decimals at exactly
    that pace. Nothing is older than ``start``. Between two archived events, ``discarded`` live values
    (on average) are told to whoever listens and compressed away. Times are microseconds since 1970 UTC.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        tags: int = 100,
        density: float = 1.0,
        uniform: bool = False,
        oddities: Oddities | None = None,
        clock: Clock | None = None,
        start: datetime = DEFAULT_START,
        twins: int | None = None,
        discarded: int = 2,
        frames: FramePlan | None = None,
    ) -> None:
        if tags < 0 or density <= 0 or discarded < 0:
            raise ValueError("tags and discarded cannot be negative and density must be positive")
        namespace = uuid.UUID(int=scramble(seed, 1) << 64 | scramble(seed, 2), version=4)
        self.clock: Clock = clock or RealClock()
        servers = tuple(
            DataServer(name, uuid.uuid5(namespace, name), number)
            for number, name in enumerate(("PISRV01", "PISRV02"))
        )
        if twins is None:
            twins = 0 if uniform else min(tags, max(2, tags // 100))
        self.sets = {s.name: s for s in default_sets(namespace)}
        odd = Oddities.none() if uniform else oddities or Oddities()
        recipe = Recipe(seed, density, uniform, odd, t.from_datetime(start), tuple(self.sets), discarded)
        super().__init__(recipe, servers, (tags, twins))
        self.frame_plan = frames or FramePlan()
        self.archive = Archive(recipe, self.clock, self.sets)
        self._parts: dict[Callable[[World], Any], Any] = {}

    def part(self, kind: Callable[[World], P]) -> P:
        """The one instance of an extension (``kind(world)``), made when first asked for."""
        with self._lock:
            if kind not in self._parts:
                self._parts[kind] = kind(self)
            found: P = self._parts[kind]
            return found

    # -- events ----------------------------------------------------------------------------------

    def truth(self, tag: str | TagDef, start: int, end: int) -> pa.Table:
        """What a correct lake holds of ``start <= time < end`` (microseconds), in archive order."""
        found = self.find(tag) if isinstance(tag, str) else tag
        events = self.archive.events(found, start * t.MICRO, end * t.MICRO - 1)
        if found.kind == "blob":
            events = Events.empty()  # nobody can read them
        return truth_table(self.webid(found), found, events, self.sets)

    # -- changes ---------------------------------------------------------------------------------

    def late_events(self, tag: str | TagDef, new: list[NewEvent]) -> None:
        """Add events, at any time; each goes behind those that already have its timestamp."""
        found = self.find(tag) if isinstance(tag, str) else tag
        events = build(found, new, self.sets)
        if len(events):
            self.archive.apply(found, Edit("insert", int(events.ticks[0]), int(events.ticks[-1]), events))

    def edit_event(self, tag: str | TagDef, new: NewEvent, *, nth: int = 0) -> None:
        """Give event ``nth`` at ``new.time`` another content; it becomes Substituted."""
        found = self.find(tag) if isinstance(tag, str) else tag
        events = build(found, [new], self.sets)
        at = int(events.ticks[0])
        self.archive.apply(found, Edit("replace", at, at, events, nth))

    def delete_events(self, tag: str | TagDef, start: int, end: int, *, nth: int | None = None) -> None:
        """Remove ``start <= time < end``, or only event ``nth`` at exactly ``start``."""
        found = self.find(tag) if isinstance(tag, str) else tag
        first = start * t.MICRO
        last = first if nth is not None else end * t.MICRO - 1
        self.archive.apply(found, Edit("delete", first, last, nth=nth))

    def delete_at(self, tag: TagDef, ticks: int) -> None:
        """Remove whatever is at exactly one tick."""
        self.archive.apply(tag, Edit("delete", ticks, ticks))

    def add_tags(self, count: int = 1, *, server: int = 0, created: int | None = None) -> list[TagDef]:
        """New points; their archive begins at ``created`` (microseconds; default now)."""
        since = self.clock.now() if created is None else created * t.MICRO
        with self._lock:
            first = self._sizes[server]
            self._sizes[server] += count
            for index in range(first, first + count):
                self._override(replace(self._defined(server, index), created=since))
        return [self.tag(index, server) for index in range(first, first + count)]

    def rename_tag(self, tag: str | TagDef, name: str) -> TagDef:
        """Another name for the same point; its id and history stay."""
        found = self.find(tag) if isinstance(tag, str) else tag
        self._renamed[found.server.number, name.casefold()] = found.index
        return self._override(replace(found, name=name))

    def retype_tag(
        self, tag: str | TagDef, point_type: str, *, digital_set: str = "", at: int | None = None
    ) -> TagDef:
        """Another point type; events before ``at`` (microseconds; default now) stay what they were."""
        found = self.find(tag) if isinstance(tag, str) else tag
        kind = KIND_OF_TYPE[point_type]
        chosen = (digital_set or found.digital_set or next(iter(self.sets))) if kind == "digital" else ""
        since = self.clock.now() if at is None else at * t.MICRO
        changed = replace(
            found,
            point_type=point_type,
            digital_set=chosen or found.digital_set,
            retyped=(*found.retyped, (since, kind, point_type, chosen)),
        )
        self.archive.forget()
        return self._override(changed)

    def delete_tag(self, tag: str | TagDef) -> None:
        """The point is gone, with its archive."""
        found = self.find(tag) if isinstance(tag, str) else tag
        self._deleted.add((found.server.number, found.index))
        self.revision += 1

    def add_digital_state(self, set_name: str, state: str, *, at: int | None = None) -> StateSet:
        """A set gains a state, which its tags use from ``at`` on (microseconds; default now)."""
        old = self.sets[set_name]
        since = self.clock.now() if at is None else at * t.MICRO
        added = (*old.added, (since, len(old.states)))
        self.sets[set_name] = changed = replace(old, states=(*old.states, state), added=added)
        self.archive.forget()
        self.revision += 1
        return changed

    def events(self, tag: str | TagDef, start: int, end: int) -> Events:
        """The events of ``start <= time < end`` (microseconds) as columns."""
        found = self.find(tag) if isinstance(tag, str) else tag
        return self.archive.events(found, start * t.MICRO, end * t.MICRO - 1)
