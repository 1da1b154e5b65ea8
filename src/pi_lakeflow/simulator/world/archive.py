"""Reading and editing the archive of a world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pi_lakeflow.simulator.cache import WeighedCache

from . import ticks as t
from .clock import Clock
from .edits import Edit, apply, outcome
from .events import Events, concat
from .generate import block_length, generate
from .states import StateSet
from .tags import Recipe, TagDef

AHEAD = 10 * t.MINUTE  # how far beyond now an ordinary point accepts events
_FUTURE = 7 * t.DAY
_CACHED_EVENTS = 3_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """An edit as subscribers see it. ``events`` is what was added or is new, empty for a deletion;
    ``removed`` is what a deletion took away, as far as somebody was listening.
    """

    sequence: int
    action: Literal["insert", "replace", "delete"]
    tag: TagDef
    events: Events
    removed: Events = field(default_factory=Events.empty)


class Archive:
    """The events of all tags: generated blocks, plus edits."""

    def __init__(self, recipe: Recipe, clock: Clock, sets: Mapping[str, StateSet]) -> None:
        self._recipe = recipe
        self._clock = clock
        self._sets = sets
        self._edits: dict[int, list[Edit]] = {}
        self._blocks: WeighedCache[Events] = WeighedCache(_CACHED_EVENTS, len)
        self._subscribers: list[Callable[[Change], None]] = []
        self.journal: list[Change] = []

    def horizon(self, tag: TagDef) -> int:
        """Ticks of the last instant at which scans exist: now, or some days later for a future point."""
        now = self._clock.now()
        return now // t.DAY * t.DAY + _FUTURE if tag.future else now

    def edits(self, tag: TagDef) -> int:
        """How many edits the tag has had: what a cache of its events must know."""
        return len(self._edits.get(tag.key, ()))

    def events(self, tag: TagDef, first: int, last: int) -> Events:
        """All events with ``first <= ticks <= last``."""
        return concat(list(self.walk(tag, first, last)))

    def walk(self, tag: TagDef, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        """The same in pieces, each in archive order; ``reverse`` yields the latest piece first."""
        blocks = self.blocks(tag, first, last)
        for block in reversed(blocks) if reverse else blocks:
            piece = self.block(tag, block).between(first, last)
            if len(piece):
                yield piece

    def gained(self, tag: TagDef, first: int, last: int) -> Events:
        """What scans brought between two ticks, both inclusive, as it is now: without inserted events."""
        length = block_length(tag)
        first, last = max(first, tag.created), min(last, self.horizon(tag))
        edits = [edit for edit in self._edits.get(tag.key, ()) if edit.action != "insert"]
        parts = []
        for block in range(first // length, last // length + 1) if first <= last else ():
            events = self._base(tag, block)
            events = apply(events, edits, block * length, (block + 1) * length - 1) if edits else events
            parts.append(events.between(first, last))
        return concat(parts)

    def scans(self, tag: TagDef, block: int) -> Events:
        """The events of a block as the scans will bring them, be they in the future."""
        return self._base(tag, block)

    def blocks(self, tag: TagDef, first: int, last: int) -> range:
        """The numbers of the blocks that can hold events of ``first <= ticks <= last``."""
        edits = self._edits.get(tag.key, [])
        first = max(first, min([tag.created, *(e.first for e in edits)]))
        last = min(last, max([self.horizon(tag), *(e.last for e in edits)]))
        length = block_length(tag)
        return range(first // length, last // length + 1)

    def block(self, tag: TagDef, block: int) -> Events:
        """The events of one block as they are now."""
        events = self._base(tag, block)
        length = block_length(tag)
        end = (block + 1) * length - 1
        horizon = self.horizon(tag)
        if end > horizon:
            events = events.between(0, horizon)
        edits = self._edits.get(tag.key)
        return apply(events, edits, block * length, end) if edits else events

    def settled(self, tag: TagDef, block: int) -> bool:
        """Whether only an edit can still change the block."""
        return (block + 1) * block_length(tag) - 1 <= self.horizon(tag)

    def before(self, tag: TagDef, moment: int) -> Events:
        """The last event with ``ticks < moment``: one or none."""
        for piece in self.walk(tag, 0, moment - 1, reverse=True):
            return piece.take(slice(-1, None))
        return Events.empty()

    def after(self, tag: TagDef, moment: int) -> Events:
        """The first event with ``ticks > moment``: one or none."""
        for piece in self.walk(tag, moment + 1, t.NEVER):
            return piece.take(slice(0, 1))
        return Events.empty()

    def apply(self, tag: TagDef, edit: Edit) -> None:
        """Change the archive, and tell the subscribers."""
        listening = bool(self._subscribers) and edit.action != "insert"
        before = self.events(tag, edit.first, edit.last) if listening else Events.empty()
        self._edits.setdefault(tag.key, []).append(edit)
        events, removed = outcome(edit, before) if listening else (edit.events, Events.empty())
        change = Change(len(self.journal), edit.action, tag, events, removed)
        self.journal.append(change)
        for subscriber in list(self._subscribers):
            subscriber(change)

    def subscribe(self, subscriber: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``subscriber`` after each edit; the returned function ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def forget(self) -> None:
        """Drop cached blocks: after a change of types or state sets."""
        self._blocks.clear()

    def _base(self, tag: TagDef, block: int) -> Events:
        key = (tag.key, block)
        events = self._blocks.get(key)
        if events is None:
            events = generate(tag, block, self._recipe, self._sets)
            self._blocks.put(key, events)
        return events
