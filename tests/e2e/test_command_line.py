"""The command as a person or a scheduler uses it: another process, real HTTP, real Delta."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml
from deltalake import DeltaTable

from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Auth

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
PASSWORD = "correct-horse-battery"


@dataclass
class Site:
    """A folder with a configuration, and a simulated server."""

    folder: Path
    sim: Simulator
    config: dict[str, object] = field(default_factory=dict)

    def run(
        self, *arguments: str, timeout: float = 100, **changes: object
    ) -> subprocess.CompletedProcess[str]:
        """Run the command in the folder with the configuration, changed."""
        text = yaml.safe_dump(self.config | changes)
        (self.folder / "pi-lakeflow.yaml").write_text(text, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pi_lakeflow", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PI_PASSWORD": PASSWORD, "COLUMNS": "200"},
            check=False,
        )

    def rows(self, table: str = "pi_timeseries") -> int:
        return DeltaTable(str(self.folder / "lake/main/bronze" / table)).to_pyarrow_table().num_rows


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Twenty plain tags, one event a minute, behind Basic authentication."""
    config = SimulatorConfig(
        tags=20,
        twins=0,
        oddities=Oddities.none(),
        clock=FixedClock(NOW),
        auth=Auth(methods=("basic",), users={"reader": PASSWORD}),
    )
    with run_in_thread(config) as sim:
        yield Site(
            tmp_path,
            sim,
            {
                "pi_web_api_url": sim.url,
                "data_server": "PISRV01",
                "auth": {"type": "basic", "username": "reader", "password": "env:PI_PASSWORD"},
                "lake": "lake",
                "tags": "all",
                "since": "*-6h",
                "performance": {"retry_backoff": 0.01},
            },
        )


def names(sim: Simulator) -> list[str]:
    return [tag.name for tag in sim.world.tags()]


def test_first_run_second_run_and_what_they_leave(site: Site) -> None:
    """A run brings everything, the next one nothing, and other engines read the tables."""
    first = site.run("run")
    assert first.returncode == 0, first.stderr
    truth = sum(
        site.sim.world.truth(tag, NOW - 6 * 3600 * 10**6, NOW - 300 * 10**6).num_rows
        for tag in names(site.sim)
    )
    assert site.rows() == truth > 0
    assert "Up to date" in site.run("run").stdout
    assert site.rows() == truth
    path = str(site.folder / "lake/main/bronze/pi_timeseries")
    averaged = pl.scan_delta(path).group_by("tag_name").agg(pl.col("value").mean()).collect()
    assert averaged.height == 20
    files = DeltaTable(path).file_uris()
    hourly = duckdb.sql(
        "select tag_name, cast(date_trunc('hour', timestamp) as varchar), avg(value) "
        f"from read_parquet({files}) group by 1, 2"
    )
    assert len(hourly.fetchall()) >= 20 * 6
    status = site.run("status")
    assert "20 tags" in status.stdout
    assert status.returncode == 0


def test_small_commands_answer(site: Site) -> None:
    """Each command that only shows something does so, on stdout."""
    assert "pi-lakeflow" in site.run("version").stdout
    assert "pi_timeseries" in site.run("tables").stdout
    assert "event_index" in site.run("tables", "pi_timeseries").stdout
    assert "CREATE TABLE" in site.run("tables", "--ddl").stdout
    shown = site.run("config", "show").stdout
    assert "env:PI_PASSWORD" in shown
    assert PASSWORD not in shown
    assert names(site.sim)[0] in site.run("discover").stdout
    assert "20 of 20 tags" in site.run("plan").stdout
    assert not (site.folder / "lake").exists()
    checked = site.run("check")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("✓ ") >= 8
    assert site.run("init", "--config", "new.yaml").returncode == 0
    assert site.run("init", "--config", "new.yaml").returncode == 2


def test_a_forbidden_tag_is_left_behind_and_fetched_later(site: Site) -> None:
    """ISOLATION: 19 complete, one row in pi_ingest_errors, exit code 1; later it completes alone."""
    bad = names(site.sim)[7]
    number = site.sim.faults.add(Fault("tag_status", status=403, tags=(bad,)))
    first = site.run("run", "--until", iso(NOW - 3600 * 10**6))
    assert first.returncode == 1
    assert bad in first.stderr
    assert site.rows("pi_ingest_errors") == 1
    site.sim.faults.remove(number)
    site.sim.stats.reset()
    second = site.run("run", "--until", iso(NOW - 3600 * 10**6))
    assert second.returncode == 0
    assert "of 1 tag in" in second.stdout
    span = (NOW - 6 * 3600 * 10**6, NOW - 3600 * 10**6)
    assert site.rows() == sum(site.sim.world.truth(tag, *span).num_rows for tag in names(site.sim))


