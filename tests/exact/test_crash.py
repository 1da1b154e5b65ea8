"""CRASH: the process is killed at random instants and started again; in the end the lake is exact."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import assert_exact

from pi_lakeflow.model.span import Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.sinks.delta import DeltaLake

KILLS = int(os.environ.get("PI_LAKEFLOW_KILLS", "6"))
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SPAN = Span(NOW - 3 * 86_400_000_000, NOW - 3_600_000_000)

# Small steps and commits, so that there is much to interrupt.
PROGRAM = """
import asyncio, json, sys
from pi_lakeflow.app import ingest as app
from pi_lakeflow.engines.embedded import EngineSize
from pi_lakeflow.settings import load
app.EngineSize = type("Small", (EngineSize,), {
    "for_memory": classmethod(lambda cls, gigabytes, lanes: EngineSize(lanes, 60_000, 50_000))})
config, since, until = json.loads(sys.argv[1])
report = asyncio.run(app.ingest(load(config), app.Request(since=since, until=until)))
print(report.status, report.rows)
sys.exit(report.exit_code)
"""

FAULTS = (
    Fault("status", status=429, probability=0.03, retry_after=0.05),
    Fault("status", status=503, probability=0.03),
    Fault("reset", probability=0.03),
    Fault("cut_body", probability=0.02),
    Fault("half_json", probability=0.02),
    Fault("web_exception", probability=0.02),
)


def world(seed: int) -> SimulatorConfig:
    return SimulatorConfig(
        seed=seed,
        tags=40,
        density=2.0,
        twins=0,
        oddities=replace(Oddities(), fast_tags=0.05, burst_size=2500, pileup_size=900),
        clock=FixedClock(NOW),
        start=datetime(2026, 3, 20, tzinfo=UTC),
        limits=Limits(max_returned_items=20_000),
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", [(), FAULTS], ids=["calm", "faulty"])
def test_killed_at_random_moments(tmp_path: Path, faults: tuple[Fault, ...]) -> None:
    """SIGKILL, then the same command again, until it ends by itself."""
    dice = random.Random(len(faults))
    with run_in_thread(replace(world(3), faults=(*faults, Fault("latency", seconds=0.05)))) as sim:
        webids = [sim.world.webid(tag) for tag in sim.world.tags()]
        killed = lakes = 0
        while killed < KILLS:  # a run that survives its killer is checked, and the next lake begins
            lakes += 1
            lake = tmp_path / str(lakes)
            argument = _argument(sim.url, lake)
            while killed < KILLS and _killed(argument, dice.uniform(0.5, 3.0)) is not None:
                killed += 1
            while (code := _finish(argument)) == 1:
                pass  # the faults hit some tag often enough to quarantine it: it is tried again
            assert code == 0
            assert_exact(DeltaLake(str(lake)), sim.world, webids, SPAN)
        assert killed == KILLS


def _argument(url: str, lake: Path) -> str:
    config = {
        "pi_web_api_url": url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": str(lake),
        "performance": {"retry_backoff": 0.05},
    }
    return json.dumps([config, iso(SPAN.start), iso(SPAN.end)])


def _start(argument: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, argument])


def _killed(argument: str, after: float) -> int | None:
    """Kill the process after some seconds; None when it ended before."""
    process = _start(argument)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()
    return None


def _finish(argument: str) -> int:
    return _start(argument).wait(240)
