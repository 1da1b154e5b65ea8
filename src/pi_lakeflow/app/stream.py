"""Live values into the lake, for as long as nobody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from pi_lakeflow.app.ingest import new_run_id
from pi_lakeflow.app.livelanes import further_lanes, live_lanes
from pi_lakeflow.app.prepare import Request, chosen_tags
from pi_lakeflow.app.reading import answer_sizer
from pi_lakeflow.app.source import Source, open_lake, open_source, server_now
from pi_lakeflow.app.tidy import Tidying, keep_tidy
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.engines.livelanes import Lanes, LaneState
from pi_lakeflow.engines.pulse import Pulse
from pi_lakeflow.engines.streaming import StreamingEngine
from pi_lakeflow.engines.streamparts import StreamPorts, StreamSize
from pi_lakeflow.errors import PiLakeflowError, SettingsError
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.historians.pi.live.digest import ChannelDigest, live_rows
from pi_lakeflow.historians.pi.live.feed import ChannelFeed
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.settings.selection import Selection

_ROW_BYTES = 400  # of a buffered row, with what writing it takes


@dataclass(slots=True)
class StreamReport:
    """What a stream did; see :class:`~pi_lakeflow.engines.pulse.Pulse` for the counters."""

    run_id: str
    tags: int = 0
    lanes: int = 0
    pulse: Pulse | None = None
    failures: list[TagFailure] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done, 1 some tag could not be followed."""
        return 1 if self.failures else 0


@dataclass(slots=True)
class Following:
    """A stream that is running: what a health page shows."""

    engine: StreamingEngine
    names: Callable[[], Mapping[str, str]]
    tidying: Tidying = field(default_factory=Tidying)

    def status(self) -> dict[str, Any]:
        """The counters, the problems, and the newest value of each tag."""
        pulse, now = self.engine.pulse, self.engine.now()
        lags, names = pulse.lags(now), self.names()
        return {
            **pulse.summary(),
            **self.tidying.summary(),
            "channels": len(self.engine.lanes),
            "problems": pulse.problems(len(self.engine.lanes)),
            "lag_seconds": max(lags.values(), default=None),
            "silent_tags": len(names) - len(lags),
            "tags": {names.get(webid, webid): round(lag, 3) for webid, lag in lags.items()},
        }


Serve = Callable[[Following], Awaitable[None]]


async def stream(
    settings: Settings,
    *,
    tags: Selection | None = None,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
    serve: Serve | None = None,
) -> StreamReport:
    """Follow the tags' channels until ``stop`` drains. ``serve`` runs beside it, for as long.

    Raises ``SettingsError`` (no tags, credentials), ``SourceUnavailable`` when the server does not
    answer at the start, ``SinkUnavailable`` when the lake stays away at the end.
    """
    if settings.streaming.mode != "channels":
        raise SettingsError(
            "only `channels` is followed here", subject="streaming.mode", hint="set streaming.mode: channels"
        )
    run_id = new_run_id()
    report = StreamReport(run_id)
    lake = lake or _live_lake(settings)
    async with open_source(settings, observer) as source, _pool() as pool:
        found = await _resolved(settings, source, tags, report)
        now = await server_now(source.client)
        lanes = await asyncio.to_thread(live_lanes, lake, source.client, found, now=now, run_id=run_id)
        report.tags, report.lanes = len(found), len(lanes)
        digest = ChannelDigest(found, SystemClock().now())
        engine = _engine(settings, source, lake, lanes, digest, pool, run_id, observer, stop)
        report.pulse = engine.pulse
        newcomers = _Newcomers(settings, source, tags or settings.tags, digest, run_id)
        following = Following(engine, lambda: newcomers.names)
        await _follow(source, following, serve, newcomers, keep_tidy(settings, lake, following.tidying))
        report.failures += engine.failures
    return report


@dataclass(slots=True)
class _Newcomers:
    """Looks for tags that are new or renamed, while the stream runs; what fails is tried the next time."""

    settings: Settings
    source: Source
    selection: Selection
    digest: ChannelDigest
    run_id: str

    @property
    def names(self) -> dict[str, str]:
        return {webid: tag.name for webid, tag in self.digest.tags.items()}

    async def watch(self, engine: StreamingEngine, feed: ChannelFeed) -> None:
        """Look again and again."""
        rounds = 0
        while True:
            await asyncio.sleep(self.settings.streaming.refresh.total_seconds())
            rounds += 1
            try:
                lanes = await self._look(engine, f"{self.run_id}\n{rounds}")
            except PiLakeflowError as error:
                engine.pulse.last_problem = str(error)
                continue
            await feed.open({lane.name: tuple(lane.tags) for lane in lanes})

    async def _look(self, engine: StreamingEngine, nonce: str) -> list[LaneState]:
        """Lanes for the tags that are new."""
        found = await self.source.catalog.resolve(self.selection)
        fresh = {webid: tag for webid, tag in found.tags.items() if webid not in self.digest.tags}
        lanes: list[LaneState] = []
        if fresh:
            now = await engine.sync_clock()
            lanes = further_lanes(self.source.client, fresh, now=now, nonce=nonce)
            await asyncio.to_thread(engine.lanes.add, lanes, self.run_id)
        self.digest.know(self.digest.tags | found.tags)
        return lanes


