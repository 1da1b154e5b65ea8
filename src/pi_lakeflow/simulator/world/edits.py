"""What happened to an archive after it was first written: late events, edits, deletions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .events import SUBSTITUTED, Events, merge


@dataclass(frozen=True, slots=True)
class Edit:
    """One step. ``first`` and ``last`` are the ticks it touches, both inclusive.

    ``insert`` adds ``events`` behind what is there at equal times; ``replace`` gives the event number
    ``nth`` at ``first`` a new content and the mark Substituted; ``delete`` removes the range, or only
    number ``nth`` at ``first``.
    """

    action: Literal["insert", "replace", "delete"]
    first: int
    last: int
    events: Events = field(default_factory=Events.empty)
    nth: int | None = None


def apply(events: Events, edits: Sequence[Edit], first: int, last: int) -> Events:
    """The events of a block (``first <= ticks <= last``) after its edits."""
    for edit in edits:
        if edit.last >= first and edit.first <= last:
            events = _step(events, edit, first, last)
    return events


def outcome(edit: Edit, before: Events) -> tuple[Events, Events]:
    """What an edit made new, and what it removed; ``before`` is what it touches, as it was."""
    after = _step(before, edit, edit.first, edit.last)
    if edit.action == "replace":
        at = int(np.searchsorted(before.ticks, edit.first, "left")) + (edit.nth or 0)
        there = at < len(before) and before.ticks[at] == edit.first
        return (after.take(slice(at, at + 1)) if there else Events.empty()), Events.empty()
    if edit.nth is None:
        return edit.events, before
    low = int(np.searchsorted(before.ticks, edit.first, "left")) + edit.nth
    return edit.events, before.take(slice(low, low + len(before) - len(after)))


def _step(events: Events, edit: Edit, first: int, last: int) -> Events:
    if edit.action == "insert":
        return merge([events, edit.events.between(first, last)])
    return _delete(events, edit) if edit.action == "delete" else _replace(events, edit)


def _delete(events: Events, edit: Edit) -> Events:
    place = np.arange(len(events))
    low = int(np.searchsorted(events.ticks, edit.first, "left"))
    high = int(np.searchsorted(events.ticks, edit.last, "right"))
    if edit.nth is not None:
        low, high = min(low + edit.nth, high), min(low + edit.nth + 1, high)
    return events.take((place < low) | (place >= high))


def _replace(events: Events, edit: Edit) -> Events:
    at = int(np.searchsorted(events.ticks, edit.first, "left")) + (edit.nth or 0)
    if at >= len(events) or events.ticks[at] != edit.first:
        return events
    changed = events.take(slice(None))
    changed.kind, changed.value = events.kind.copy(), events.value.copy()
    changed.code, changed.flags = events.code.copy(), events.flags.copy()
    changed.text = None if events.text is None else events.text.copy()
    for column in ("kind", "value", "code", "flags"):
        getattr(changed, column)[at] = getattr(edit.events, column)[0]
    changed.flags[at] |= SUBSTITUTED
    if edit.events.text is not None or changed.text is not None:
        changed.texts()[at] = edit.events.texts()[0]
    return changed
