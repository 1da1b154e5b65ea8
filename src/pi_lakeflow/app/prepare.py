"""What a run has to read: the tags of a request, the span of each, and a plan of what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pi_lakeflow.app.source import Source, server_now
from pi_lakeflow.app.survey import survey
from pi_lakeflow.errors import Internal, SettingsError
from pi_lakeflow.flow.committer import Failed
from pi_lakeflow.flow.plan import Plan, Sizing, coverage, lanes_by_tag, plan
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.flow.windows import effort, expected_pace
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.ports import Lake, LaneMoved
from pi_lakeflow.model.span import Span, from_micros, iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Lane, TagFailure
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.settings.selection import Selection
from pi_lakeflow.settings.times import parse_time

_PLAN_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks beyond the settings. ``since`` given means: exactly this span."""

    command: str = "run"
    tags: Selection | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with everything that it was made from."""

    plan: Plan
    tags: Mapping[str, Tag]
    lanes: Sequence[Lane]
    unresolved: Sequence[Failed]
    until: int
    rates: Mapping[str, float]
    rows: float  # expected, about

    @property
    def effort(self) -> float:
        """``flow.windows.effort`` of all the work."""
        return effort(self.rows, sum(len(item.webids) for item in self.plan.work))


async def prepare(
    settings: Settings, request: Request, source: Source, lake: Lake, run_id: str
) -> tuple[Prepared, Registry]:
    """Resolve the tags and plan, writing nothing: what ``plan`` shows and ``run`` does."""
    now = await server_now(source.client)
    tags, failures = await chosen_tags(settings, request, source)
    registry = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES))
    lanes = await asyncio.to_thread(registry.load)
    requests, since, until = await asyncio.to_thread(_requests, settings, request, tags, lanes, now)
    rates = await survey(source, lake, requests, tags)
    made = await asyncio.to_thread(plan, requests, lanes, sizing=_sizing(settings), nonce=run_id, rates=rates)
    rows = await asyncio.to_thread(_expected_rows, made, rates)
    span = Span(min(since, until), until)
    unresolved = [Failed(failure, span, SystemClock().now()) for failure in failures]
    return Prepared(made, tags, lanes, unresolved, until, rates, rows), registry


async def chosen_tags(
    settings: Settings, request: Request, source: Source
) -> tuple[Mapping[str, Tag], Sequence[TagFailure]]:
    """The tags of a request by WebId, and what was not found. Raises ``SettingsError`` for none at all."""
    resolved = await source.catalog.resolve(_selection(settings, request))
    if not resolved.tags and resolved.failures:
        first = resolved.failures[0]
        raise SettingsError(first.message, subject=f"tag {first.tag.name!r}", hint=first.hint)
    return resolved.tags, resolved.failures


async def planned(
    settings: Settings, request: Request, source: Source, lake: Lake, run_id: str
) -> tuple[Prepared, Registry]:
    """A plan that is written down; made again when another run was faster."""
    for _ in range(_PLAN_ATTEMPTS):
        prepared, registry = await prepare(settings, request, source, lake, run_id)
        made = prepared.plan
        try:
            await asyncio.to_thread(registry.record_plan, made.joins, made.leaves, prepared.lanes, run_id)
        except LaneMoved:
            continue
        return prepared, registry
    raise Internal("other runs keep changing the plan", hint="run again when they have ended")


def _expected_rows(made: Plan, rates: Mapping[str, float]) -> float:
    return sum(item.span.length * expected_pace(item.webids, rates) for item in made.work)


def _requests(
    settings: Settings, request: Request, tags: Mapping[str, Tag], lanes: Iterable[Lane], now: int
) -> tuple[dict[str, Span], int, int]:
    """Each tag's span. Without an explicit ``since``, unfinished work reaches further back."""
    moment = from_micros(now)
    zone = settings.time_zone
    since = parse_time(request.since or settings.since, now=moment, zone=zone)
    asked = parse_time(request.until or settings.until, now=moment, zone=zone)
    settled = now - settings.settle // timedelta(microseconds=1)
    until = min(asked, settled)
    if until <= since:
        raise SettingsError(
            f"the span is empty: since {iso(since)} until {iso(until)} (now less `settle`)",
            subject="since",
            hint="move `since` back, or `until` forward",
        )
    starts = {} if request.since else _unfinished(lanes, tags)
    spans = {}
    same: dict[tuple[int, int], Span] = {}
    for webid, tag in tags.items():
        end = asked if tag.future and asked > now else until  # forecasts lie ahead by nature
        borders = min(since, starts.get(webid, since), end), end
        if borders not in same:
            same[borders] = Span(*borders)
        spans[webid] = same[borders]
    return spans, since, until


def _unfinished(lanes: Iterable[Lane], tags: Mapping[str, Tag]) -> dict[str, int]:
    """Where each tag's registered history is still open: the earliest place not yet covered."""
    starts: dict[str, int] = {}
    for webid, mine in lanes_by_tag(lanes, tags).items():
        covered = coverage(mine, webid)
        places = [span.end for span in covered[-1:]]
        for lane in mine:
            open_lane = webid in lane.members and (lane.cap is None or lane.position < lane.cap)
            if open_lane and not any(span.start <= lane.position < span.end for span in covered):
                places.append(lane.position)
        if places:
            starts[webid] = min(places)
    return starts


def _selection(settings: Settings, request: Request) -> Selection:
    selection = request.tags or settings.tags
    if not selection:
        raise SettingsError(
            "no tags are chosen",
            subject="tags",
            hint="set `tags` in pi-lakeflow.yaml (names, a mask, 'all', @file), or pass --tag",
        )
    return selection


def _sizing(settings: Settings) -> Sizing:
    return Sizing(parallel=max(8, 2 * settings.performance.max_in_flight))