def _live_lake(settings: Settings) -> Lake:
    """The lake of live values; their rows go to Zerobus when it is configured."""
    lake, wanted = open_lake(settings, settings.streaming.schema), settings.zerobus
    if wanted.endpoint is None:
        return lake
    try:
        from pi_lakeflow.sinks.zerobus import Target, ZerobusLake
    except ModuleNotFoundError as error:
        raise SettingsError(
            "Zerobus needs the package databricks-zerobus-ingest-sdk",
            subject="zerobus.endpoint",
            hint="pip install 'pi-lakeflow[zerobus]'",
        ) from error
    if not (wanted.workspace and wanted.table and wanted.client_id and wanted.client_secret):
        raise SettingsError(
            "something is missing",
            subject="zerobus",
            hint="set zerobus.workspace, zerobus.table, zerobus.client_id and zerobus.client_secret",
        )
    target = Target(
        wanted.endpoint, wanted.workspace, wanted.table, wanted.client_id, wanted.client_secret.reveal()
    )
    return ZerobusLake(lake, PI_TIMESERIES_LIVE, name=wanted.table, connect=target.connect)


async def _resolved(
    settings: Settings, source: Source, tags: Selection | None, report: StreamReport
) -> Mapping[str, Tag]:
    found, failures = await chosen_tags(settings, Request(tags=tags), source)
    report.failures += failures
    if not found:
        raise SettingsError("no tag matches", subject="tags")
    return found


def _engine(
    settings: Settings,
    source: Source,
    lake: Lake,
    lanes: Lanes,
    digest: ChannelDigest,
    pool: ThreadPoolExecutor,
    run_id: str,
    observer: Observer,
    stop: Stop | None,
) -> StreamingEngine:
    started = SystemClock().now()
    ports = StreamPorts(
        messages=digest,
        recorded=RecordedReader(
            source.client.transport,
            ingested_at=started,
            pool=pool,
            size=answer_sizer(settings),
            observer=observer,
        ),
        as_live=_as_live,
        server_now=lambda: server_now(source.client),
        data=lake.table(PI_TIMESERIES_LIVE),
        errors=lake.table(PI_INGEST_ERRORS),
        pool=pool,
    )
    return StreamingEngine(
        lanes, ports, run_id=run_id, clock=SystemClock(), size=size_of(settings), observer=observer, stop=stop
    )


def size_of(settings: Settings) -> StreamSize:
    """Limits of the stream; a quarter of the memory is for rows that wait."""
    streaming = settings.streaming
    capacity = int(settings.performance.memory_limit_gb * 1e9 / 4 / _ROW_BYTES)
    return StreamSize(
        rows=streaming.max_buffer_size,
        seconds=streaming.flush_interval.total_seconds(),
        capacity=max(2 * streaming.max_buffer_size, capacity),
        overlap=streaming.overlap // timedelta(microseconds=1),
        when_full=streaming.when_full,
    )


async def _follow(
    source: Source,
    following: Following,
    serve: Serve | None,
    newcomers: _Newcomers,
    tidy: Coroutine[Any, Any, None],
) -> None:
    """Open the channels, run the engine, and end both together."""
    engine = following.engine
    feed = ChannelFeed(source.client, engine)
    await engine.sync_clock()
    running = asyncio.create_task(engine.run(feed.close))
    beside = [
        asyncio.create_task(work) for work in (_opened(feed, engine), newcomers.watch(engine, feed), tidy)
    ]
    if serve is not None:
        beside.append(asyncio.ensure_future(serve(following)))
    try:
        while not running.done():
            done, _ = await asyncio.wait({running, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            beside = [task for task in beside if not task.done()]
    finally:
        for task in (*beside, running):
            task.cancel()
        await asyncio.gather(*beside, running, return_exceptions=True)
        await feed.close()


async def _opened(feed: ChannelFeed, engine: StreamingEngine) -> None:
    await feed.open({lane.name: tuple(lane.tags) for lane in engine.lanes.values()})
    await feed.watch()


def _as_live(batch: pa.RecordBatch, at: int) -> pa.Table:
    return live_rows(batch, np.full(batch.num_rows, at, np.int64), "recorded")


@asynccontextmanager
async def _pool() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3, thread_name_prefix="stream") as pool:
        yield pool
