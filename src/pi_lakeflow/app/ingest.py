"""The main job: bring each tag's history into the lake, exactly, and say what happened."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import pyarrow as pa

from pi_lakeflow.app.alarms.run import AlarmReport, read_alarms
from pi_lakeflow.app.counters import Counters
from pi_lakeflow.app.coverage import publish_coverage
from pi_lakeflow.app.diagnosis import Explanation, RunFacts, explain
from pi_lakeflow.app.late import Late, recent
from pi_lakeflow.app.performance_log import log, logged
from pi_lakeflow.app.prepare import Prepared, Request, planned
from pi_lakeflow.app.reading import Share, read_share, recorded_reader
from pi_lakeflow.app.source import Source, open_lake, open_source
from pi_lakeflow.app.workers import how_many, processors, read_with_workers
from pi_lakeflow.engines.embedded import EngineSize, Outcome, Stop
from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.flow.committer import Failed, error_rows
from pi_lakeflow.flow.density import save_rates
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_INGEST_RUNS, PI_TAG_DENSITY
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, RunPlanned, ignore
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span
from pi_lakeflow.settings.schema import Settings

_SUMS = ("rows", "commits", "requests", "retries", "body_bytes", "wire_bytes", "seconds", "corrected")


@dataclass(slots=True)
class Report:
    """What a run did; times in microseconds since 1970 UTC, durations in seconds."""

    run_id: str
    command: str
    status: str = "done"
    started_at: int = 0
    ended_at: int = 0
    span_start: int = 0
    span_end: int = 0
    tags: int = 0
    tags_selected: int = 0
    lanes: int = 0
    rows: int = 0
    corrected: int = 0
    commits: int = 0
    requests: int = 0
    retries: int = 0
    body_bytes: int = 0
    wire_bytes: int = 0
    seconds: float = 0.0
    peak_rows: int = 0
    workers: int = 1
    longest_stall: float = 0.0  # seconds that an event loop was busy at a time
    quarantined: list[Failed] = field(default_factory=list)
    alarms: AlarmReport | None = None
    message: str | None = None
    facts: RunFacts = field(default_factory=RunFacts)

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def explanation(self) -> Explanation:
        """Where the time went, and what to change."""
        return explain(self.facts)

    @property
    def exit_code(self) -> int:
        """0 done, 1 something was left behind, 130 interrupted."""
        return {"done": 0, "quarantined": 1, "interrupted": 130}.get(self.status, 3)

    def add(self, latest: Report) -> None:
        """Make this the report of several runs, one after the other: sums, and the state of the last one."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(latest, name))
        self.status, self.ended_at, self.span_end = latest.status, latest.ended_at, latest.span_end
        self.quarantined, self.message, self.run_id = latest.quarantined, latest.message, latest.run_id


async def ingest(
    settings: Settings,
    request: Request | None = None,
    *,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
    look_back: bool = True,
) -> Report:
    """Read what is missing and commit it. Raises what stops everybody; quarantines the rest.

    ``look_back`` False leaves ``late_data`` to another run. An error after the first commit loses
    nothing: the next run goes on from the last commit.
    """
    request = request or Request()
    counters = Counters(logged(observer))
    report = Report(new_run_id(), request.command, started_at=SystemClock().now())
    alone = lake is not None  # other processes could not open it
    lake = lake or open_lake(settings)
    async with _noted(settings, report, lake, counters), open_source(settings, counters) as source:
        await _ingest(
            settings,
            request,
            report,
            source,
            lake,
            counters,
            stop or Stop(),
            alone=alone,
            look_back=look_back,
        )
    return report


async def advance(
    settings: Settings,
    request: Request,
    source: Source,
    lake: Lake,
    *,
    observer: Observer = ignore,
    stop: Stop | None = None,
) -> tuple[Report, dict[str, list[Span]]]:
    """``ingest`` over an open source, without looking back; also the spans of each tag that it read.

    No spans when another run was faster with some of them.
    """
    counters = Counters(logged(observer))
    report = Report(new_run_id(), request.command, started_at=SystemClock().now())
    async with _noted(settings, report, lake, counters):
        prepared, outcome = await _ingest(
            settings, request, report, source, lake, counters, stop or Stop(), alone=True, look_back=False
        )
    read: dict[str, list[Span]] = {}
    for work in prepared.plan.work if not outcome.moved else ():
        for webid in work.webids:
            read.setdefault(webid, []).append(work.span)
    return report, read


@asynccontextmanager
async def _noted(settings: Settings, report: Report, lake: Lake, counters: Counters) -> AsyncIterator[None]:
    """However a run ends, the log of runs says so."""
    try:
        yield
    except PiLakeflowError as error:
        report.status, report.message = "failed", str(error)
        raise
    except BaseException as error:  # passed on: the log of runs must not call this one done
        stopped = isinstance(error, asyncio.CancelledError)
        report.status = "interrupted" if stopped else "failed"
        report.message = "stopped before the end" if stopped else type(error).__name__
        raise
    finally:
        _finish(report, counters, settings)
        if report.lanes or report.quarantined or report.corrected:
            lake.table(PI_INGEST_RUNS).add(_run_row(report))


