"""Reads spans again that the lake holds already, and makes the lake equal to what comes back.

Only for what coverage claims: beyond it lanes append, and a row merged there would be read twice.
The table's version is noted before each request; when somebody else corrected the same tags and
times after that, their reading may be newer than ours, so those tags are read once more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.engines.embedded import EngineSize, Stop
from pi_lakeflow.flow.committer import Failed, error_rows
from pi_lakeflow.flow.scope import Spans, together
from pi_lakeflow.flow.windows import LaneRun
from pi_lakeflow.model.clock import Clock
from pi_lakeflow.model.events import Corrected, Event, Observer, Quarantined, ignore
from pi_lakeflow.model.ports import Changed, Overtaken, Table, UnitReader
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import LaneWork, Piece, TagFailure, WorkUnit

_TAGS_TOGETHER = 200
_REREADS = 10


@dataclass(slots=True)
class Corrections:
    """What was read again (rows), and what differed."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    version: int | None = None
    failed: list[Failed] = field(default_factory=list)
    interrupted: bool = False

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class Again:
    """One piece that was read again; ``seen`` is the table's version before that."""

    piece: Piece
    seen: int

    @property
    def webids(self) -> list[str]:
        """The tags that were read."""
        bad = {failure.tag.webid for failure in self.piece.failures}
        return [tag.webid for tag in self.piece.unit.tags if tag.webid not in bad]


class Rereading:
    """Reads spans of many tags piece by piece, several at once, never holding too many rows."""

    def __init__(
        self, reader: UnitReader, data: Table, *, size: EngineSize | None = None, stop: Stop | None = None
    ) -> None:
        self._reader = reader
        self._data = data
        self._size = size or EngineSize()
        self._stop = stop or Stop()
        self._waiting: deque[LaneRun] = deque()
        self.interrupted = False

    def want(self, spans: Spans) -> None:
        """More to read."""
        for mine, members in together(spans).items():
            for first in range(0, len(members), _TAGS_TOGETHER):
                webids = tuple(members[first : first + _TAGS_TOGETHER])
                works = [LaneWork("", None, None, span, webids) for span in mine]
                self._waiting.extend(LaneRun.of(work) for work in works)

    async def some(self, tags: Mapping[str, Tag]) -> list[Again]:
        """What comes back until memory is used or nothing is left; empty at the end."""
        found: list[Again] = []
        running: set[asyncio.Task[tuple[LaneRun, Again]]] = set()
        try:
            while True:
                held = sum(each.piece.rows for each in found) + len(running) * self._size.step.rows
                full = bool(found) and held >= self._size.rows // 4
                if self._stop.draining:
                    self.interrupted |= bool(self._waiting)
                    self._waiting.clear()
                while self._waiting and not full and len(running) < self._size.lanes:
                    running.add(asyncio.create_task(self._step(self._waiting.popleft(), tags)))
                if not running:
                    return found
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    lane, again = task.result()
                    found.append(again)
                    if not lane.finished:
                        self._waiting.appendleft(lane)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _step(self, lane: LaneRun, tags: Mapping[str, Tag]) -> tuple[LaneRun, Again]:
        span = lane.next_span(self._size.step)
        unit = WorkUnit(self._data.spec.name, "", span, tuple(tags[webid] for webid in lane.webids))
        seen = await asyncio.to_thread(self._data.version)
        piece = await self._reader.read(unit, row_limit=2 * self._size.step.rows)
        again = Again(piece, seen)
        lane.webids, lane.position = tuple(again.webids), piece.span.end
        lane.ended = not lane.webids
        lane.learn(piece.span, piece.rows)
        return lane, again


