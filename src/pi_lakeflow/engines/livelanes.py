"""The lanes of a streaming table: tags that share a channel, and how far each lane has come.

The same registry as for recorded tables, so that what is said there about crashes holds here: the
position of a lane is a transaction in the log of the table that holds the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, ValuesView
from dataclasses import dataclass, field

import pyarrow as pa

from pi_lakeflow.flow.registry import Registry, leave_marks
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import APP_ID_PREFIX, Join, Leave, Mark, Step, version_at


@dataclass(slots=True)
class LaneState:
    """One lane. ``position`` is committed; ``claim`` will be, with the rows that are buffered now.

    ``heard``: the channel is open and nothing before it is missing. ``proven``: when the last message
    that was read came, by our clock; everything that the server sent before is here. ``opens`` counts
    openings, ``filling`` says that a gap is being read, ``again`` that it must be read once more.
    """

    name: str
    tags: dict[str, Tag]
    position: int
    version: int | None
    claim: int = 0
    proven: int = 0
    opens: int = 0
    heard: bool = False
    filling: bool = False
    again: bool = False

    def __post_init__(self) -> None:
        self.claim = max(self.claim, self.position)


@dataclass(slots=True)
class Moves:
    """What one commit does to the lanes."""

    run_id: str
    marks: list[tuple[LaneState, Mark, int]] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    leaves: list[Leave] = field(default_factory=list)


class Lanes:
    """All lanes of a run, by name."""

    def __init__(self, registry: Registry, lanes: Iterable[LaneState]) -> None:
        self._registry = registry
        self._lanes = {lane.name: lane for lane in lanes}
        self._expelled: list[tuple[LaneState, str]] = []

    def __getitem__(self, name: str) -> LaneState:
        return self._lanes[name]

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, lanes: Sequence[LaneState], run_id: str) -> None:
        """Further lanes, with tags that no other lane has. They count once their first commit is there."""
        joins = [Join(lane.name, lane.position, None, tuple(lane.tags)) for lane in lanes]
        self._registry.record_split(joins, [], run_id)
        self._lanes |= {lane.name: lane for lane in lanes}

    def values(self) -> ValuesView[LaneState]:
        return self._lanes.values()

    def expel(self, lane: LaneState, webid: str) -> None:
        """The tag cannot keep up: it gets a lane of its own where this one stands, for the next run."""
        if lane.tags.pop(webid, None) is not None:
            self._expelled.append((lane, webid))

    def moves(self, run_id: str, *, force: bool = False) -> Moves:
        """The step of each lane that has one; with ``force`` at least one lane makes a step."""
        moves = Moves(run_id)
        expelled, self._expelled = self._expelled, []
        for lane, webid in expelled:
            moves.leaves.append(Leave(lane.name, webid, lane.position))
            name = hashlib.blake2b(f"{run_id}\n{lane.name}\n{webid}".encode(), digest_size=10).hexdigest()
            moves.joins.append(Join(name, lane.position, None, (webid,)))
        left = {lane.name for lane, _ in expelled}
        for lane in list(self._lanes.values()):
            if lane.claim > lane.position or lane.name in left:
                moves.marks.append(self._step(lane))
        if not moves.marks and self._lanes and force:
            moves.marks.append(self._step(next(iter(self._lanes.values()))))
        return moves

    def steps(self, moves: Moves, batches: Sequence[pa.RecordBatch]) -> list[Step]:
        """The steps of a commit, with its rows at the first one. Writes down who leaves, first."""
        if batches and not moves.marks:
            moves.marks.append(self._step(next(iter(self._lanes.values()))))
        self._registry.record_split(moves.joins, moves.leaves, moves.run_id)
        steps = []
        for number, (lane, mark, _) in enumerate(moves.marks):
            riders = leave_marks(leave for leave in moves.leaves if leave.lane == lane.name)
            steps.append(Step(mark, batches if number == 0 else (), tuple(riders)))
        return steps

    @staticmethod
    def done(moves: Moves) -> None:
        """The commit is there."""
        for lane, mark, position in moves.marks:
            lane.version, lane.position = mark.version, position

    @staticmethod
    def _step(lane: LaneState) -> tuple[LaneState, Mark, int]:
        moved = lane.claim > lane.position
        if moved:
            version = version_at(lane.claim)
        else:
            version = version_at(lane.position, 1) if lane.version is None else lane.version + 1
        return lane, Mark(APP_ID_PREFIX + lane.name, lane.version, version), max(lane.claim, lane.position)