async def _ingest(
    settings: Settings,
    request: Request,
    report: Report,
    source: Source,
    lake: Lake,
    counters: Counters,
    stop: Stop,
    *,
    alone: bool,
    look_back: bool = True,
) -> tuple[Prepared, Outcome]:
    prepared, registry = await planned(settings, request, source, lake, report.run_id)
    _note_plan(report, prepared)
    counters(
        RunPlanned(
            report.run_id,
            prepared.plan.tags,
            len(prepared.plan.work),
            report.span_start,
            prepared.until,
            prepared.effort,
        )
    )
    if prepared.unresolved:
        report.quarantined.extend(prepared.unresolved)
        rows = error_rows(prepared.unresolved, report.run_id)
        await asyncio.to_thread(lake.table(PI_INGEST_ERRORS).add, rows)
    outcome = await _read(settings, report, source, lake, prepared, counters, stop, alone=alone)
    if look_back and request.since is None and not outcome.interrupted:
        with recorded_reader(settings, source, ingested_at=report.started_at, observer=counters) as reader:
            late = Late(source, reader, lake, report.run_id, engine_size(settings), counters, stop)
            await _look_back(settings, report, late, prepared)
    if settings.extract_alarms and not outcome.interrupted:
        report.alarms = await read_alarms(
            settings, source, lake, run_id=report.run_id, ingested_at=report.started_at
        )
        report.quarantined += report.alarms.left_behind
    _conclude(report, outcome)
    if prepared.plan.work:
        await asyncio.to_thread(publish_coverage, lake, registry, prepared.tags, report.run_id)
        await asyncio.to_thread(save_rates, lake.table(PI_TAG_DENSITY), outcome.rates, report.run_id)
    return prepared, outcome


def _note_plan(report: Report, prepared: Prepared) -> None:
    work = prepared.plan.work
    report.tags_selected = len(prepared.tags)
    report.tags, report.lanes = prepared.plan.tags, len(work)
    report.span_end = prepared.until
    report.span_start = min((item.span.start for item in work), default=prepared.until)


async def _look_back(settings: Settings, report: Report, late: Late, prepared: Prepared) -> None:
    """What the archive changed in the recent past that was covered before this run."""
    late_data = settings.late_data
    again = await asyncio.to_thread(recent, prepared.lanes, prepared.tags, late_data.look_back)
    compared = await asyncio.to_thread(recent, prepared.lanes, prepared.tags, late_data.reconcile)
    corrected = await late.correct(again, prepared.tags)
    repaired = await late.repair(compared, prepared.tags)
    report.corrected = corrected.rows + repaired.corrections.rows
    report.quarantined += corrected.failed + repaired.corrections.failed
    if corrected.interrupted or repaired.corrections.interrupted:
        report.status = "interrupted"


async def _read(
    settings: Settings,
    report: Report,
    source: Source,
    lake: Lake,
    prepared: Prepared,
    counters: Counters,
    stop: Stop,
    *,
    alone: bool,
) -> Outcome:
    """Do the planned work, in this process or, when it pays, in several."""
    performance = settings.performance
    size = engine_size(settings)
    share = Share(report.run_id, report.started_at, size, prepared.plan.work, prepared.tags, prepared.rates)
    count = 1 if alone else how_many(performance, prepared.rows, len(share.work))
    report.workers = count
    if count == 1:
        return await read_share(settings, share, source, lake, counters, stop)
    # The table is there before several processes look for it.
    await asyncio.to_thread(lake.table(PI_TIMESERIES).append, ())
    return await read_with_workers(settings, share, count, source, lake, counters, stop)


def engine_size(settings: Settings) -> EngineSize:
    """What the engine may use of memory and of the server."""
    return EngineSize.for_memory(settings.performance.memory_limit_gb, _lanes_at_once(settings))


def _lanes_at_once(settings: Settings) -> int:
    return max(2, settings.performance.max_in_flight)


def _conclude(report: Report, outcome: Outcome) -> None:
    report.commits, report.peak_rows = outcome.commits, outcome.peak_rows
    report.longest_stall = outcome.longest_stall
    report.quarantined.extend(outcome.failed)
    if outcome.interrupted or report.status == "interrupted":
        report.status = "interrupted"
    elif report.quarantined or outcome.moved:
        report.status = "quarantined"
    if outcome.moved:
        report.message = f"{outcome.moved} lanes were advanced by another run at the same time; run again"


def _finish(report: Report, counters: Counters, settings: Settings) -> None:
    counters.time.finish()
    report.ended_at = SystemClock().now()
    report.rows, report.requests, report.retries = counters.rows, counters.requests, counters.retries
    report.body_bytes, report.wire_bytes = counters.body_bytes, counters.wire_bytes
    report.seconds = counters.seconds
    report.facts = facts_of(counters, settings)
    log.debug("run %s took %s", report.run_id, report.facts)


def facts_of(counters: Counters, settings: Settings) -> RunFacts:
    """What a run has measured so far."""
    time, performance = counters.time, settings.performance
    return RunFacts(
        time=time.split(),
        seconds=time.seconds,
        cpu_seconds=time.cpu_seconds,
        processors=processors(),
        rows=counters.rows,
        commits=counters.commits,
        commit_seconds=counters.commit_seconds,
        requests=counters.requests,
        retries=counters.retries,
        wire_bytes=counters.wire_bytes,
        body_bytes=counters.body_bytes,
        answers_429=counters.by_status.get(429, 0),
        answers_503=counters.by_status.get(503, 0),
        at_once=time.at_once,
        allowed=time.allowed,
        max_workers=performance.max_workers,
        base_batch_size=performance.base_batch_size,
        rate_limit=performance.rate_limit,
        memory_limit_gb=performance.memory_limit_gb,
        compression=performance.enable_compression,
    )


def _run_row(report: Report) -> pa.Table:
    row = {name: getattr(report, name) for name in PI_INGEST_RUNS.arrow_schema.names if hasattr(report, name)}
    row |= report.facts.as_row()
    row["quarantined"] = len(report.quarantined)
    row["version"] = version("pi-lakeflow")
    return pa.Table.from_pylist([row], schema=PI_INGEST_RUNS.arrow_schema)


def new_run_id() -> str:
    """When it was, and some dice: sorts by time and is nobody else's."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