class Corrector:
    """Makes the lake equal to the archive over spans that coverage claims."""

    def __init__(
        self,
        reader: UnitReader,
        *,
        data: Table,
        errors: Table,
        run_id: str,
        clock: Clock,
        size: EngineSize | None = None,
        observer: Observer = ignore,
        stop: Stop | None = None,
    ) -> None:
        self._reader = reader
        self._data = data
        self._errors = errors
        self._run_id = run_id
        self._clock = clock
        self._size = size
        self._observer = observer
        self._stop = stop

    async def run(self, spans: Spans, tags: Mapping[str, Tag]) -> Corrections:
        """Read the spans of each tag again and replace what differs. Safe to repeat and to kill.

        Tags that cannot be read are left behind as in a run: their rows stay as they are.
        """
        outcome = Corrections()
        rereading = Rereading(self._reader, self._data, size=self._size, stop=self._stop)
        rereading.want(spans)
        rereads = 0
        while pieces := await rereading.some(tags):
            events: list[Event] = []
            again = await asyncio.to_thread(self._write, pieces, outcome, events)
            if again and (rereads := rereads + 1) > _REREADS:
                self._give_up(again, tags, outcome, events)
            else:
                rereading.want(again)
            for event in events:
                self._observer(event)
        outcome.interrupted = rereading.interrupted
        return outcome

    def _write(
        self, pieces: Sequence[Again], outcome: Corrections, events: list[Event]
    ) -> dict[str, list[Span]]:
        """Replace what the pieces cover; the spans that must be read once more come back."""
        self._quarantine(
            [failed for each in pieces for failed in _failures(each, self._clock)], outcome, events
        )
        spans: dict[str, list[Span]] = defaultdict(list)
        for each in pieces:
            for webid in each.webids:
                spans[webid].append(each.piece.span)
        rows = rows_of(self._data, pieces)
        outcome.read += rows.num_rows
        seen = min(each.seen for each in pieces)
        again: dict[str, list[Span]] = {}
        while True:
            started = monotonic()
            try:
                done = self._data.replace(spans, rows, seen=seen)
            except Overtaken as overtaken:
                again |= {webid: spans.pop(webid) for webid in overtaken.subjects}
                stale = pc.is_in(rows[self._data.spec.key[0]], value_set=pa.array(list(again), pa.string()))
                rows = rows.filter(pc.invert(stale))
            else:
                self._count(done, outcome, events, monotonic() - started)
                return again

    def _count(self, done: Changed, outcome: Corrections, events: list[Event], seconds: float) -> None:
        outcome.inserted += done.inserted
        outcome.updated += done.updated
        outcome.deleted += done.deleted
        if done.rows:
            outcome.version = done.version
            name = self._data.spec.name
            counts = (done.inserted, done.updated, done.deleted)
            events.append(Corrected(name, done.version, *counts, seconds))

    def _give_up(
        self, spans: Spans, tags: Mapping[str, Tag], outcome: Corrections, events: list[Event]
    ) -> None:
        message = "others correct this tag faster than it can be read"
        now = self._clock.now()
        failures = [(TagFailure(tags[webid], message), mine) for webid, mine in spans.items()]
        failed = [Failed(failure, span, now) for failure, mine in failures for span in mine]
        self._quarantine(failed, outcome, events)

    def _quarantine(self, failed: Sequence[Failed], outcome: Corrections, events: list[Event]) -> None:
        if not failed:
            return
        outcome.failed.extend(failed)
        self._errors.add(error_rows(failed, self._run_id))
        for each in failed:
            tag = each.failure.tag
            events.append(Quarantined(tag.webid, tag.name, each.failure.status, each.failure.message))


def rows_of(data: Table, pieces: Sequence[Again]) -> pa.Table:
    """All rows of the pieces in the types of the table."""
    schema = data.spec.arrow_schema
    batches = [batch for each in pieces for batch in each.piece.batches]
    return pa.concat_tables([schema.empty_table(), *(pa.table(batch).cast(schema) for batch in batches)])


def _failures(each: Again, clock: Clock) -> list[Failed]:
    now = clock.now()
    return [Failed(failure, each.piece.unit.span, now) for failure in each.piece.failures]
