"""Groups finished pieces into commits of a sane size, in an order that survives a kill.

Rows are handed to the table's writer as they come, which may put them into files at once: memory is
free again long before the commit, and a commit can be as large as its files should be.

1. New lanes and departures go to the registry: hints, until the log confirms them.
2. Quarantined tags go to ``pi_ingest_errors``.
3. Rows, lane positions and departures go to the data table in one commit: from here on they count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

import pyarrow as pa

from pi_lakeflow.flow.memory import RowBudget
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.model.events import Committed, Observer, ignore
from pi_lakeflow.model.ports import CommitResult, LaneMoved, StepWriter, Table
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.work import Join, Leave, Step, TagFailure


@dataclass(frozen=True, slots=True)
class Failed:
    """A tag that was left behind over ``span``, at ``occurred_at`` (microseconds)."""

    failure: TagFailure
    span: Span
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece on its way into the lake; ``step`` None when every tag of it failed."""

    step: Step | None
    span: Span
    rows: int
    effort: float
    tags_done: int = 0
    joins: tuple[Join, ...] = ()
    leaves: tuple[Leave, ...] = ()
    failed: tuple[Failed, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitSize:
    """A commit is due at so many rows, or when the oldest piece has waited for ``seconds``: the most that
    a kill can cost. ``held`` rows of it may stay in memory."""

    rows: int = 25_000_000
    seconds: float = 30.0
    held: int = 1_000_000

    @property
    def write(self) -> int:
        """Rows that are handed on at a time."""
        return min(100_000, self.held)


@dataclass(slots=True)
class Tally:
    """What was committed so far."""

    rows: int = 0
    commits: int = 0
    version: int | None = None
    moved: set[str] = field(default_factory=set)


class Committer:
    """One writer per data table. ``put`` never blocks; memory is bounded by the budget."""

    def __init__(
        self,
        data: Table,
        registry: Registry,
        errors: Table,
        *,
        run_id: str,
        size: CommitSize,
        budget: RowBudget,
        observer: Observer = ignore,
    ) -> None:
        self._data = data
        self._registry = registry
        self._errors = errors
        self._run_id = run_id
        self._size = size
        self._budget = budget
        self._observer = observer
        self._pending: list[Entry] = []  # not handed to the writer yet
        self._staged: list[Entry] = []  # handed to it, not committed
        self._writer: StepWriter | None = None
        self._owed = 0  # rows of staged entries that the budget counts still
        self._oldest = 0.0
        self._wake = asyncio.Event()
        self._closing = False
        self._written = 0.0
        self._since: float | None = None  # when the commit under way began
        self.tally = Tally()

    def writing(self) -> float:
        """Seconds spent in commits so far, the one under way included."""
        return self._written + (0.0 if self._since is None else monotonic() - self._since)

    def put(self, entry: Entry) -> None:
        if not self._pending and not self._staged:
            self._oldest = monotonic()
        self._pending.append(entry)
        self._wake.set()

    def wake(self) -> None:
        """Somebody waits for memory: commit what there is."""
        self._wake.set()

    def close(self) -> None:
        """Commit the rest; ``run`` returns then."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        try:
            while (act := await self._something_due()) is not None:
                await asyncio.shield(asyncio.ensure_future(act()))
        finally:
            if self._writer is not None:
                await asyncio.to_thread(self._writer.discard)

    async def _something_due(self) -> Callable[[], Awaitable[object]] | None:
        while True:
            self._wake.clear()
            pending = sum(entry.rows for entry in self._pending)
            age = monotonic() - self._oldest if self._pending or self._staged else 0.0
            if (self._pending or self._staged) and (self._closing or self._commit_due(pending, age)):
                return self._commit
            if self._closing:
                return None
            if self._pending and (pending >= self._size.write or self._budget.pressed):
                return self._stage
            timeout = self._size.seconds - age if self._pending or self._staged else None
            try:
                await asyncio.wait_for(self._wake.wait(), timeout)
            except TimeoutError:
                continue

    def _commit_due(self, pending: int, age: float) -> bool:
        if (
            sum(entry.rows for entry in self._staged) + pending >= self._size.rows
            or age >= self._size.seconds
        ):
            return True
        held = self._writer.held if self._writer is not None else 0
        return held > self._size.held  # a writer that cannot let go of its rows

    async def _stage(self) -> StepWriter:
        """Hand on what came; what the writer has put into files needs no memory any more."""
        entries, self._pending = self._pending, []
        self._staged += [_without_rows(entry) for entry in entries]
        self._since = started = monotonic()
        try:
            writer = await asyncio.to_thread(self._hand_on, entries)
        finally:
            self._written, self._since = self._written + monotonic() - started, None
        self._owed += sum(entry.rows for entry in entries)
        self._release(writer.held)
        return writer

    def _hand_on(self, entries: Sequence[Entry]) -> StepWriter:
        self._writer = writer = self._writer or self._data.writer(self._size.held)
        writer.write([entry.step for entry in entries if entry.step is not None])
        return writer

    def _release(self, held: int) -> None:
        self._budget.give(self._owed - held)
        self._owed = held

    async def _commit(self) -> None:
        writer = await self._stage()
        entries, self._staged = self._staged, []
        self._oldest = monotonic()
        self._since = started = monotonic()
        try:
            result, kept = await asyncio.to_thread(self._write, entries, writer)
        finally:
            self._written, self._since = self._written + monotonic() - started, None
        self._writer = None
        self._release(0)
        self.tally.rows += result.rows
        self.tally.commits += 1
        self.tally.version = result.version
        self._observer(
            Committed(
                self._data.spec.name,
                result.version,
                result.rows,
                monotonic() - started,
                effort=sum(e.effort for e in kept),
                tags_done=sum(e.tags_done for e in kept),
                watermark=min((e.span.end for e in kept), default=0),
            )
        )

    def _write(self, entries: Sequence[Entry], writer: StepWriter) -> tuple[CommitResult, Sequence[Entry]]:
        joins = [join for entry in entries for join in entry.joins]
        leaves = [leave for entry in entries for leave in entry.leaves]
        self._registry.record_split(joins, leaves, self._run_id)
        failed = [each for entry in entries for each in entry.failed]
        if failed:
            self._errors.add(error_rows(failed, self._run_id))
        while True:
            kept = [e for e in entries if e.step is None or e.step.mark.app_id not in self.tally.moved]
            try:
                return writer.commit([e.step for e in kept if e.step is not None]), kept
            except LaneMoved as moved:
                self.tally.moved.update(moved.app_ids)


def _without_rows(entry: Entry) -> Entry:
    """So that nothing but the writer keeps them in memory."""
    return entry if entry.step is None else replace(entry, step=replace(entry.step, batches=()))


def error_rows(failed: Sequence[Failed], run_id: str) -> pa.Table:
    """Rows of ``pi_ingest_errors``."""
    rows = [
        {
            "run_id": run_id,
            "occurred_at": each.occurred_at,
            "tag_webid": each.failure.tag.webid,
            "tag_name": each.failure.tag.name,
            "span_start": each.span.start,
            "span_end": each.span.end,
            "status": each.failure.status,
            "message": each.failure.message,
            "hint": each.failure.hint,
        }
        for each in failed
    ]
    return pa.Table.from_pylist(rows, schema=PI_INGEST_ERRORS.arrow_schema)
