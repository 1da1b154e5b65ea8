"""A lake that is slower than the plant: blocked or shed by policy, bounded memory, the archive complete."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_sent import assert_all_sent_is_there, assert_archived_once, assert_nothing_twice

from pi_lakeflow.app import stream as app
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.engines.metrics import prometheus_text
from pi_lakeflow.engines.streamparts import StreamSize
from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Step
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import Live, SimulatorConfig, start_simulator
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable

pytestmark = pytest.mark.alone  # a busy neighbour would be taken for the cause

TAGS = 30
SMALL = StreamSize(rows=20, seconds=0.3, capacity=60, bytes=6_000, overlap=1_000_000)


class TroubledTable(DeltaLakeTable):
    """Commits take ``pause`` seconds, or fail while ``away``."""

    pause = 0.0
    away = False

    def append(self, steps: Sequence[Step]) -> CommitResult:
        time.sleep(self.pause)
        if self.away:
            raise SinkUnavailable("no space left", subject=self.path)
        return super().append(steps)


class TroubledLake(DeltaLake):
    def table(self, spec: TableSpec) -> DeltaLakeTable:
        if spec.name not in self._tables:
            self._tables[spec.name] = TroubledTable(self.path_of(spec.name), spec)
        return self._tables[spec.name]


@pytest.mark.parametrize("policy", ["block", "shed"])
async def test_a_slow_lake(policy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the lake stalls, what waits stays below its bounds; afterwards the archive is complete."""
    config = SimulatorConfig(
        tags=TAGS,
        density=60.0,
        twins=0,
        start=datetime.now(UTC) - timedelta(hours=2),
        live=Live(poll_seconds=0.1, values_per_message=20),
    )
    monkeypatch.setattr(app, "size_of", lambda _: replace(SMALL, when_full=policy))
    async with start_simulator(config) as sim:
        lake = TroubledLake(str(tmp_path), "main", "streaming")
        settings = load(
            {"pi_web_api_url": sim.url, "data_server": "PISRV01", "tags": "all", "lake": str(tmp_path)}
        )
        stop = Stop()
        following = asyncio.get_running_loop().create_future()

        async def serve(it: app.Following) -> None:
            following.set_result(it)

        task = asyncio.create_task(app.stream(settings, stop=stop, lake=lake, serve=serve))
        running = await following
        engine = running.engine
        most_rows = most_bytes = 0
        TroubledTable.pause = 3.0
        blocked, ends = False, time.monotonic() + 60
        while not (blocked or engine.pulse.shed) and time.monotonic() < ends:
            await asyncio.sleep(0.05)
            most_rows = max(most_rows, engine._buffer.rows)
            most_bytes = max(most_bytes, engine._pending_bytes)
            blocked = engine.pulse.blocked and engine.pulse.summary()["blocked_seconds"] > 1
        told = running.status()
        TroubledTable.pause = 0.0
        assert_told(told, policy)
        assert (blocked, engine.pulse.shed > 0) == (policy == "block", policy == "shed")
        await asyncio.sleep(2.5)
        stop.drain()
        await asyncio.wait_for(task, 60)
        assert most_rows < SMALL.capacity + 500  # and what one look into the archive brought
        assert most_bytes < 4 * SMALL.bytes
        assert assert_archived_once(lake, sim, TAGS) > 0
        assert_nothing_twice(lake, sim)
        if policy == "block":
            assert_all_sent_is_there(lake, sim)


def assert_told(status: dict[str, Any], policy: str) -> None:
    """Health, progress and metrics name the slow lake, the policy, and what it cost."""
    (problem,) = [each for each in status["problems"] if "the lake is too slow" in each]
    assert f"when_full: {policy}" in problem
    metrics = prometheus_text(status).decode()
    found = dict(line.split(" ") for line in metrics.splitlines() if "{" not in line and line[0] != "#")
    cost = {"block": "blocked_seconds", "shed": "shed"}
    for each, name in cost.items():
        assert (float(found[f"pi_lakeflow_stream_{name}_total"]) > 0) == (each == policy)


async def test_a_lake_that_is_away_for_a_while(tmp_path: Path) -> None:
    """Commits are tried again; nothing is lost, nothing is written twice."""
    config = SimulatorConfig(
        tags=10,
        density=60.0,
        twins=0,
        start=datetime.now(UTC) - timedelta(hours=2),
        live=Live(poll_seconds=0.1),
    )
    async with start_simulator(config) as sim:
        lake = TroubledLake(str(tmp_path), "main", "streaming")
        keys = {"overlap": "1s", "flush_interval": "300ms"}
        settings = load(
            {
                "pi_web_api_url": sim.url,
                "data_server": "PISRV01",
                "tags": "all",
                "lake": str(tmp_path),
                "streaming": keys,
            }
        )
        stop = Stop()
        task = asyncio.create_task(app.stream(settings, stop=stop, lake=lake))
        await asyncio.sleep(2.0)
        TroubledTable.away = True
        await asyncio.sleep(2.0)
        TroubledTable.away = False
        await asyncio.sleep(3.0)
        stop.drain()
        report = await asyncio.wait_for(task, 60)
        assert report.pulse is not None
        assert report.pulse.sink_failures
        assert_all_sent_is_there(lake, sim)
        assert assert_archived_once(lake, sim, 10) > 10
        assert_nothing_twice(lake, sim)
