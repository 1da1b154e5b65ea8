"""Stream Updates: what a server keeps between the polls (PI Web API reference, topic Stream Updates)."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pi_lakeflow.simulator.world import UnknownTag
from pi_lakeflow.simulator.world.archive import Change
from pi_lakeflow.simulator.world.events import Events, concat
from pi_lakeflow.simulator.world.live import LiveValues
from pi_lakeflow.simulator.world.tags import TagDef

from .errors import ApiError
from .streams import Stream

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

ACTIONS = ("Add", "Update", "Delete", "Insert", "Refresh")
PREVIOUS = ("None", "PreviousEventArchived", "PreviousEventDiscarded")
ADD, UPDATE, DELETE, INSERT, REFRESH = range(5)
NOTHING, ARCHIVED, DISCARDED = range(3)
CHANGED = "The signup was updated and any cached data could be invalid."
REMOVED = "The signup was removed because it is no longer valid."

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class News:
    """Events in the order in which they happened, with what each of them is."""

    events: Events = field(default_factory=Events.empty)
    actions: Codes = field(default_factory=lambda: np.empty(0, np.uint8))
    previous: Codes = field(default_factory=lambda: np.empty(0, np.uint8))

    def __len__(self) -> int:
        return len(self.events)

    def take(self, which: slice) -> News:
        return News(self.events.take(which), self.actions[which], self.previous[which])

    def plus(self, other: News) -> News:
        return News(
            concat([self.events, other.events]),
            np.concatenate([self.actions, other.actions]),
            np.concatenate([self.previous, other.previous]),
        )


class Signup:
    """One registered stream. ``first`` is the counter of the oldest event still kept."""

    def __init__(self, stream: Stream, tag: TagDef, user: str, live: LiveValues) -> None:
        self.id = uuid.uuid4().hex
        self.stream = stream
        self.tag = tag
        self.user = user
        self.used = time.monotonic()
        self.first = 0
        self.news = News()
        self.error = ""
        self._live = live
        self._told = live.edge(tag)

    @property
    def latest(self) -> int:
        return self.first + len(self.news)

    def marker(self, counter: int) -> str:
        return f"{self.id}_{counter}"

    def advance(self) -> None:
        """Take in what the tag has told since the last time."""
        edge = self._live.edge(self.tag)
        told = self._live.between(self.tag, self._told, edge)
        if len(told):
            before = self._live.last(self.tag, self._told)
            archived = np.concatenate([before.archived[-1:], told.archived[:-1]])
            previous = np.where(archived, ARCHIVED, DISCARDED).astype(np.uint8)
            if not len(before):
                previous = np.concatenate([np.zeros(1, np.uint8), previous])
            self._append(told.events, ADD, previous)
        self._told = edge

    def hear(self, change: Change) -> None:
        """Take in an edit of the archive."""
        self.advance()
        events = change.removed if change.action == "delete" else change.events
        if change.action == "insert":
            newer = self._live.last(self.tag, self._told)
            edge = int(newer.events.ticks[-1]) if len(newer) else 0
            last = self.news.actions.size
            self._append(events, INSERT, np.zeros(len(events), np.uint8))
            fresh = np.flatnonzero(events.ticks >= edge) + last
            self.news.actions[fresh] = ADD
            self.news.previous[fresh] = ARCHIVED
        else:
            told = events.between(0, self._told)
            action = DELETE if change.action == "delete" else UPDATE
            self._append(told, action, np.zeros(len(told), np.uint8))

    def forget(self, keep: int) -> None:
        """Keep only the newest ``keep`` events."""
        extra = len(self.news) - keep
        if extra > 0:
            self.news = self.news.take(slice(extra, None))
            self.first += extra

    def _append(self, events: Events, action: int, previous: Codes) -> None:
        actions = np.full(len(events), action, np.uint8)
        self.news = self.news.plus(News(events, actions, previous))


class Updates:
    """All registrations of one server instance; a restart loses them."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._live = sim.world.part(LiveValues)
        self._signups: dict[str, Signup] = {}
        self._by_tag: dict[int, list[Signup]] = {}
        self._lock = threading.RLock()
        self._stop: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._signups)

    def register(self, stream: Stream, user: str) -> tuple[Signup, bool]:
        """The registration of a stream for a user, and whether it is new."""
        tag = stream.tag
        if tag is None:
            raise ApiError(409, "The specified attribute is static.", generic=True)
        with self._lock:
            self._expire()
            if self._stop is None:
                self._stop = self._sim.world.archive.subscribe(self._hear)
            for known in self._by_tag.get(tag.key, ()):
                if known.user == user and known.stream.path == stream.path and not known.error:
                    known.advance()
                    known.used = time.monotonic()
                    return known, False
            signup = Signup(stream, tag, user, self._live)
            self._signups[signup.id] = signup
            self._by_tag.setdefault(tag.key, []).append(signup)
            return signup, True

    def poll(self, marker: str) -> tuple[Signup, News, int]:
        """Registration, news behind the marker, and the counter behind the last of them."""
        name, underscore, counter = marker.rpartition("_")
        if not underscore or not counter.isdecimal():
            raise ApiError(409, "Invalid marker supplied.", generic=True)
        with self._lock:
            self._expire()
            signup = self._signups.get(name.casefold())
            if signup is None or int(counter) < signup.first:
                raise cache_not_found()
            self._advance(signup)
            if int(counter) > signup.latest:
                raise ApiError(409, "Invalid marker supplied.", generic=True)
            low = int(counter) - signup.first
            news = signup.news.take(slice(low, low + self._sim.config.live.updates_per_poll))
            signup.used = time.monotonic()
            return signup, news, int(counter) + len(news)

    def close(self, signup: Signup) -> None:
        """End a registration."""
        with self._lock:
            self._signups.pop(signup.id, None)
            group = [s for s in self._by_tag.get(signup.tag.key, ()) if s is not signup]
            self._by_tag[signup.tag.key] = group
            if not group:
                del self._by_tag[signup.tag.key]

    def invalidate(self, tag: TagDef, error: str = CHANGED) -> int:
        """Let the next polls of a tag's registrations report an exception; how many that are."""
        with self._lock:
            hit = self._by_tag.get(tag.key, [])
            for signup in hit:
                signup.error = error
            return len(hit)

    def clear(self) -> None:
        """Forget every registration, as a restart or another instance does."""
        with self._lock:
            self._signups.clear()
            self._by_tag.clear()

    def _advance(self, signup: Signup) -> None:
        try:
            signup.tag = self._sim.world.tag(signup.tag.index, signup.tag.server.number)
        except UnknownTag:
            signup.error = REMOVED
            return
        signup.advance()
        signup.forget(self._sim.config.live.updates_kept)

    def _hear(self, change: Change) -> None:
        with self._lock:
            for signup in self._by_tag.get(change.tag.key, ()):
                signup.hear(change)

    def _expire(self) -> None:
        oldest = time.monotonic() - self._sim.config.live.updates_lifetime
        for signup in [s for s in self._signups.values() if s.used < oldest]:
            self.close(signup)


def cache_not_found() -> ApiError:
    """The marker's registration is over, or was another instance's."""
    return ApiError(404, "Cache not found.", generic=True)
