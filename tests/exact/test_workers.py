"""Several processes for one run: exact, within the one budget, and killed in every way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import assert_exact
from test_crash import PROGRAM, SPAN, _finish, _killed, _start, world

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.workers import how_many, split
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.model.events import Committed, Event
from pi_lakeflow.model.span import Span, iso
from pi_lakeflow.model.work import LaneWork
from pi_lakeflow.settings import load
from pi_lakeflow.settings.schema import Performance
from pi_lakeflow.simulator import Fault, Simulator, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake


def config(sim: Simulator, lake: Path, workers: int = 3) -> dict[str, object]:
    performance = {"retry_backoff": 0.05, "workers": workers, "max_workers": 6, "memory_limit_gb": 3}
    return {
        "pi_web_api_url": sim.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": str(lake),
        "performance": performance,
    }


def argument(sim: Simulator, lake: Path) -> str:
    return json.dumps([config(sim, lake), iso(SPAN.start), iso(SPAN.end)])


def webids(sim: Simulator) -> list[str]:
    return [sim.world.webid(tag) for tag in sim.world.tags()]


REQUEST = Request(since=iso(SPAN.start), until=iso(SPAN.end))


async def test_three_processes_are_exact_and_share_the_budget(tmp_path: Path) -> None:
    with run_in_thread(replace(world(5), faults=(Fault("latency", seconds=0.02),))) as sim:
        told: list[Event] = []
        report = await ingest(load(config(sim, tmp_path), environ={}), REQUEST, observer=told.append)
        assert (report.status, report.workers) == ("done", 3)
        assert_exact(DeltaLake(str(tmp_path)), sim.world, webids(sim), SPAN)
        stats = sim.stats.as_dict()
    assert stats["peak_parallel"] <= 6
    assert stats["requests"] == report.requests
    assert sum(event.rows for event in told if isinstance(event, Committed)) == report.rows


async def test_a_refusal_in_a_worker_is_quarantined_by_the_run(tmp_path: Path) -> None:
    with run_in_thread(world(5)) as sim:
        names = [tag.name for tag in sim.world.tags()][:5]
        sim.faults.add(Fault("tag_status", status=403, tags=tuple(names), route="*recorded*"))
        report = await ingest(load(config(sim, tmp_path), environ={}), REQUEST)
    assert report.status == "quarantined"
    assert sorted(failed.failure.tag.name for failed in report.quarantined) == sorted(names)


async def test_drained_workers_commit_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with run_in_thread(replace(world(5), faults=(Fault("latency", seconds=0.05),))) as sim:
        stop, settings = Stop(), load(config(sim, tmp_path), environ={})

        def drain(event: Event) -> None:
            if isinstance(event, Committed):
                stop.drain()

        first = await ingest(settings, REQUEST, observer=drain, stop=stop)
        assert first.status in ("interrupted", "done")
        second = await ingest(settings, REQUEST)
        assert second.status == "done"
        assert_exact(DeltaLake(str(tmp_path)), sim.world, webids(sim), SPAN)


@pytest.mark.timeout(300)
def test_killed_with_its_workers_alive(tmp_path: Path) -> None:
    """SIGKILL to the process that was started: its workers stop by themselves, and the next run is exact."""
    dice = random.Random(1)
    with run_in_thread(replace(world(3), faults=(Fault("latency", seconds=0.05),))) as sim:
        told = argument(sim, tmp_path)
        for _ in range(2):
            _killed(told, dice.uniform(2.0, 4.5))
        assert _finish(told) == 0
        assert_exact(DeltaLake(str(tmp_path)), sim.world, webids(sim), SPAN)


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_a_killed_worker_fails_the_run_and_loses_nothing(tmp_path: Path) -> None:
    with run_in_thread(replace(world(3), faults=(Fault("latency", seconds=0.1),))) as sim:
        told = argument(sim, tmp_path)
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, told], stderr=subprocess.PIPE, text=True)
        worker = _worker_of(process)
        time.sleep(1.0)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        assert "a worker process ended by signal 9" in errors or process.returncode == 0
        assert _start(told).wait(240) == 0
        assert_exact(DeltaLake(str(tmp_path)), sim.world, webids(sim), SPAN)


def _worker_of(process: subprocess.Popen[str]) -> int:
    """A handle on the first worker that the process starts."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(600):
        if found := children.read_text(encoding="utf-8").split():
            return os.pidfd_open(int(found[0]))
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def test_as_many_processes_as_pay() -> None:
    auto = Performance(memory_limit_gb=64.0, max_workers=64)
    assert how_many(auto, rows=1_000_000, lanes=20) == 1
    assert how_many(replace(auto, memory_limit_gb=1.0), rows=10**9, lanes=20) == 1
    assert how_many(replace(auto, rate_limit=12.0), rows=10**9, lanes=20) == 1
    assert how_many(replace(auto, max_workers=1), rows=10**9, lanes=20) == 1
    assert how_many(replace(auto, workers=4), rows=10, lanes=20) == 4
    assert how_many(replace(auto, workers=4), rows=10, lanes=3) == 3


def test_the_work_is_split_by_expected_events() -> None:
    span = Span(0, 86_400_000_000)
    work = [LaneWork(f"L{i}", None, None, span, (f"T{i}",)) for i in range(9)]
    parts = split(work, 2, {"T0": 8 * 1 / 60e6})
    assert sorted(item.lane for part in parts for item in part) == sorted(item.lane for item in work)
    assert sorted(len(part) for part in parts) == [1, 8]
