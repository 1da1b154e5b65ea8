"""LATE TRUTH and CRASH: commands that correct the lake are killed at random instants and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import assert_exact, lake_rows, true_rows
from test_late import edit

from pi_lakeflow.model.span import DAY, SECOND, Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.sinks.delta import DeltaLake

KILLS = int(os.environ.get("PI_LAKEFLOW_KILLS", "1"))
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
MINUTE = 60 * SECOND
SPAN = Span(NOW - 2 * DAY, NOW - 5 * MINUTE)
CONFIG = SimulatorConfig(
    seed=11,
    tags=15,
    density=0.5,
    twins=0,
    oddities=replace(Oddities(), fast_tags=0.0, burst_size=200, pileup_size=100),
    clock=FixedClock(NOW),
    start=datetime(2026, 3, 20, tzinfo=UTC),
    limits=Limits(max_returned_items=20_000),
)


def command(sim: Simulator, lake: Path, *arguments: str) -> list[str]:
    changes = {
        "data_server": "PISRV01",
        "lake": str(lake),
        "since": iso(SPAN.start),
        "streaming.mode": "updates",
        "streaming.poll_interval": "100ms",
        "streaming.flush_interval": "1s",
        "performance.memory_limit_gb": "0.75",
    }
    flags = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "pi_lakeflow", *arguments, "--url", sim.url, "--set", "tags=all", *flags]


def killed(arguments: list[str], after: float) -> bool:
    """Whether the process had to be killed after some seconds."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode in (0, 1)
    return False


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "arguments", [("repair", "--read"), ("run", "--set", "late_data.look_back=2d")], ids=["repair", "run"]
)
def test_corrections_that_are_killed_are_finished_by_the_next(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Edits, a kill, edits, a kill ...; one command that ends by itself makes all of it right."""
    dice = random.Random(len(arguments))
    with run_in_thread(replace(CONFIG, faults=(Fault("latency", seconds=0.05),))) as sim:
        webids = [sim.world.webid(tag) for tag in sim.world.tags()]
        subprocess.run(command(sim, tmp_path, "run"), check=True, stdout=subprocess.DEVNULL)
        deaths = 0
        while deaths < KILLS:
            for _ in range(20):
                edit(sim.world, dice, SPAN)
            deaths += killed(command(sim, tmp_path, *arguments), dice.uniform(1.0, 3.0))
        subprocess.run(command(sim, tmp_path, *arguments), check=True, stdout=subprocess.DEVNULL)
        assert_exact(DeltaLake(str(tmp_path)), sim.world, webids, SPAN)


@pytest.mark.timeout(600)
def test_a_follower_that_is_killed_misses_nothing(tmp_path: Path) -> None:
    """Edits all over the past, while it runs and while it does not."""
    dice = random.Random(7)
    with run_in_thread(CONFIG) as sim:
        webids = [sim.world.webid(tag) for tag in sim.world.tags()]
        subprocess.run(command(sim, tmp_path, "run"), check=True, stdout=subprocess.DEVNULL)
        for _ in range(KILLS):
            _follow(sim, tmp_path, dice.uniform(0.0, 1.0), dice)
            for _ in range(5):
                edit(sim.world, dice, SPAN)
        process = subprocess.Popen(command(sim, tmp_path, "stream"), stdout=subprocess.DEVNULL)
        lake, true = DeltaLake(str(tmp_path)), true_rows(sim.world, webids, SPAN)
        deadline = time.monotonic() + 60
        while not lake_rows(lake).equals(true) and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, 143)
        assert_exact(lake, sim.world, webids, SPAN)


def _follow(sim: Simulator, lake: Path, after: float, dice: random.Random) -> None:
    """Follow until a moment has been committed, edit, and kill."""
    arguments = command(sim, lake, "stream", "--json", "--progress-every", "0.2")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    for line in process.stdout or ():
        if json.loads(line).get("polls", 0) > 15:  # more than a flush interval
            break
    for _ in range(5):
        edit(sim.world, dice, SPAN)
        time.sleep(after / 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
