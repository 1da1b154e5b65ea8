"""Change capture: the lake follows the archive through Stream Updates, for as long as nobody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

from pi_lakeflow.app.ingest import Report, advance, engine_size, new_run_id
from pi_lakeflow.app.late import Late, covered
from pi_lakeflow.app.prepare import Request, chosen_tags
from pi_lakeflow.app.reading import recorded_reader
from pi_lakeflow.app.source import Source, open_lake, open_source, server_now
from pi_lakeflow.app.tidy import Tidying, keep_tidy
from pi_lakeflow.engines.changes import ChangeFollower, Pace
from pi_lakeflow.engines.correcting import Corrections
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.flow.followed import FollowedBook
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.scope import Spans
from pi_lakeflow.flow.tables import PI_FOLLOWED, PI_LANES, PI_UPDATE_MARKERS
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.historians.pi.updates.poller import UpdatePoller
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.settings.selection import Selection

_EVER = Span(0, 1 << 60)


@dataclass(slots=True)
class FollowReport:
    """What following did."""

    run_id: str
    tags: int = 0
    recorded: Report | None = None  # what was read, in all rounds
    follower: ChangeFollower | None = None
    failures: list[TagFailure] = field(default_factory=list)
    tidying: Tidying = field(default_factory=Tidying)

    @property
    def exit_code(self) -> int:
        """0 done, 1 some tag could not be followed."""
        return 1 if self.failures else 0

    @property
    def rows(self) -> int:
        """New events."""
        return self.recorded.rows if self.recorded is not None else 0

    def status(self) -> dict[str, Any]:
        """The counters and the problems, for a page or a progress line."""
        if self.follower is None:
            return {"problems": ["it has not started"], "tags": {}}
        activity, tags = self.follower.activity, self.follower.followed
        heard = sum(tag.marker is not None for tag in tags.values())
        stuck = sum(tag.stuck > 0 for tag in tags.values())
        problems = [activity.problem] if activity.problem else []
        problems += [f"{len(tags) - heard:,} tags are not followed"] if heard < len(tags) else []
        problems += [f"{stuck:,} tags cannot be read again"] if stuck else []
        since = None if activity.last_poll is None else round(monotonic() - activity.last_poll, 1)
        return {
            "tags": {},
            "selected": self.tags,
            "followed": heard,
            "polls": activity.polls,
            "seconds_since_poll": since,
            "changes": dict(activity.changes),
            "rows": self.rows,
            "inserted": activity.inserted,
            "updated": activity.updated,
            "deleted": activity.deleted,
            "gaps": activity.gaps,
            "failures": activity.failures,
            **self.tidying.summary(),
            "problems": problems,
        }


Beside = Callable[[FollowReport], Coroutine[Any, Any, None]]


async def follow(
    settings: Settings,
    *,
    tags: Selection | None = None,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
    beside: Beside | None = None,
) -> FollowReport:
    """Follow the tags until ``stop`` drains; ``beside`` runs with it, for as long.

    Raises ``SettingsError`` (no tags, credentials, a server without Stream Updates),
    ``SourceUnavailable`` when the server does not answer at the start.
    """
    report, stop, lake = FollowReport(new_run_id()), stop or Stop(), lake or open_lake(settings)
    async with open_source(settings, observer) as source:
        site = _Site(settings, source, lake, report, Request("stream", tags), observer, stop)
        await site.look_up()
        data = lake.table(PI_TIMESERIES)
        report.follower = ChangeFollower(
            UpdatePoller(source.client.transport),
            site,
            FollowedBook(lake.table(PI_FOLLOWED), lake.table(PI_UPDATE_MARKERS), data),
            now=lambda: server_now(source.client),
            pace=_pace(settings),
            stop=stop,
        )
        others = [keep_tidy(settings, lake, report.tidying)]
        others += [beside(report)] if beside is not None else []
        await _with(report.follower.run(), others)
        refused = {w: each.refused for w, each in report.follower.followed.items() if each.refused}
        report.failures += [TagFailure(site.tags[webid], text) for webid, text in refused.items()]
    return report


@dataclass(slots=True)
class _Site:
    """What the follower asks of the lake (``engines.changes.Lakeward``)."""

    settings: Settings
    source: Source
    lake: Lake
    report: FollowReport
    request: Request
    observer: Observer
    stop: Stop
    tags: Mapping[str, Tag] = field(default_factory=dict)
    _covered: tuple[tuple[int, int], Spans] | None = None

    async def look_up(self) -> None:
        """Which tags there are now."""
        self.tags, failures = await chosen_tags(self.settings, self.request, self.source)
        self.report.failures, self.report.tags = list(failures), len(self.tags)

    def chosen(self) -> Collection[str]:
        return self.tags.keys()

    async def covered(self) -> Spans:
        return await asyncio.to_thread(self._load)

    def _load(self) -> Spans:
        lanes, data = self.lake.table(PI_LANES), self.lake.table(PI_TIMESERIES)
        if not lanes.exists() or not data.exists():
            return {}
        version = lanes.version(), data.version()
        if self._covered is None or self._covered[0] != version:
            found = covered(Registry(lanes, data).load(), self.tags, _EVER)
            self._covered = version, found
        return self._covered[1]

    async def correct(self, spans: Spans) -> Corrections:
        with recorded_reader(
            self.settings, self.source, ingested_at=SystemClock().now(), observer=self.observer
        ) as reader:
            return await self._late(reader).correct(self._known(spans), self.tags)

    async def compare(self, spans: Spans) -> Corrections:
        with recorded_reader(
            self.settings, self.source, ingested_at=SystemClock().now(), observer=self.observer
        ) as reader:
            return (await self._late(reader).repair(self._known(spans), self.tags)).corrections

    async def advance(self) -> Spans:
        report, read = await advance(
            self.settings, self.request, self.source, self.lake, observer=self.observer, stop=self.stop
        )
        if self.report.recorded is None:
            self.report.recorded = report
        else:
            self.report.recorded.add(report)
        await self.look_up()
        self._covered = None
        return read

    def _known(self, spans: Spans) -> Spans:
        """Without tags that were dropped meanwhile."""
        return {webid: mine for webid, mine in spans.items() if webid in self.tags}

    def _late(self, reader: Any) -> Late:
        """What was heard is corrected to the end, also while the service is being stopped."""
        size = engine_size(self.settings)
        return Late(self.source, reader, self.lake, self.report.run_id, size, self.observer, Stop())


def _pace(settings: Settings) -> Pace:
    micros = timedelta(microseconds=1)
    return Pace(
        poll=settings.streaming.poll_interval.total_seconds(),
        flush=settings.streaming.flush_interval.total_seconds(),
        look_back=settings.late_data.look_back // micros,
        compare=max(settings.late_data.reconcile // micros, 7 * DAY),
    )


async def _with(main: Coroutine[Any, Any, None], others: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` to its end, and the others as long; what one of them raises is raised."""
    task = asyncio.create_task(main)
    tasks = {task, *(asyncio.create_task(each) for each in others)}
    left = tasks
    try:
        while task in left:
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
