"""``reconcile`` and ``repair``: does the lake still hold what the archive has, and if not, make it so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.app.ingest import engine_size, new_run_id
from pi_lakeflow.app.late import Late, Repaired, covered
from pi_lakeflow.app.prepare import Request, chosen_tags
from pi_lakeflow.app.reading import recorded_reader
from pi_lakeflow.app.source import open_lake, open_source, server_now
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.flow.committer import Failed
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span, from_micros, iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.settings.times import parse_time


@dataclass(slots=True)
class Reconciliation:
    """What was compared and what was found; times in microseconds since 1970 UTC."""

    run_id: str
    span: Span
    tags: int = 0
    found: Repaired = field(default_factory=Repaired)
    unresolved: list[Failed] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def left_behind(self) -> list[Failed]:
        """Tags that are unknown or could not be read."""
        return [*self.unresolved, *self.found.corrections.failed]

    @property
    def events(self) -> int:
        """Events of the lake that were compared with the server's and are equal."""
        return sum(each.lake for each in self.found.findings if each.verdict == "equal")


async def reconcile(
    settings: Settings,
    request: Request | None = None,
    *,
    read: bool = False,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
) -> Reconciliation:
    """Compare what coverage claims with the archive, by counts or (``read``) event by event.

    Writes ``pi_reconciliation`` and nothing else. Raises what stops everybody.
    """
    async with _opened(settings, request or Request("reconcile"), observer, stop, lake) as (
        late,
        made,
        spans,
        tags,
    ):
        started = SystemClock().now()
        made.found.findings = await late.compare(spans, tags, read=read)
        late.note(made.found.findings, started)
        return made


async def repair(
    settings: Settings,
    request: Request | None = None,
    *,
    read: bool = False,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
) -> Reconciliation:
    """Compare, and replace the days that differ by what the archive holds now.

    With ``read`` everything in the span is read again, which also finds what counts cannot show.
    """
    async with _opened(settings, request or Request("repair"), observer, stop, lake) as (
        late,
        made,
        spans,
        tags,
    ):
        made.found = await late.repair(spans, tags, read=read)
        return made


_Opened = tuple[Late, Reconciliation, Mapping[str, Sequence[Span]], Mapping[str, Tag]]


@asynccontextmanager
async def _opened(
    settings: Settings, request: Request, observer: Observer, stop: Stop | None, lake: Lake | None
) -> AsyncIterator[_Opened]:
    """Everything that a comparison needs, and the figures of the report at its end."""
    counters, stop, lake = Counters(observer), stop or Stop(), lake or open_lake(settings)
    started = SystemClock().now()
    async with open_source(settings, counters) as source:
        tags, unresolved = await chosen_tags(settings, request, source)
        span = _span(settings, request, await server_now(source.client))
        made = Reconciliation(new_run_id(), span)
        made.unresolved = [Failed(failure, span, started) for failure in unresolved]
        lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES)).load()
        spans = covered(lanes, tags, span)
        made.tags = len(spans)
        with recorded_reader(settings, source, ingested_at=started, observer=counters) as reader:
            late = Late(source, reader, lake, made.run_id, engine_size(settings), counters, stop)
            yield late, made, spans, tags
        made.interrupted = stop.draining
        made.requests, made.seconds = counters.requests, counters.seconds


def _span(settings: Settings, request: Request, now: int) -> Span:
    """What was asked for, else the span of the settings."""
    moment, zone = from_micros(now), settings.time_zone
    until = parse_time(request.until or settings.until, now=moment, zone=zone)
    since = parse_time(request.since or settings.since, now=moment, zone=zone)
    if until <= since:
        raise SettingsError(
            f"the span is empty: since {iso(since)} until {iso(until)}",
            subject="since",
            hint="move `since` back, or `until` forward",
        )
    return Span(since, until)
