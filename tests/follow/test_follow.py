"""Change capture: what happens in the archive reaches the lake within one poll, whatever breaks."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "exact"))
from lake_and_truth import assert_exact
from test_late import edit

from pi_lakeflow.app.follow import FollowReport, follow
from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import DAY, SECOND, Span, from_micros, to_micros
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import (
    Fault,
    FixedClock,
    NewEvent,
    Oddities,
    Simulator,
    SimulatorConfig,
    start_simulator,
)
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

ROUNDS = int(os.environ.get("PI_LAKEFLOW_CHAOS", "6"))
SEED = int(os.environ.get("PI_LAKEFLOW_SEED", "1"))
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
START = NOW - 2 * DAY
HOUR = 3600 * SECOND
MINUTE = 60 * SECOND


def settings_of(sim: Simulator, **streaming: Any) -> Settings:
    config = {
        "pi_web_api_url": sim.url,
        "data_server": "PISRV01",
        "tags": "all",
        "since": from_micros(START).isoformat(),
        "settle": "60s",
        "late_data": {"look_back": "1h"},
        "streaming": {"mode": "updates", "poll_interval": "100ms", "flush_interval": "1s"} | streaming,
        "performance": {"retry_backoff": "20ms"},
    }
    return load(config, environ={})


@dataclass
class Site:
    """A simulated server, a lake, and a follower that can be started, stopped and killed."""

    sim: Simulator
    lake: Lake
    settings: Settings
    stop: Stop = field(default_factory=Stop)
    report: FollowReport | None = None
    task: asyncio.Task[FollowReport] | None = None

    async def start(self) -> None:
        ready = asyncio.Event()

        async def beside(report: FollowReport) -> None:
            self.report = report
            ready.set()
            await asyncio.Event().wait()

        self.stop = Stop()
        self.task = asyncio.create_task(follow(self.settings, lake=self.lake, stop=self.stop, beside=beside))
        starting = asyncio.create_task(ready.wait())
        await asyncio.wait({self.task, starting}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if self.task.done():
            self.task.result()

    async def end(self) -> FollowReport:
        assert self.task is not None
        self.stop.drain()
        return await self.task

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    @property
    def polls(self) -> int:
        assert self.report is not None
        assert self.report.follower is not None
        return self.report.follower.activity.polls

    async def polled(self, times: int = 2) -> None:
        """Until a poll that began after now is over with all that follows."""
        wanted = self.polls + times
        await self.until(lambda: self.polls >= wanted)

    async def until(self, condition: Callable[[], bool]) -> None:
        assert self.task is not None
        async with asyncio.timeout(60):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    @property
    def webids(self) -> list[str]:
        return [self.sim.world.webid(tag) for tag in self.sim.world.tags()]

    def exact(self, until: int) -> None:
        assert_exact(self.lake, self.sim.world, self.webids, Span(START, until))


@asynccontextmanager
async def site_of(lake: Lake, config: SimulatorConfig) -> AsyncIterator[Site]:
    async with start_simulator(config) as sim:
        yield Site(sim, lake, settings_of(sim))


def plain(**more: Any) -> SimulatorConfig:
    values: dict[str, Any] = {
        "tags": 6,
        "twins": 0,
        "oddities": Oddities.none(),
        "clock": FixedClock(NOW),
        "start": datetime(2026, 3, 20, tzinfo=UTC),
    }
    return SimulatorConfig(**(values | more))


async def test_edits_deletions_and_late_events_arrive_within_one_poll(tmp_path: Path) -> None:
    """One event edited, one deleted, one a day late: right in the lake, and in the change feed."""
    async with site_of(DeltaLake(str(tmp_path)), plain()) as site:
        await ingest(site.settings, lake=site.lake)
        await site.start()
        await site.polled()
        world = site.sim.world
        site.exact(NOW - MINUTE)
        edited, deleted, late = (world.tag(number) for number in range(3))
        before = site.lake.table(PI_TIMESERIES).version()
        first = int(world.events(edited, NOW - 3 * HOUR, NOW).ticks[0]) // 10
        second = int(world.events(deleted, NOW - 5 * HOUR, NOW).ticks[0]) // 10
        world.edit_event(edited, NewEvent(first, -1.5))
        world.delete_events(deleted, second, second + 1)
        world.late_events(late, [NewEvent(NOW - DAY + 7, 3.25)])
        await site.polled()
        site.exact(NOW - MINUTE)
        feed = site.lake.table(PI_TIMESERIES).changes(before + 1)
        told = Counter(zip(feed["tag_webid"].to_pylist(), feed["_change_type"].to_pylist(), strict=True))
        assert told == {
            (world.webid(edited), "update_preimage"): 1,
            (world.webid(edited), "update_postimage"): 1,
            (world.webid(deleted), "delete"): 1,
            (world.webid(late), "insert"): 1,
        }
        post = feed.filter(pa.compute.equal(feed["_change_type"], "update_postimage"))
        assert post["value"].to_pylist() == [-1.5]
        assert (await site.end()).exit_code == 0


async def test_new_events_come_by_themselves(tmp_path: Path) -> None:
    """The follower also brings what time brings, less ``settle``; coverage and lake stay equal."""
    async with site_of(DeltaLake(str(tmp_path)), plain()) as site:
        await site.start()
        for _ in range(2):
            assert site.report is not None
            site.sim.world.clock.advance(10 * MINUTE)
            now = site.sim.world.clock.now() // 10
            await site.until(lambda end=now - MINUTE: _covered(site) == end)
            site.exact(now - MINUTE)
        added = site.sim.world.add_tags(1, created=NOW)
        await site.until(lambda: site.sim.world.webid(added[0]) in site.report.follower.followed)
        await site.end()


@pytest.mark.parametrize("how", ["expire", "restart", "invalidate"])
async def test_a_lost_registration_is_a_gap_that_is_read_again(how: str) -> None:
    """What happened between the loss and the next registration is in the lake all the same."""
    async with site_of(MemoryLake(), plain()) as site:
        await ingest(site.settings, lake=site.lake)
        await site.start()
        await site.polled()
        world, tag = site.sim.world, site.sim.world.tag(2)
        if how == "expire":
            site.sim.updates.clear()
        elif how == "restart":
            site.sim.restart(0.5)
        else:
            site.sim.updates.invalidate(tag)
        world.late_events(tag, [NewEvent(NOW - 30 * MINUTE, 1.0), NewEvent(NOW - 26 * HOUR, 2.0)])
        world.delete_events(tag, NOW - 20 * MINUTE, NOW - 19 * MINUTE)
        await site.until(lambda: _is_exact(site, NOW - MINUTE))
        assert site.report is not None
        assert site.report.follower is not None
        assert site.report.follower.activity.gaps > (1 if how == "invalidate" else len(site.webids))
        await site.end()


async def test_a_restart_goes_on_from_the_last_committed_poll(tmp_path: Path) -> None:
    """A follower that is stopped, or killed, misses nothing that happened meanwhile, however old."""
    async with site_of(DeltaLake(str(tmp_path)), plain()) as site:
        await ingest(site.settings, lake=site.lake)
        for number, ending in enumerate((site.end, site.kill)):
            await site.start()
            await site.polled(15)  # more than a flush interval
            await ending()
            tag = site.sim.world.tag(number)
            old = int(site.sim.world.events(tag, NOW - 40 * HOUR, NOW).ticks[0]) // 10
            site.sim.world.edit_event(tag, NewEvent(old, -7.0))
        await site.start()
        await site.until(lambda: _is_exact(site, NOW - MINUTE))
        assert site.report is not None
        assert site.report.follower is not None
        assert site.report.follower.activity.gaps == 0
        await site.end()


async def test_a_restart_without_markers_reads_the_gap_again(tmp_path: Path) -> None:
    """When the server has forgotten as well, the last certain moment says how much."""
    async with site_of(DeltaLake(str(tmp_path)), plain()) as site:
        await ingest(site.settings, lake=site.lake)
        await site.start()
        await site.polled(15)
        await site.kill()
        site.sim.updates.clear()
        tag = site.sim.world.tag(1)
        last = int(site.sim.world.events(tag, NOW - 30 * MINUTE, NOW - 2 * MINUTE).ticks[-1]) // 10
        site.sim.world.edit_event(tag, NewEvent(last, -7.0))
        site.sim.world.late_events(tag, [NewEvent(NOW - 26 * HOUR, 1.0)])
        await site.start()
        await site.until(lambda: _is_exact(site, NOW - MINUTE))
        await site.end()


class Chaos:
    """Things that happen to a site that is being followed."""

    def __init__(self, site: Site, dice: random.Random) -> None:
        self.site, self.dice, self.world = site, dice, site.sim.world

    @property
    def now(self) -> int:
        return self.world.clock.now() // 10

    def edits(self, most: int, span: Span) -> None:
        for _ in range(self.dice.randrange(1, most)):
            edit(self.world, self.dice, span)

    async def edited(self) -> None:
        """Everybody is registered: edits anywhere are heard."""
        await self.site.polled()
        self.edits(8, Span(START, self.now))
        await self.site.polled(1)

    async def time(self) -> None:
        self.world.clock.advance(self.dice.randrange(1, 20 * MINUTE))

    async def faults(self) -> None:
        for fault in (
            Fault("status", status=503, probability=0.2),
            Fault("reset", probability=0.1),
            Fault("half_json", probability=0.1),
        ):
            self.site.sim.faults.add(fault)
        await self.site.polled(1)
        self.site.sim.faults.clear()

    async def expiry(self) -> None:
        await self.site.polled(12)  # more than a flush interval
        self.site.sim.updates.clear()
        self.edits(4, Span(self.now - 30 * MINUTE, self.now))  # heard by nobody, but recent

    async def restart(self) -> None:
        await self.site.polled(12)
        self.site.sim.restart(0.3)
        self.edits(4, Span(self.now - 30 * MINUTE, self.now))

    async def kill(self) -> None:
        """At any moment, while much happens everywhere; the server still knows the markers."""
        await self.site.polled(12)
        for _ in range(self.dice.randrange(1, 8)):
            edit(self.world, self.dice, Span(START, self.now))
            await asyncio.sleep(self.dice.random() * 0.1)
        await self.site.kill()
        self.edits(4, Span(START, self.now))
        await self.site.start()


async def test_chaos_leaves_the_lake_exact(tmp_path: Path) -> None:
    """Odd values, faults, lost registrations, kills, time that passes and edits all over the past."""
    dice = random.Random(SEED)
    async with site_of(DeltaLake(str(tmp_path)), plain(tags=12, oddities=Oddities(), seed=5)) as site:
        await ingest(site.settings, lake=site.lake)
        await site.start()
        chaos = Chaos(site, dice)
        happenings = (chaos.edited, chaos.time, chaos.faults, chaos.expiry, chaos.restart, chaos.kill)
        for _ in range(ROUNDS):
            await dice.choice(happenings)()
            await asyncio.sleep(dice.random() * 0.3)
        await site.polled(3)
        end = site.sim.world.clock.now() // 10 - MINUTE
        await site.until(lambda: _covered(site) == end)
        await site.polled(3)
        await site.end()
        site.exact(end)


def _covered(site: Site) -> int:
    from pi_lakeflow.app.late import covered
    from pi_lakeflow.flow.registry import Registry
    from pi_lakeflow.flow.tables import PI_LANES
    from pi_lakeflow.model.tags import Tag

    lanes, data = site.lake.table(PI_LANES), site.lake.table(PI_TIMESERIES)
    if not lanes.exists() or not data.exists():
        return 0
    tags = {webid: Tag(webid, webid) for webid in site.webids}
    found = covered(Registry(lanes, data).load(), tags, Span(0, 1 << 60))
    ends = {spans[-1].end for spans in found.values()}
    return min(ends) if ends and len(found) == len(tags) else 0


def _is_exact(site: Site, until: int) -> bool:
    try:
        site.exact(until)
    except AssertionError:
        return False
    return True
