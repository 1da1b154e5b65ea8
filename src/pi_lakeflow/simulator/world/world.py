"""The simulated plant: data servers, points, state sets, their archive, and the truth about it."""

from __future__ import annotations

import re
import threading
import uuid
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import pyarrow as pa

from pi_lakeflow.simulator.cache import WeighedCache

from . import names, webid
from . import ticks as t
from .archive import Archive
from .clock import Clock, RealClock
from .edits import Edit
from .events import Events
from .hashing import scramble
from .newevents import NewEvent, build
from .oddities import Oddities
from .states import StateSet, default_sets
from .tags import KIND_OF_TYPE, DataServer, Recipe, TagDef, define
from .truth import truth_table

P = TypeVar("P")
DEFAULT_START = datetime(2024, 1, 1, tzinfo=UTC)


class UnknownTag(LookupError):
    """No such point."""


class World:
    """A pure function of its arguments, plus the edits made through its methods.

    ``tags`` points on the first data server, ``twins`` of the same names on the second. ``density`` is
    the events per minute of an ordinary tag; ``uniform`` makes all tags plain decimals at exactly
    that pace. Nothing is older than ``start``. Times are microseconds since 1970 UTC.
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
    ) -> None:
        if tags < 0 or density <= 0:
            raise ValueError("tags cannot be negative and density must be positive")
        namespace = uuid.UUID(int=scramble(seed, 1) << 64 | scramble(seed, 2), version=4)
        self.clock: Clock = clock or RealClock()
        self.servers = tuple(
            DataServer(name, uuid.uuid5(namespace, name), number)
            for number, name in enumerate(("PISRV01", "PISRV02"))
        )
        if twins is None:
            twins = 0 if uniform else min(tags, max(2, tags // 100))
        self._sizes = [tags, twins]
        self.sets = {s.name: s for s in default_sets(namespace)}
        self.recipe = Recipe(
            seed,
            density,
            uniform,
            Oddities.none() if uniform else oddities or Oddities(),
            t.from_datetime(start),
            tuple(self.sets),
        )
        self.archive = Archive(self.recipe, self.clock, self.sets)
        self.revision = 0  # grows with every change of names, tags or sets
        self._overrides: dict[tuple[int, int], TagDef] = {}
        self._renamed: dict[tuple[int, str], int] = {}
        self._deleted: set[tuple[int, int]] = set()
        self._parts: dict[Callable[[World], Any], Any] = {}
        self._lock = threading.RLock()
        self._matches: WeighedCache[array[int]] = WeighedCache(10_000_000, len)
        self._defined = lru_cache(maxsize=20_000)(self._define)

    # -- tags ------------------------------------------------------------------------------------

    def part(self, kind: Callable[[World], P]) -> P:
        """The one instance of an extension (``kind(world)``), made when first asked for."""
        with self._lock:
            if kind not in self._parts:
                self._parts[kind] = kind(self)
            found: P = self._parts[kind]
            return found

    def size(self, server: int = 0) -> int:
        """How many indices a data server has, deleted tags included."""
        return self._sizes[server]

    def tag(self, index: int, server: int = 0) -> TagDef:
        """Tag number ``index`` of a data server, or :class:`UnknownTag`."""
        if not 0 <= index < self._sizes[server] or (server, index) in self._deleted:
            raise UnknownTag(f"{self.servers[server].name}: {index}")
        return self._overrides.get((server, index)) or self._defined(server, index)

    def tags(self, server: int = 0) -> Iterator[TagDef]:
        """All tags of a data server, in order of their indices."""
        for index in range(self._sizes[server]):
            if (server, index) not in self._deleted:
                yield self.tag(index, server)

    def has_deleted(self, server: int = 0) -> bool:
        """Whether some indices of a data server are gone."""
        return any(number == server for number, _ in self._deleted)

    def matching(self, server: int, key: str, pattern: re.Pattern[str]) -> array[int]:
        """The indices of the tags whose names match, in order; ``key`` names the pattern in a cache."""
        known = self._matches.get((server, key, self.revision))
        if known is None:
            full = pattern.fullmatch
            known = array("q", (tag.index for tag in self.tags(server) if full(tag.name)))
            self._matches.put((server, key, self.revision), known)
        return known

    def by_name(self, name: str, server: int = 0) -> TagDef:
        """The tag of that name (case does not matter), or :class:`UnknownTag`."""
        wanted = name.casefold()
        known = self._renamed.get((server, wanted))
        choices = names.candidates(name) if known is None else (known,)
        for index in choices:
            if 0 <= index < self._sizes[server] and (server, index) not in self._deleted:
                tag = self.tag(index, server)
                if tag.name.casefold() == wanted:
                    return tag
        raise UnknownTag(name)

    def find(self, text: str) -> TagDef:
        """By WebId, by path (``\\\\server\\tag``), or by name on the first server that has it."""
        try:
            return self.by_webid(webid.parse(text))
        except (webid.BadWebId, UnknownTag):
            pass  # then it is a path or a name
        if text.startswith("\\\\"):
            return self.by_path(text)
        for server in self.servers:
            try:
                return self.by_name(text, server.number)
            except UnknownTag:
                continue
        raise UnknownTag(text)

    def by_path(self, path: str) -> TagDef:
        """By ``\\\\server\\tag``."""
        head, _, name = path.removeprefix("\\\\").partition("\\")
        for server in self.servers:
            if server.name.casefold() == head.casefold():
                return self.by_name(name, server.number)
        raise UnknownTag(path)

    def by_webid(self, item: webid.WebId) -> TagDef:
        """By the parts of a WebId of a point; ids win over the path of a full id."""
        if item.marker != webid.POINT:
            raise UnknownTag("not a PI point")
        if isinstance(item.object, int):
            for server in self.servers:
                if item.server in (None, server.guid):
                    return self.tag(item.object - 1, server.number)
        if item.server is None and item.path is not None:
            return self.by_path(item.path)
        raise UnknownTag(str(item.object))

    def webid(self, tag: TagDef, web_id_type: str = "IDOnly") -> str:
        """The WebId of a tag."""
        return webid.mint(web_id_type, webid.POINT, server=tag.server.guid, path=tag.path, item=tag.point_id)

    # -- events ----------------------------------------------------------------------------------

    def truth(self, tag: str | TagDef, start: int, end: int) -> pa.Table:
        """What a correct lake holds of ``start <= time < end`` (microseconds), in archive order."""
        found = self.find(tag) if isinstance(tag, str) else tag
        events = self.archive.events(found, start * t.MICRO, end * t.MICRO - 1)
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

    def _override(self, tag: TagDef) -> TagDef:
        self._overrides[tag.server.number, tag.index] = tag
        self.revision += 1
        return tag

    def _define(self, server: int, index: int) -> TagDef:
        return define(self.recipe, self.servers[server], index)
