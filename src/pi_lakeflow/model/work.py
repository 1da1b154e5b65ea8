"""Work as data: lanes, the units cut from them, and what a unit brought back.

A *lane* is a stable group of tags that advance through time together. Its position (all its
members are covered from its start up to there) is the version of one Delta application
transaction, written in the same commit as the rows. Membership only shrinks: a tag that cannot
keep up leaves at a position and starts a lane of its own there.

The version is ``position << 10 | generation``: the generation counts departures at one position,
so that a process which still believes in the old membership cannot commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag

APP_ID_PREFIX = "pi-lakeflow/"
_GENERATION_BITS = 10


def version_at(position: int, generation: int = 0) -> int:
    """The transaction version of a lane at ``position`` (microseconds since 1970)."""
    if position < 0 or not 0 <= generation < 1 << _GENERATION_BITS:
        raise ValueError(f"no lane can stand at {position} in generation {generation}")
    return position << _GENERATION_BITS | generation


def position_of(version: int) -> int:
    """The position (microseconds since 1970) in a lane's transaction version."""
    return version >> _GENERATION_BITS


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as the registry and the data table's log describe it together.

    ``version`` is what the log says, None before the first commit. ``cap`` is where it must stop
    for ever because its tags are elsewhere from there on, None when it follows the present.
    ``left`` holds the tags that left and the position at which each did.
    """

    id: str
    start: int
    cap: int | None
    version: int | None
    members: frozenset[str]
    left: dict[str, int] = field(default_factory=dict)

    @property
    def position(self) -> int:
        return self.start if self.version is None else position_of(self.version)

    def covered(self, webid: str) -> Span | None:
        """What of the tag's history this lane has brought, or None."""
        if webid in self.members:
            end = self.position
        elif webid in self.left:
            end = min(self.position, self.left[webid])
        else:
            return None
        return Span(self.start, end) if end > self.start else None


def departure_version(lane: Lane) -> int:
    """The lane's version after departures at its position: the next generation."""
    return version_at(lane.position) if lane.version is None else lane.version + 1


@dataclass(frozen=True, slots=True)
class Join:
    """These tags form a lane that starts at ``start`` and never passes ``cap``."""

    lane: str
    start: int
    cap: int | None
    webids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The tag is no longer part of the lane from ``at`` on."""

    lane: str
    webid: str
    at: int


@dataclass(frozen=True, slots=True)
class LaneWork:
    """Bring these lane members from ``span.start`` (the lane's position) to ``span.end``."""

    lane: str
    cap: int | None
    version: int | None
    span: Span
    webids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """One step of one lane: small, frozen, and the same after a trip through JSON."""

    table: str
    lane: str
    span: Span
    tags: tuple[Tag, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> WorkUnit:
        raw: dict[str, Any] = json.loads(text)
        return cls(
            table=raw["table"],
            lane=raw["lane"],
            span=Span(**raw["span"]),
            tags=tuple(Tag(**tag) for tag in raw["tags"]),
        )


@dataclass(frozen=True, slots=True)
class TagFailure:
    """Why a tag could not be read. ``status`` is the HTTP status when there was one."""

    tag: Tag
    message: str
    status: int | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What a unit brought: the rows of ``span`` for all its tags but the failed ones.

    ``span`` may end before the unit's does, when the unit turned out to be too large for memory;
    the lane goes on from there.
    """

    unit: WorkUnit
    span: Span
    batches: Sequence[pa.RecordBatch]
    rows: int
    failures: tuple[TagFailure, ...] = ()

    @property
    def good_tags(self) -> int:
        return len(self.unit.tags) - len(self.failures)


@dataclass(frozen=True, slots=True)
class Mark:
    """A transaction to commit: ``expected`` is the version that must stand there (None: none yet)."""

    app_id: str
    expected: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Step:
    """One lane's step with its rows; ``riders`` (departures) count only if the step does."""

    mark: Mark
    batches: Sequence[pa.RecordBatch] = ()
    riders: tuple[Mark, ...] = ()
