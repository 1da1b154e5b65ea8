"""Pace and fairness with real clocks: a whole run of the command against a server of known strength."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.simulator import (
    Capacity,
    Fault,
    FixedClock,
    Oddities,
    Simulator,
    SimulatorConfig,
    run_in_thread,
    start_simulator,
)
from pi_lakeflow.simulator.config import Limits

pytestmark = pytest.mark.alone  # a busy neighbour would be taken for the cause

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3_600_000_000
RATE = 30
BROWN_OUT = float(os.environ.get("PI_LAKEFLOW_BROWN_OUT_SECONDS", "8"))


def plant(tags: int, **more: Any) -> SimulatorConfig:
    usual = {"twins": 0, "uniform": True, "clock": FixedClock(NOW), "limits": Limits(rate_limit_requests=0)}
    return SimulatorConfig(tags=tags, **{**usual, **more})


def command(url: str, folder: Path, hours: float, **performance: Any) -> subprocess.Popen[str]:
    """A run over the last ``hours``; its JSON lines come on stdout."""
    folder.mkdir(exist_ok=True)
    config = {"pi_web_api_url": url, "data_server": "PISRV01", "tags": "all", "settle": 0}
    config |= {"since": iso(NOW - round(hours * HOUR)), "until": iso(NOW), "lake": str(folder)}
    path = folder / "pi-lakeflow.yaml"
    path.write_text(json.dumps(config | {"performance": performance}))
    words = ["run", "--json", "--progress-every", "0.2", "--config", str(path)]
    return subprocess.Popen([sys.executable, "-m", "pi_lakeflow", *words], stdout=subprocess.PIPE, text=True)


@contextmanager
def counted(read: Callable[[], int]) -> Iterator[list[tuple[float, int]]]:
    """(seconds, count) fifty times a second while the block runs."""
    samples: list[tuple[float, int]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            samples.append((time.monotonic(), read()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def recorded(sim: Simulator) -> int:
    return sum(count for route, count in sim.stats.by_route.items() if "recorded" in route)


def test_nine_tenths_of_a_rate_limit_are_used_and_never_more_than_all(tmp_path: Path) -> None:
    """As the server counts it: by the second, and what it refuses."""
    limited = Limits(rate_limit_requests=RATE)
    config = plant(1_500, capacity=Capacity.enterprise(), oddities=Oddities.none(), limits=limited)
    small = {"base_batch_size": 5, "min_batch_size": 5, "max_batch_size": 5, "rate_limit": RATE}
    with run_in_thread(config) as sim, counted(lambda: recorded(sim)) as samples:
        process = command(sim.url, tmp_path / "lake", 6, **small, max_workers=16)
        process.communicate(timeout=120)
        assert process.returncode == 0
        assert sim.stats.throttled == 0
    moved = [after for before, after in pairwise(samples) if after[1] > before[1]]
    began, ended = moved[0], moved[-1]
    assert ended[1] >= 250
    assert (ended[1] - began[1]) / (ended[0] - began[0]) >= 0.9 * RATE


def test_two_clients_share_a_server_fairly(tmp_path: Path) -> None:
    """Neither knows of the other; when the faster one has done its work, so has the slower one nearly."""
    config = plant(200, capacity=Capacity(workers=4, per_request=0.12))
    with run_in_thread(config) as sim:
        small = {"base_batch_size": 2, "min_batch_size": 2, "max_batch_size": 2, "max_workers": 32}
        both = [command(sim.url, tmp_path / name, 4, **small) for name in ("one", "other")]
        latest = [{"rows_read": 0}, {"rows_read": 0}]
        readers = [threading.Thread(target=_follow, args=(p, latest, n)) for n, p in enumerate(both)]
        for reader in readers:
            reader.start()
        while all(process.poll() is None for process in both):
            time.sleep(0.05)
        rows = [each["rows_read"] for each in latest]
        for reader in readers:
            reader.join(120)
        assert [process.wait(60) for process in both] == [0, 0]
    assert min(rows) >= 0.54 * max(rows), rows  # 35 of 100 for the one, 65 for the other


def _follow(process: subprocess.Popen[str], latest: list[dict[str, Any]], place: int) -> None:
    for event in _events(process):
        if event["event"] == "progress":
            latest[place] = event


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            yield json.loads(line)


# The mixed plant has tags of one event a second and tags of one a day.
EVEN = plant(2_500, capacity=Capacity(workers=4, per_request=0.1, per_event=1e-5)), 48, 2
MIXED = (
    plant(1_000, uniform=False, capacity=Capacity(workers=4, per_request=0.05, per_event=4e-5)),
    24,
    1,
)


@pytest.mark.parametrize(("config", "hours", "workers"), [EVEN, MIXED], ids=["even", "mixed"])
def test_the_time_left_is_told_well_after_the_first_tenth(
    config: SimulatorConfig, hours: float, workers: int, tmp_path: Path
) -> None:
    """Nearly always within a fifth of what the run takes; the percentage never goes back."""
    with run_in_thread(config) as sim:
        process = command(sim.url, tmp_path / "lake", hours, workers=workers, max_workers=8)
        told = [(time.monotonic(), e) for e in _events(process) if e["event"] == "progress"]
        ended = time.monotonic()
        assert process.wait(60) == 0
    fractions = [event["fraction"] for _, event in told]
    assert fractions == sorted(fractions)
    judged = [(at, e["seconds_left"]) for at, e in told if 0.1 <= e["fraction"] < 0.9]
    assert len(judged) >= 10
    whole = ended - told[0][0]
    off = sorted(abs(left - (ended - at)) for at, left in judged)
    assert off[len(off) * 9 // 10] <= 0.2 * whole, (whole, judged)


@pytest.mark.timeout(BROWN_OUT + 120)
async def test_after_a_brown_out_the_pace_comes_back_and_no_stampede() -> None:
    """Within ten seconds the limit finds what the server bears, 80 requests a second. Then the server refuses
    a third and is slow (PI_LAKEFLOW_BROWN_OUT_SECONDS says how long), and then it is well again."""
    config = plant(10, capacity=Capacity(workers=8, per_request=0.1))
    trouble = (
        Fault("status", status=503, probability=0.3, retry_after=0.5),
        Fault("latency", seconds=0.5),
    )
    async with start_simulator(config) as sim:
        retry = RetryPolicy(attempts=20, backoff=timedelta(seconds=0.2))
        async with AsyncPIWebAPIClient(sim.url, max_in_flight=64, retry=retry) as client:
            asking = [asyncio.create_task(_ask(client)) for _ in range(128)]
            await asyncio.sleep(10)
            before = await _pace(sim, 3)
            knee = client.transport.gate.limit
            for fault in trouble:
                sim.faults.add(fault)
            await asyncio.sleep(BROWN_OUT)
            sim.faults.clear()
            sim.stats.peak_parallel = 0
            await asyncio.sleep(1)
            crowd = sim.stats.peak_parallel
            await asyncio.sleep(9)
            after = await _pace(sim, 3)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
    assert before >= 0.7 * 80
    assert knee <= 3 * 8
    assert crowd <= 8
    assert after >= 0.8 * before


async def _ask(client: AsyncPIWebAPIClient) -> None:
    while True:
        with suppress(PiLakeflowError):
            await client.get("system")


async def _pace(sim: Simulator, seconds: float) -> float:
    """Answers per second."""
    began = sim.stats.by_status[200]
    await asyncio.sleep(seconds)
    return (sim.stats.by_status[200] - began) / seconds
