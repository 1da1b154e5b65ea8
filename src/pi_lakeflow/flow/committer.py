"""Groups finished pieces into commits of a sane size, in an order that survives a kill.

1. New lanes and departures go to the registry: hints, until the log confirms them.
2. Quarantined tags go to ``pi_ingest_errors``.
3. Rows, lane positions and departures go to the data table in one commit: from here on they count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

import pyarrow as pa

from pi_lakeflow.flow.memory import RowBudget
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.model.events import Committed, Observer, ignore
from pi_lakeflow.model.ports import CommitResult, LaneMoved, Table
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
    tags: int
    tags_done: int = 0
    joins: tuple[Join, ...] = ()
    leaves: tuple[Leave, ...] = ()
    failed: tuple[Failed, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitSize:
    """A commit is due at so many rows, or when the oldest piece has waited for ``seconds``."""

    rows: int = 1_000_000
    seconds: float = 20.0


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
        self._pending: list[Entry] = []
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
        if not self._pending:
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
        while await self._something_due():
            entries, self._pending = self._pending, []
            await asyncio.shield(asyncio.ensure_future(self._commit(entries)))

    async def _something_due(self) -> bool:
        while True:
            self._wake.clear()
            rows = sum(entry.rows for entry in self._pending)
            age = monotonic() - self._oldest if self._pending else 0.0
            due = rows >= self._size.rows or age >= self._size.seconds or self._budget.pressed
            if self._pending and (due or self._closing):
                return True
            if self._closing:
                return False
            timeout = self._size.seconds - age if self._pending else None
            try:
                await asyncio.wait_for(self._wake.wait(), timeout)
            except TimeoutError:
                continue

    async def _commit(self, entries: Sequence[Entry]) -> None:
        self._since = started = monotonic()
        try:
            result, kept = await asyncio.to_thread(self._write, entries)
        finally:
            self._written, self._since = self._written + monotonic() - started, None
        self._budget.give(sum(entry.rows for entry in entries))
        self.tally.rows += result.rows
        self.tally.commits += 1
        self.tally.version = result.version
        self._observer(
            Committed(
                self._data.spec.name,
                result.version,
                result.rows,
                monotonic() - started,
                tag_micros=sum(e.tags * e.span.length for e in kept if e.step is not None),
                tags_done=sum(e.tags_done for e in kept),
                watermark=min((e.span.end for e in kept), default=0),
            )
        )

    def _write(self, entries: Sequence[Entry]) -> tuple[CommitResult, Sequence[Entry]]:
        joins = [join for entry in entries for join in entry.joins]
        leaves = [leave for entry in entries for leave in entry.leaves]
        self._registry.record_split(joins, leaves, self._run_id)
        failed = [each for entry in entries for each in entry.failed]
        if failed:
            self._errors.add(error_rows(failed, self._run_id))
        while True:
            kept = [e for e in entries if e.step is None or e.step.mark.app_id not in self.tally.moved]
            try:
                return self._data.append([e.step for e in kept if e.step is not None]), kept
            except LaneMoved as moved:
                self.tally.moved.update(moved.app_ids)


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