def test_added_tags_get_their_history_and_nothing_else_is_read(site: Site) -> None:
    """New tags start their own coverage; request counts show that the old ones are left alone."""
    assert site.run("run", tags=names(site.sim)[:10]).returncode == 0
    site.sim.stats.reset()
    second = site.run("run", tags=names(site.sim))
    assert second.returncode == 0
    assert "of 10 tags" in second.stdout
    asked = site.sim.stats.as_dict()["by_route"]
    recorded = sum(count for route, count in asked.items() if "recorded" in route)
    assert 0 < recorded <= 10
    span = (NOW - 6 * 3600 * 10**6, NOW - 300 * 10**6)
    assert site.rows() == sum(site.sim.world.truth(tag, *span).num_rows for tag in names(site.sim))


CASES = {
    "wrong url": (["run"], {"pi_web_api_url": "http://127.0.0.1:9/piwebapi"}, 3, "127.0.0.1:9"),
    "unknown tag": (["run"], {"tags": ["NO.SUCH.TAG"]}, 2, "NO.SUCH.TAG"),
    "unknown key": (["run"], {"max_wokers": 3}, 2, "max_workers"),
    "unwritable lake": (["run"], {"lake": "/proc/lake"}, 3, "/proc/lake"),
    "unknown option": (["run", "--sinse", "*-1d"], {}, 2, "--sinse"),
    "unknown command": (["rnu"], {}, 2, "rnu"),
    "no time": (["run", "--since", "yesterdayish"], {}, 2, "yesterdayish"),
    "empty span": (["run", "--since", "*"], {}, 2, "empty"),
    "wrong password": (
        ["run"],
        {"auth": {"type": "basic", "username": "reader", "password": "wrong-secret"}},
        2,
        "401",
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_is_one_clear_error(site: Site, case: str) -> None:
    """Names the input, hints at the remedy, exits with the right code, and tells no secret."""
    arguments, changes, code, mention = CASES[case]
    _assert_clear(site.run(*arguments, "-vv", **changes), code, mention)
    _assert_one_end(site.run(*arguments, "--json", **changes), code)


@pytest.mark.parametrize(("kind", "code"), [("html", 3), ("half_json", 3)])
def test_answers_that_make_no_sense(site: Site, kind: str, code: int) -> None:
    """A proxy's page, and a body that is half there."""
    site.sim.faults.add(Fault(kind))  # type: ignore[arg-type]
    _assert_clear(site.run("run", "-vv"), code, "piwebapi")
    _assert_one_end(site.run("run", "--json"), code)


def test_a_self_signed_certificate(tmp_path: Path) -> None:
    """Refused with a hint; accepted with its authority."""
    config = SimulatorConfig(tags=3, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), tls=True)
    with run_in_thread(config) as sim:
        site = Site(
            tmp_path,
            sim,
            {"pi_web_api_url": sim.url, "data_server": "PISRV01", "tags": "all", "since": "*-1h"},
        )
        _assert_clear(site.run("run", "-vv"), 2, "certificate")
        trusted = site.run("run", tls={"ca_bundle": str(sim.ca_file)})
        assert trusted.returncode == 0, trusted.stderr


def test_an_interrupt_commits_what_was_read(site: Site) -> None:
    """One SIGINT drains: exit code 130, and the next run completes what is missing."""
    slow = site.sim.faults.add(Fault("latency", seconds=0.4, route="*recorded*"))
    changes = {"since": "*-20d", "performance": {"base_batch_size": 1, "max_workers": 1}}
    (site.folder / "pi-lakeflow.yaml").write_text(yaml.safe_dump(site.config | changes), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "pi_lakeflow", "run", "--json"],
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PI_PASSWORD": PASSWORD},
    )
    _wait_for(site, "recorded")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    site.sim.faults.remove(slow)
    assert site.run("run", since="*-20d").returncode == 0
    start = NOW - timedelta(days=20) // timedelta(microseconds=1)
    truth = sum(site.sim.world.truth(tag, start, NOW - 300 * 10**6).num_rows for tag in names(site.sim))
    assert site.rows() == truth


def _wait_for(site: Site, route: str) -> None:
    while not any(route in each for each in site.sim.stats.as_dict()["by_route"]):
        time.sleep(0.05)


def _assert_clear(done: subprocess.CompletedProcess[str], code: int, mention: str) -> None:
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert done.stderr.count("error:") == 1, told
    assert mention in done.stderr, told
    assert "hint:" in done.stderr, told
    assert "Traceback" not in told
    assert PASSWORD not in told
    assert "wrong-secret" not in told


def _assert_one_end(done: subprocess.CompletedProcess[str], code: int) -> None:
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ends = [event for event in events if event["event"] == "end"]
    assert len(ends) == 1, done.stdout
    assert events[-1] == ends[0]
    assert ends[0]["exit_code"] == code == done.returncode
