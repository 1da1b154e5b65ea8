"""The streaming service: what was sent is in the lake, what was archived is there once, whatever breaks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_sent import (
    assert_all_sent_is_there,
    assert_archived_once,
    assert_nothing_twice,
    live_rows,
)

from pi_lakeflow.app.stream import Following, StreamReport, stream
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.engines.pulse import Pulse
from pi_lakeflow.errors import AuthRefused, SettingsError
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import Auth, Fault, Live, Simulator, SimulatorConfig, start_simulator
from pi_lakeflow.sinks.delta import DeltaLake

TAGS = 12


def config(**changes: Any) -> SimulatorConfig:
    """A busy odd plant in real time: about 30 values a second."""
    usual = {
        "tags": TAGS,
        "density": 60.0,
        "twins": 0,
        "start": datetime.now(UTC) - timedelta(hours=2),
        "live": Live(poll_seconds=0.05),
    }
    return SimulatorConfig(**{**usual, **changes})


@dataclass
class Service:
    """A running stream."""

    stop: Stop
    lake: DeltaLake
    task: asyncio.Task[StreamReport]
    following: Following

    @property
    def pulse(self) -> Pulse:
        return self.following.engine.pulse

    async def until(self, true: Callable[[], object], seconds: float = 30) -> None:
        """Wait for something that is bound to happen while the stream runs."""
        async with asyncio.timeout(seconds):
            while True:
                if self.task.done():
                    self.task.result()
                if true():
                    return
                await asyncio.sleep(0.02)

    async def end(self) -> StreamReport:
        self.stop.drain()
        return await asyncio.wait_for(self.task, 30)


def settings_of(sim: Simulator, lake: Path, **streaming_keys: Any) -> Settings:
    return load(
        {
            "pi_web_api_url": sim.url,
            "data_server": "PISRV01",
            "tags": "all",
            "lake": str(lake),
            "streaming": {"overlap": "1s", "flush_interval": "300ms", **streaming_keys},
            "performance": {"retry_backoff": 0.05},
        }
    )


@asynccontextmanager
async def streaming(sim: Simulator, lake: Path, **streaming_keys: Any) -> AsyncIterator[Service]:
    """A stream that has heard something."""
    settings = settings_of(sim, lake, **streaming_keys)
    stop, ready = Stop(), asyncio.get_running_loop().create_future()

    async def serve(following: Following) -> None:
        ready.set_result(following)

    task = asyncio.create_task(stream(settings, stop=stop, serve=serve))
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    service = Service(stop, DeltaLake(str(lake), "main", "streaming"), task, ready.result())
    try:
        yield service
    finally:
        if not task.done():
            await service.end()


async def test_what_was_sent_is_there_and_what_was_archived_once(tmp_path: Path) -> None:
    async with start_simulator(config()) as sim:
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.values > 100 and service.pulse.commits > 2)
            report = await service.end()
        assert report.exit_code == 0
        assert assert_all_sent_is_there(service.lake, sim) > 100
        assert_archived_once(service.lake, sim, TAGS)
        assert_nothing_twice(service.lake, sim)
        assert set(live_rows(service.lake)["origin"].to_pylist()) <= {"channel", "recorded"}


async def test_a_broken_channel_leaves_no_gap(tmp_path: Path) -> None:
    """Dropped, out of order, twice, and a restart of the server that takes two seconds."""
    faults = (Fault("channel_reorder", probability=0.2), Fault("channel_duplicate", probability=0.2))
    async with start_simulator(config(faults=faults)) as sim:
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.written > 50)
            await _broken(service, lambda: sim.channels.end("close"))
            await _broken(service, lambda: sim.channels.end("abort"))
            await _broken(service, lambda: sim.restart(1.0))
            sim.faults.clear()
            filled = service.pulse.gaps
            await service.until(lambda: service.pulse.gaps > 2 and not _filling(service))
            await asyncio.sleep(1.5)  # so that the claim passes the breaks
            await service.end()
        assert filled
        assert assert_archived_once(service.lake, sim, TAGS) > 20
        assert_nothing_twice(service.lake, sim)
        assert "recorded" in live_rows(service.lake)["origin"].to_pylist()


async def _broken(service: Service, strike: Callable[[], object]) -> None:
    """Break all channels, and wait until each is open again: counted, as a break may be over in no time."""
    lanes = service.following.engine.lanes.values()
    before = {lane.name: lane.opens for lane in lanes}
    strike()
    await service.until(
        lambda: all(lane.opens > before[lane.name] for lane in lanes) and all(service.pulse.open.values())
    )


def _filling(service: Service) -> bool:
    return any(lane.filling for lane in service.following.engine.lanes.values())


async def test_a_channel_that_falls_silent_before_it_breaks(tmp_path: Path) -> None:
    """An open socket proves nothing: the position waits for a message."""
    async with start_simulator(config()) as sim:
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.written > 30 and not _filling(service))
            sim.faults.add(Fault("channel_stall", seconds=60))
            await asyncio.sleep(4.0)
            sim.channels.end("abort")
            sim.faults.clear()
            await service.until(lambda: service.pulse.disconnects and not _filling(service))
            await asyncio.sleep(2.0)
        assert assert_archived_once(service.lake, sim, TAGS) > 20
        assert_nothing_twice(service.lake, sim)


async def test_a_restart_fills_what_nobody_heard(tmp_path: Path) -> None:
    async with start_simulator(config()) as sim:
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.written > 50)
        await asyncio.sleep(1.0)
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.filled and not _filling(service))
            await asyncio.sleep(1.5)
        assert assert_archived_once(service.lake, sim, TAGS) > 20
        assert_all_sent_is_there(service.lake, sim)
        assert_nothing_twice(service.lake, sim)


async def test_new_and_renamed_tags_are_picked_up(tmp_path: Path) -> None:
    """While it runs; the lanes of the next run know them too."""
    async with start_simulator(config()) as sim:
        async with streaming(sim, tmp_path, refresh="300ms") as service:
            await service.until(lambda: service.pulse.written > 10)
            new = sim.world.add_tags(2)
            sim.world.rename_tag(sim.world.tag(0), "ANOTHER.NAME")
            ids = {sim.world.webid(tag) for tag in new}
            await service.until(lambda: ids <= service.pulse.tags.keys())
            assert "ANOTHER.NAME" in service.following.names().values()
            await asyncio.sleep(1.5)
        assert_archived_once(service.lake, sim, TAGS + 2)
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: not _filling(service) and service.pulse.gaps)
            await asyncio.sleep(1.5)
        assert_archived_once(service.lake, sim, TAGS + 2)
        assert_nothing_twice(service.lake, sim)


async def test_expiring_tokens(tmp_path: Path) -> None:
    """A channel that must come again with a new token does."""
    async with start_simulator(config(auth=Auth(methods=("bearer",)))) as sim:
        auth = {"type": "oidc", "client_id": "lakeflow", "client_secret": "secret"}
        settings = load(
            {
                "pi_web_api_url": sim.url,
                "data_server": "PISRV01",
                "tags": "all",
                "lake": str(tmp_path),
                "auth": auth,
                "streaming": {"overlap": "1s", "flush_interval": "300ms"},
            }
        )
        stop = Stop()
        task = asyncio.create_task(stream(settings, stop=stop))
        for _ in range(2):
            await asyncio.sleep(1.2)
            sim.gatekeeper.expire_tokens()
            sim.channels.end("abort")
        await asyncio.sleep(2.5)
        stop.drain()
        await task
        lake = DeltaLake(str(tmp_path), "main", "streaming")
        assert assert_archived_once(lake, sim, TAGS) > 10


async def test_a_second_stream_of_the_same_tags_gives_way(tmp_path: Path) -> None:
    """Whoever commits later notices, writes nothing, and says so."""
    async with start_simulator(config()) as sim:
        stop = Stop()
        both = {asyncio.create_task(stream(settings_of(sim, tmp_path), stop=stop)) for _ in range(2)}
        done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        (loser,), (winner,) = done, left
        assert isinstance(loser.exception(), SettingsError)
        stop.drain()
        assert (await winner).exit_code == 0
        assert_nothing_twice(DeltaLake(str(tmp_path), "main", "streaming"), sim)


async def test_wrong_credentials_and_no_tags_end_at_once(tmp_path: Path) -> None:
    async with start_simulator(config(auth=Auth(methods=("basic",)))) as sim:
        wrong = {"type": "basic", "username": "pi", "password": "no"}
        usual = {"pi_web_api_url": sim.url, "lake": str(tmp_path), "data_server": "PISRV01"}
        with pytest.raises(AuthRefused):
            await stream(load({**usual, "auth": wrong, "tags": "all"}))
        right = {**wrong, "password": "pi"}
        with pytest.raises(SettingsError, match="no tags"):
            await stream(load({**usual, "auth": right}))


async def test_a_tag_without_a_channel_leaves_the_others_alone(tmp_path: Path) -> None:
    async with start_simulator(config()) as sim:
        bad = sim.world.tag(3)
        sim.faults.add(Fault("tag_status", status=403, tags=(bad.name,), route="/streamsets/channel"))
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.written > 50)
            report = await service.end()
        assert report.exit_code == 1
        assert [failure.tag.name for failure in report.failures] == [bad.name]
        sim.faults.clear()
        async with streaming(sim, tmp_path) as service:  # tried again, and its gap is filled
            await service.until(lambda: not _filling(service) and service.pulse.gaps)
            await asyncio.sleep(1.5)
        assert_archived_once(service.lake, sim, TAGS)


async def test_stopped_before_a_channel_is_open_is_an_end_like_others(tmp_path: Path) -> None:
    """Somebody presses Ctrl-C while the server takes its time to let us in."""
    async with start_simulator(
        config(faults=(Fault("latency", route="/streamsets/channel", seconds=20),))
    ) as sim:
        async with streaming(sim, tmp_path) as service:
            await asyncio.sleep(0.5)
            assert not any(service.pulse.open.values())
            report = await service.end()
        assert report.exit_code == 0
        sim.faults.clear()
        async with streaming(sim, tmp_path) as service:
            await service.until(lambda: service.pulse.written > 5)
            await asyncio.sleep(1.5)
            await service.end()
        assert_archived_once(service.lake, sim, TAGS)
