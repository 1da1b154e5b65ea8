"""The embedded engine: one process, one event loop, all lanes side by side.

The lane that is furthest behind goes first, so that all advance through the same days together
and each commit touches few date partitions.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pi_lakeflow.flow.committer import CommitSize, Committer, Entry, Failed
from pi_lakeflow.flow.memory import RowBudget
from pi_lakeflow.flow.registry import Registry, leave_marks
from pi_lakeflow.flow.windows import LaneRun, StepSize
from pi_lakeflow.model.clock import Clock
from pi_lakeflow.model.events import Observer, Quarantined, UnitRead, ignore
from pi_lakeflow.model.ports import Table, UnitReader
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import (
    APP_ID_PREFIX,
    Join,
    LaneWork,
    Leave,
    Mark,
    Piece,
    Step,
    WorkUnit,
    version_at,
)

_LARGEST_STEP = 250_000  # rows
_TAGS_OF_A_REQUEST = 100


@dataclass(frozen=True, slots=True)
class EngineSize:
    """What the engine may use. At most ``lanes`` are read at once, which is also about how many requests
    are under way; ``rows`` may be in memory, ``committed`` make a commit."""

    lanes: int = 8
    rows: int = 3_000_000
    committed: int = 25_000_000

    @classmethod
    def for_memory(cls, gigabytes: float, lanes: int) -> EngineSize:
        """Sizes that keep the whole process under ``gigabytes``.

        700 MB are the interpreter, libraries, bodies in flight and the writer's own buffers; a row
        costs about 200 bytes while it is read, held and written (benchmarks/memory.py).
        """
        return cls(lanes, max(200_000, int((gigabytes * 1e9 - 700e6) / 200)))

    @property
    def step(self) -> StepSize:
        """The step of a lane that is read with one request at a time."""
        return self.step_of(1)

    def step_of(self, tags: int) -> StepSize:
        """A lane of many tags is read with several requests at once, so fewer lanes are under way."""
        rows = self.rows * self.requests_of(tags) // (2 * self.lanes)
        return StepSize(rows=max(10_000, min(_LARGEST_STEP, rows)))

    def requests_of(self, tags: int) -> int:
        """About how many requests a step of so many tags needs."""
        return min(self.lanes, max(1, -(-tags // _TAGS_OF_A_REQUEST)))

    @property
    def commit(self) -> CommitSize:
        return CommitSize(rows=self.committed, held=self.rows // 4)


class Stop:
    """How a run is asked to end early: ``drain`` lets what is under way finish and commit."""

    def __init__(self) -> None:
        self.draining = False
        self._then: list[Callable[[], None]] = []

    def drain(self) -> None:
        self.draining = True
        for callback in self._then:
            callback()

    def then(self, callback: Callable[[], None]) -> None:
        """Call this as well, on the thread that drains."""
        self._then.append(callback)


@dataclass(slots=True)
class Outcome:
    """What a run did. ``moved`` lanes were advanced by another process at the same time."""

    rows: int = 0
    commits: int = 0
    version: int | None = None
    failed: list[Failed] = field(default_factory=list)
    moved: int = 0
    interrupted: bool = False
    peak_rows: int = 0
    rates: dict[str, float] = field(default_factory=dict)  # events per microsecond, as seen
    longest_stall: float = 0.0  # seconds that the event loop was busy at a time


class EmbeddedEngine:
    """Runs lane work with one reader into one table."""

    def __init__(
        self,
        reader: UnitReader,
        *,
        data: Table,
        registry: Registry,
        errors: Table,
        run_id: str,
        clock: Clock,
        size: EngineSize | None = None,
        observer: Observer = ignore,
        rates: Mapping[str, float] | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._reader = reader
        self._data = data
        self._run_id = run_id
        self._clock = clock
        self._size = size or EngineSize()
        self._observer = observer
        self._stop = stop or Stop()
        self._rates = rates or {}
        self._budget = RowBudget(
            self._size.rows,
            on_pressure=self._pressed,
            writing=self._writing,
            observer=observer,
        )
        self._committer = Committer(
            data,
            registry,
            errors,
            run_id=run_id,
            size=self._size.commit,
            budget=self._budget,
            observer=observer,
        )
        self._outcome = Outcome()

    async def run(self, work: Sequence[LaneWork], tags: Mapping[str, Tag]) -> Outcome:
        """Read and commit all of ``work``. What was read before an error is committed first."""
        committing = asyncio.create_task(self._committer.run())
        try:
            lanes = await asyncio.to_thread(lambda: [LaneRun.of(item, self._rates) for item in work])
            await self._read_all(lanes, tags, committing)
        finally:
            self._committer.close()
            await committing
            self._report()
        return self._outcome

    async def _read_all(
        self, lanes: Sequence[LaneRun], tags: Mapping[str, Tag], committing: asyncio.Task[None]
    ) -> None:
        waiting = [(lane.position, place) for place, lane in enumerate(lanes)]
        heapq.heapify(waiting)
        running: dict[asyncio.Task[None], int] = {}
        requests = 0  # that the running steps need, about
        try:
            while running or (waiting and not self._stop.draining):
                while waiting and not self._stop.draining:
                    if requests >= self._size.lanes and len(running) > 1:
                        break  # enough is under way, and the next step is ready when one ends
                    place = heapq.heappop(waiting)[1]
                    requests += self._requests(lanes[place])
                    running[asyncio.create_task(self._step(lanes[place], tags))] = place
                done, _ = await asyncio.wait({*running, committing}, return_when=asyncio.FIRST_COMPLETED)
                if committing in done:
                    committing.result()
                for task in done & running.keys():
                    lane = lanes[place := running.pop(task)]
                    task.result()
                    requests -= self._requests(lane)
                    lane.ended |= APP_ID_PREFIX + lane.work.lane in self._committer.tally.moved
                    if not lane.finished:
                        heapq.heappush(waiting, (lane.position, place))
            self._outcome.interrupted = bool(waiting)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _requests(self, lane: LaneRun) -> int:
        return self._size.requests_of(len(lane.work.webids))

    async def _step(self, lane: LaneRun, tags: Mapping[str, Tag]) -> None:
        step = self._size.step_of(len(lane.webids))
        span = lane.next_span(step)
        unit = WorkUnit(self._data.spec.name, lane.work.lane, span, tuple(tags[w] for w in lane.webids))
        reserved = min(self._size.rows // 3, step.rows * 2, int(lane.pace * span.length * 1.2) + 1000)
        await self._budget.take(reserved)
        started = self._clock.monotonic()
        try:
            piece = await self._reader.read(unit, row_limit=2 * step.rows)
        except BaseException:
            self._budget.give(reserved)
            raise
        taken = self._clock.monotonic() - started
        self._budget.correct(reserved, piece.rows)
        entry = self._entry(lane, piece)
        left = 0.0 if lane.finished else lane.effort_of(lane.work.span.end - piece.span.end)
        self._observer(UnitRead(lane.work.lane, len(unit.tags), piece.rows, taken, entry.effort, left))
        self._committer.put(entry)

    def _entry(self, lane: LaneRun, piece: Piece) -> Entry:
        failed = self._quarantine(piece)
        if piece.good_tags == 0:
            lane.ended = True
            rest = lane.effort_of(lane.work.span.end - piece.span.start)
            return Entry(None, piece.span, 0, rest, failed=failed)
        version = version_at(piece.span.end)
        bad = {failure.tag.webid: None for failure in piece.failures}
        leaves = tuple(Leave(lane.work.lane, webid, piece.span.start) for webid in bad)
        joins = (Join(self._split_id(lane), piece.span.start, lane.work.cap, tuple(bad)),) if bad else ()
        step = Step(
            Mark(APP_ID_PREFIX + lane.work.lane, lane.version, version),
            piece.batches,
            tuple(leave_marks(leaves)),
        )
        if bad:
            lane.webids = tuple(webid for webid in lane.webids if webid not in bad)
        lane.version, lane.position = version, piece.span.end
        lane.learn(piece.span, piece.rows)
        done = piece.good_tags if lane.finished else 0
        effort = lane.effort_of(piece.span.length)
        return Entry(step, piece.span, piece.rows, effort, done, joins, leaves, failed)

    def _quarantine(self, piece: Piece) -> tuple[Failed, ...]:
        now = self._clock.now()
        failed = tuple(Failed(failure, piece.unit.span, now) for failure in piece.failures)
        self._outcome.failed.extend(failed)
        for failure in piece.failures:
            self._observer(Quarantined(failure.tag.webid, failure.tag.name, failure.status, failure.message))
        return failed

    def _split_id(self, lane: LaneRun) -> str:
        """A lane for those who cannot keep up with this one here."""
        text = f"{self._run_id}\n{lane.work.lane}\n{lane.position}"
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    def _pressed(self) -> None:
        self._committer.wake()

    def _writing(self) -> float:
        return self._committer.writing()

    def _report(self) -> None:
        tally = self._committer.tally
        self._outcome.rows, self._outcome.commits = tally.rows, tally.commits
        self._outcome.version, self._outcome.moved = tally.version, len(tally.moved)
        self._outcome.peak_rows = self._budget.peak
