"""CRASH for the alarm tables: killed on the way, and the same command again."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import START, plant
from test_incremental import SMALL, Works, disturb

from pi_lakeflow.simulator import Fault

KILLS = 4


@pytest.mark.timeout(300)
def test_killed_at_random_moments_and_repeated_the_tables_equal_the_world(tmp_path: Path) -> None:
    """First over an empty lake, then between two states of the plant; what was cut short is done again."""
    dice = random.Random(7)
    with plant(frames=SMALL, faults=(Fault("latency", seconds=0.1),)) as made:
        works = Works(made, tmp_path / "lake")
        for _ in range(2):
            killed = sum(_killed(works, tmp_path, dice.uniform(0.6, 3.0)) for _ in range(KILLS))
            assert killed, "every run was faster than its killer"
            assert _command(works, tmp_path).wait(120) == 0
            works.check()
            disturb(made)
            made.advance(7)


@pytest.mark.timeout(300)
def test_runs_at_the_same_time_do_no_harm(tmp_path: Path) -> None:
    """Each ends well or says that another was faster; after one more run the tables equal the world."""
    with plant(frames=SMALL, faults=(Fault("latency", seconds=0.05),)) as made:
        works = Works(made, tmp_path / "lake")
        ends = [process.wait(120) for process in [_command(works, tmp_path) for _ in range(3)]]
        assert 0 in ends
        assert set(ends) <= {0, 3}
        assert _command(works, tmp_path).wait(120) == 0
        works.check()


def _killed(works: Works, folder: Path, after: float) -> bool:
    process = _command(works, folder)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def _command(works: Works, folder: Path) -> subprocess.Popen[bytes]:
    keys = [f"lake={folder}/lake", f"since={START.isoformat()}"]
    words = ["alarms", "--url", works.plant.url, *(word for key in keys for word in ("--set", key))]
    return subprocess.Popen(
        [sys.executable, "-m", "pi_lakeflow", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
