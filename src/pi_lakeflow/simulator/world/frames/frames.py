"""The event frames of a world: ``frames = world.part(Frames)``. Times are ticks of 100 ns.

What happened is computed when somebody asks for a stretch of time; what people changed through
:class:`~.changes.FrameChanges` lies over it.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pi_lakeflow.simulator.cache import WeighedCache
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.assets import Assets, Database, Element, Key, Kind, Level, Place
from pi_lakeflow.simulator.world.events import Events
from pi_lakeflow.simulator.world.limits import limits_of
from pi_lakeflow.simulator.world.names import TAGS_PER_EQUIPMENT, prefix
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.webid import WebId

from .alarms import LimitAlarms
from .changes import FrameChanges
from .model import Frame, seen
from .plant import Batches, Downtimes, Standing
from .sources import PLACES, Source

if TYPE_CHECKING:
    from pi_lakeflow.simulator.world.world import World

MARKER = "Fm"
_PATH = re.compile(r"(.+?)\\EventFrames\[(.+?)\](\\.+)?", re.IGNORECASE)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$")
_SLOWEST, _FASTEST = 20 * t.MINUTE, 20 * t.SECOND  # scan periods that are worth watching
_CACHED_FRAMES = 500_000
_CACHED_EVENTS = 1_000_000


class UnknownFrame(LookupError):
    """No such event frame."""


class Frames:
    """Safe for use by several threads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.assets = world.part(Assets)
        self.changes = FrameChanges(self)
        self._lock = threading.RLock()
        self._blocks: WeighedCache[Events] = WeighedCache(_CACHED_EVENTS, len)
        self._cycles: WeighedCache[Sequence[Frame]] = WeighedCache(_CACHED_FRAMES, lambda kept: 1 + len(kept))
        self._sources: dict[int, Source] = {source.number: source for source in self._make_sources()}

    # -- what there is ---------------------------------------------------------------------------

    def between(self, first: int, last: int, *, database: int = 0) -> list[Frame]:
        """All frames that exist now and have any part in ``first..last``, children too, by start."""
        now = self.world.clock.now()
        last = min(last, now)
        changed = self.changes.touched
        found = [
            frame
            for base in self._base(first, last)
            if base.id not in changed
            and (frame := seen(base, now)) is not None
            and frame.database == database
            and frame.start <= last
            and frame.end >= first
        ]
        for one in changed:
            now_is = self._get(one, now)
            if now_is and now_is.database == database and now_is.start <= last and now_is.end >= first:
                found.append(now_is)
        found.sort(key=lambda frame: (frame.start, frame.source, frame.ordinal))
        return found

    def all(self, *, database: int = 0) -> list[Frame]:
        """Every frame that exists now."""
        return self.between(self.world.recipe.start, t.NEVER, database=database)

    def get(self, source: int, ordinal: int) -> Frame:
        """One frame as it is now, or :class:`UnknownFrame`."""
        found = self._get((source, ordinal), self.world.clock.now())
        if found is None:
            raise UnknownFrame(f"{source}/{ordinal}")
        return found

    def children(self, frame: Frame) -> list[Frame]:
        """The frames below, by start."""
        now = self.world.clock.now()
        ids = [(frame.source, ordinal) for ordinal in frame.children]
        ids += self.changes.created_below(frame)
        found = [child for one in ids if (child := self._get(one, now)) is not None]
        return sorted(found, key=lambda child: child.start)

    def parent(self, frame: Frame) -> Frame | None:
        """The frame above."""
        if frame.parent is None:
            return None
        return self._get((frame.above or frame.source, frame.parent), self.world.clock.now())

    # -- identity --------------------------------------------------------------------------------

    def guid(self, frame: Frame) -> uuid.UUID:
        return self.assets.guids.of(Key(Kind.EVENT_FRAME, frame.database, frame.source, frame.ordinal))

    def webid(self, frame: Frame, web_id_type: str = "IDOnly") -> str:
        """The WebId of a frame."""
        return webid.mint(
            web_id_type,
            MARKER,
            server=self.assets.server.guid,
            path=self.path(frame),
            item=self.guid(frame),
        )

    def path(self, frame: Frame) -> str:
        r"""``\\AF\Database\EventFrames[Name]``, children behind their parents."""
        above = self.parent(frame)
        if above is not None:
            return f"{self.path(above)}\\{frame.name}"
        return f"{self.database(frame).path}\\EventFrames[{frame.name}]"

    def database(self, frame: Frame) -> Database:
        return self.assets.databases[frame.database]

    def elements(self, frame: Frame) -> list[Element]:
        """The elements that the frame references, the primary one first."""
        return [self.assets.element(self.database(frame), place) for place in frame.places]

    def by_webid(self, item: WebId) -> Frame:
        """By the parts of a WebId, or :class:`UnknownFrame`."""
        if item.object is None and item.path:
            return self.by_path(item.path)
        if item.server not in (None, self.assets.server.guid) or not isinstance(item.object, uuid.UUID):
            raise UnknownFrame(str(item.object))
        return self.by_guid(item.object)

    def by_guid(self, guid: uuid.UUID) -> Frame:
        """By its Id, or :class:`UnknownFrame`."""
        key = self.assets.guids.read(guid)
        if key is None or key.kind is not Kind.EVENT_FRAME:
            raise UnknownFrame(str(guid))
        return self.get(key.a, key.b)

    def by_path(self, path: str) -> Frame:
        r"""By ``\\AF\Database\EventFrames[Name]\Child``, in any case."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise UnknownFrame(path)
        head, name, below = match.groups(default="")
        databases = [d for d in self.assets.databases if d.path.casefold() == head.casefold()]
        found = self._named(name, databases[0].number) if databases else None
        for step in below.split("\\")[1:]:
            if found is not None:
                found = next((c for c in self.children(found) if c.name.casefold() == step.casefold()), None)
        if found is None:
            raise UnknownFrame(path)
        return found

    def _named(self, name: str, database: int) -> Frame | None:
        """Names end with the start of their frame, unless somebody chose them."""
        wanted = name.casefold()
        for frame in (*self._at(name, database), *self._touched(database)):
            if frame.parent is None and frame.name.casefold() == wanted:
                return frame
        return None

    def _at(self, name: str, database: int) -> Sequence[Frame]:
        match = _STAMP.search(name)
        if match is None:
            return ()
        start = t.from_datetime(datetime.fromisoformat(match[0] + "+00:00"))
        return self.between(start, start + t.SECOND, database=database)

    def _touched(self, database: int) -> Iterator[Frame]:
        now = self.world.clock.now()
        for one in self.changes.touched:
            found = self._get(one, now)
            if found is not None and found.database == database:
                yield found

    # -- sources ---------------------------------------------------------------------------------

    def base(self, source: int, ordinal: int) -> Frame | None:
        """A frame as the world's seed made it, in the end; None when it made none."""
        maker = self._sources.get(source)
        cycle, place = divmod(ordinal, PLACES)
        frames = self._of_cycle(maker, cycle) if maker is not None else ()
        return next((frame for frame in frames if frame.ordinal % PLACES == place), None)

    def _get(self, one: tuple[int, int], now: int) -> Frame | None:
        if one in self.changes.touched:
            return self.changes.apply(one, now)
        base = self.base(*one)
        return seen(base, now) if base is not None else None

    def _base(self, first: int, last: int) -> Iterator[Frame]:
        first = max(first, self.world.recipe.start)
        if last < first:
            return
        for source in self._sources.values():
            for cycle in source.cycles(first, last):
                yield from self._of_cycle(source, cycle)

    def _of_cycle(self, source: Source, cycle: int) -> Sequence[Frame]:
        key = (source.number, cycle)
        with self._lock:
            known = self._cycles.get(key)
            if known is None:
                known = source.frames(cycle)
                self._cycles.put(key, known)
            return known

    def _make_sources(self) -> Iterator[Source]:
        world, plan = self.world, self.world.frame_plan
        if world.recipe.uniform:
            return
        layout = self.assets.layout(self.assets.databases[0])
        start, seed = world.recipe.start, world.recipe.seed
        for tag in _watched(world, plan.alarm_tags):
            holder = layout.holder(tag.index)
            machine = Place(Level.EQUIPMENT, tag.index // TAGS_PER_EQUIPMENT)
            places = (holder,) if holder == machine else (holder, machine)
            yield LimitAlarms(tag, places, world.recipe, self._blocks)
        for slot in range(plan.standing if layout.equipment else 0):
            machine = Place(Level.EQUIPMENT, slot * 7 % layout.equipment)
            yield Standing(slot, machine, start, seed)
        for unit in range(min(plan.downtime_units, layout.units)):
            yield Downtimes(unit, layout, start, seed)
        reactors = (k for k in range(layout.equipment) if prefix(k) == "REAC")
        for _, reactor in zip(range(plan.batch_reactors), reactors, strict=False):
            yield Batches(reactor, start, seed)


def _watched(world: World, wanted: int) -> Iterator[TagDef]:
    """The first measurements that scan neither very often nor very seldom."""
    for index in range(world.size()):
        if wanted <= 0:
            return
        tag = world.original(index)
        if limits_of(tag) is not None and _FASTEST <= tag.period <= _SLOWEST and not tag.fading:
            wanted -= 1
            yield tag
