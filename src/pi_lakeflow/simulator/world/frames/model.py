"""What an event frame is. Times are ticks of 100 ns."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from pi_lakeflow.simulator.world.assets.layout import Place
from pi_lakeflow.simulator.world.ticks import NEVER, SECOND

# AFSeverity, weakest first
SEVERITIES = ("None", "Unknown", "Information", "Warning", "Minor", "Major", "Critical")
OPEN = NEVER + SECOND - 1  # 9999-12-31T23:59:59.9999999Z, the end of a frame that has none yet


@dataclass(frozen=True, slots=True)
class FrameAnnotation:
    """What somebody noted at a frame; ``media`` is an attached file (name and bytes)."""

    id: uuid.UUID
    name: str
    description: str
    value: str
    creator: str
    created: int
    modifier: str
    modified: int
    media: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One event frame. ``source`` and ``ordinal`` are its identity; ``places`` are the elements that it
    references, the primary one first. ``acknowledged_at`` is 0 while nobody acknowledged it.

    ``values`` are those of its attributes by name; ``tag`` is the index of the tag that raised it.
    ``parent`` and ``children`` are ordinals of the same source.
    """

    source: int
    ordinal: int
    name: str
    description: str
    template: str
    severity: str
    start: int
    end: int
    places: tuple[Place, ...]
    values: tuple[tuple[str, object], ...]
    modified: int
    categories: tuple[str, ...] = ()
    database: int = 0
    parent: int | None = None
    above: int | None = None  # source of the parent, when that is another
    children: tuple[int, ...] = ()
    tag: int | None = None
    acknowledged_by: str = ""
    acknowledged_at: int = 0
    can_be_acknowledged: bool = True
    captured: bool = True
    locked: bool = False
    annotations: tuple[FrameAnnotation, ...] = ()

    @property
    def id(self) -> tuple[int, int]:
        """What tells frames apart."""
        return self.source, self.ordinal

    @property
    def is_open(self) -> bool:
        return self.end >= NEVER

    @property
    def acknowledged(self) -> bool:
        return self.acknowledged_at > 0

    @property
    def settled(self) -> int:
        """When the last thing happens to the frame by itself."""
        last = max(self.end, self.acknowledged_at)
        return max(last, *(note.modified for note in self.annotations)) if self.annotations else last


_AT_START = frozenset({"Limit", "Limit Type", "Start Value", "Tag", "Code", "Fault", "Planned", "Batch ID"})


def seen(frame: Frame, now: int) -> Frame | None:
    """The frame as it is at ``now``, of what will have happened to it in the end; None before its start."""
    if frame.start > now:
        return None
    if frame.settled <= now:
        return frame
    notes = tuple(note for note in frame.annotations if note.created <= now)
    changed = replace(frame, annotations=notes)
    if frame.end > now:
        early = tuple((name, value if name in _AT_START else None) for name, value in frame.values)
        changed = replace(changed, end=OPEN, captured=False, values=early)
    if frame.acknowledged_at > now:
        changed = replace(changed, acknowledged_at=0, acknowledged_by="")
    moments = [frame.start, frame.end, frame.acknowledged_at, *(note.modified for note in notes)]
    return replace(changed, modified=max(moment for moment in moments if moment <= now))
