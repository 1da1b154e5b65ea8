"""How commands end before their time, and what the demo leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.e2e.sites import NOW, SETTLED, Site, assert_clear, ended, wait_for

from pi_lakeflow.model.span import DAY
from pi_lakeflow.simulator import Fault


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_what_was_read(site: Site, number: signal.Signals, code: int) -> None:
    """One signal drains, and the next run completes what is missing."""
    slow = site.sim.faults.add(Fault("latency", seconds=0.3, route="*recorded*"))
    site.sim.stats.reset()
    narrow = {"base_batch_size": 1, "min_batch_size": 1, "max_workers": 1}
    process = site.start("run", "--json", since="*-20d", performance=narrow)
    wait_for(site, "recorded")
    process.send_signal(number)
    done = ended(process)
    assert done.returncode == code, done.stderr
    assert "committing" in done.stderr
    assert [event["event"] for event in done.events].count("end") == 1
    assert (done.events[-1]["status"], done.events[-1]["exit_code"]) == ("interrupted", code)
    site.sim.faults.remove(slow)
    assert site.run("run", since="*-20d").returncode == 0
    assert site.rows() == site.truth(NOW - 20 * DAY, SETTLED)


def test_two_signals_stop_at_once(site: Site) -> None:
    """Though the server never answers; the log of runs says so."""
    site.sim.faults.add(Fault("stall", route="*recorded*"))
    process = site.start("run", "--json")
    assert process.stdout is not None
    first = process.stdout.readline()
    assert json.loads(first)["event"] == "planned"
    process.send_signal(signal.SIGINT)
    assert json.loads(process.stdout.readline())["event"] == "draining"
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.returncode == 130, done.stderr
    assert [event["event"] for event in done.events].count("end") == 1
    runs = DeltaTable(str(site.folder / "lake/main/bronze/pi_ingest_runs")).to_pyarrow_table()
    assert runs["status"].to_pylist() == ["interrupted"]


def test_a_reader_that_has_gone_is_no_error(site: Site) -> None:
    """As with `pi-lakeflow config reference | head -1`, but surely too late for the pipe's buffer."""
    for option in ([], ["--json"]):
        with site.start("config", "reference", *option) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == ""
        assert process.returncode == 141


def test_the_demo_proves_what_it_says(tmp_path: Path) -> None:
    """Small, and twice, since `make demo` may be asked for again."""
    command = [sys.executable, "-m", "pi_lakeflow", "demo", "--tags", "40", "--days", "0.5"]
    environment = {**os.environ, "PI_LAKEFLOW_TAGS": "none of the demo's business"}
    for _ in range(2):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=100, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("✓") == 2
        assert "Hourly average" in done.stdout
    assert len(list((tmp_path / "demo" / "lake" / "main" / "bronze").iterdir())) >= 4


def test_the_demo_keeps_off_the_files_of_others(site: Site) -> None:
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "pi-lakeflow.yaml").write_text("tags: all", encoding="utf-8")
    done = site.run("demo", "--dir", "mine", "--json")
    assert_clear(done, 2, "mine")
    assert (site.folder / "mine" / "pi-lakeflow.yaml").read_text(encoding="utf-8") == "tags: all"
