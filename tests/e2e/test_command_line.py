"""The command as a person or a scheduler uses it: another process, real HTTP, real Delta."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml
from deltalake import DeltaTable

from pi_lakeflow.cli import program
from pi_lakeflow.model.span import DAY, SECOND, iso, to_micros
from pi_lakeflow.simulator import (
    Fault,
    FixedClock,
    NewEvent,
    Oddities,
    Simulator,
    SimulatorConfig,
    run_in_thread,
)
from pi_lakeflow.simulator.config import Auth

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3600 * SECOND
SETTLED = NOW - 300 * SECOND
PASSWORD = "correct-horse-battery"
WRONG = {"type": "basic", "username": "reader", "password": "wrong-secret"}


@dataclass
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass
class Site:
    """A folder with a configuration, and a simulated server."""

    folder: Path
    sim: Simulator
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    config: dict[str, object] = field(default_factory=dict)

    def write(self, **changes: object) -> None:
        """The configuration, changed."""
        text = yaml.safe_dump(self.config | changes)
        (self.folder / "pi-lakeflow.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, **changes: object) -> Done:
        """The command in the folder, in this process: quicker by the start of an interpreter."""
        self.write(**changes)
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setenv("PI_PASSWORD", PASSWORD)
        self.capsys.readouterr()
        code = program.run(arguments)
        told = self.capsys.readouterr()
        return Done(code, told.out, told.err)

    def start(self, *arguments: str, **changes: object) -> subprocess.Popen[str]:
        """The command as another process."""
        self.write(**changes)
        return subprocess.Popen(
            [sys.executable, "-m", "pi_lakeflow", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PI_PASSWORD": PASSWORD},
        )

    def rows(self, table: str = "pi_timeseries") -> int:
        return DeltaTable(str(self.folder / "lake/main/bronze" / table)).to_pyarrow_table().num_rows

    def truth(self, start: int, end: int) -> int:
        """Events of the archive in the half-open span (microseconds)."""
        return sum(self.sim.world.truth(tag, start, end).num_rows for tag in names(self.sim))


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=100)
    return Done(process.returncode, out, err)


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    """Twenty plain tags, one event a minute, behind Basic authentication."""
    config = SimulatorConfig(
        tags=20,
        twins=0,
        oddities=Oddities.none(),
        clock=FixedClock(NOW),
        auth=Auth(methods=("basic",), users={"reader": PASSWORD}),
    )
    with run_in_thread(config) as sim:
        yield sim


@pytest.fixture
def site(
    server: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    config = {
        "pi_web_api_url": server.url,
        "data_server": "PISRV01",
        "auth": {"type": "basic", "username": "reader", "password": "env:PI_PASSWORD"},
        "lake": "lake",
        "tags": "all",
        "since": "*-6h",
        "performance": {"retry_backoff": 0.01},
    }
    yield Site(tmp_path, server, monkeypatch, capsys, config)
    server.faults.clear()


def names(sim: Simulator) -> list[str]:
    return [tag.name for tag in sim.world.tags()]


def test_first_run_second_run_and_what_they_leave(site: Site) -> None:
    """A run brings everything, the next one nothing, and other engines read the tables."""
    first = site.run("run")
    assert first.returncode == 0, first.stderr
    truth = site.truth(NOW - 6 * HOUR, SETTLED)
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
    first = site.run("run", "--until", iso(NOW - HOUR))
    assert first.returncode == 1
    assert bad in first.stderr
    assert site.rows("pi_ingest_errors") == 1
    site.sim.faults.remove(number)
    site.sim.stats.reset()
    second = site.run("run", "--until", iso(NOW - HOUR))
    assert second.returncode == 0
    assert "of 1 tag in" in second.stdout
    assert site.rows() == site.truth(NOW - 6 * HOUR, NOW - HOUR)


def test_where_the_time_went(site: Site) -> None:
    """In the report, and from the lake afterwards: symptom, solution, and the key to change."""
    assert "has measured itself yet" in site.run("status", "--explain").stdout
    slow = {"rate_limit": 4, "base_batch_size": 2}
    done = site.run("run", performance=slow)
    assert re.search(r"time +own rate limit \d+%", done.stdout), done.stdout
    told = site.run("status", "--explain").stdout
    for part in ("Where the ", "own rate limit", "Symptom", "Solution", "performance.rate_limit"):
        assert part in told
    end = site.run("status", "--explain", "--json").events[-1]
    assert end["bottleneck"] == "rate_limit"
    assert end["findings"][0]["keys"] == ["performance.rate_limit", "performance.base_batch_size"]
    assert end["time"]["rate_limit"] > end["time"]["server"]


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
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)


CASES = {
    "wrong url": (["run"], {"pi_web_api_url": "http://127.0.0.1:9/piwebapi"}, 3, "127.0.0.1:9"),
    "unknown tag": (["run"], {"tags": ["NO.SUCH.TAG"]}, 2, "NO.SUCH.TAG"),
    "unknown tag to plan": (["plan"], {"tags": ["NO.SUCH.TAG"]}, 2, "NO.SUCH.TAG"),
    "unknown tag to discover": (["discover", "NO.SUCH.TAG"], {}, 1, "NO.SUCH.TAG"),
    "unknown key": (["run"], {"max_wokers": 3}, 2, "max_workers"),
    "unwritable lake": (["run"], {"lake": "/proc/lake"}, 3, "/proc/lake"),
    "unwritable lake to check": (["check"], {"lake": "/proc/lake"}, 3, "/proc/lake"),
    "unknown option": (["run", "--sinse", "*-1d"], {}, 2, "--sinse"),
    "unknown command": (["rnu"], {}, 2, "rnu"),
    "no time": (["run", "--since", "yesterdayish"], {}, 2, "yesterdayish"),
    "empty span": (["run", "--since", "*"], {}, 2, "empty"),
    "backfill without since": (["backfill"], {}, 2, "--since"),
    "wrong password": (["run"], {"auth": WRONG}, 2, "401"),
    "wrong password to check": (["check"], {"auth": WRONG}, 2, "401"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_is_one_clear_error(site: Site, case: str) -> None:
    """Names the input, hints at the remedy, exits with the right code, and tells no secret."""
    arguments, changes, code, mention = CASES[case]
    verbose = [] if case.startswith("unknown command") else ["-vv"]
    _assert_clear(site.run(*arguments, *verbose, "--json", **changes), code, mention)


@pytest.mark.parametrize("command", ["run", "check", "discover", "plan"])
@pytest.mark.parametrize("kind", ["html", "half_json"])
def test_answers_that_make_no_sense(site: Site, kind: Any, command: str) -> None:
    """A proxy's page, and a body that is half there."""
    site.sim.faults.add(Fault(kind))
    _assert_clear(site.run(command, "-vv", "--json"), 3, "piwebapi")


def test_a_self_signed_certificate(site: Site) -> None:
    """Refused with a hint; accepted with its authority."""
    config = SimulatorConfig(tags=3, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), tls=True)
    with run_in_thread(config) as sim:
        changes = {"pi_web_api_url": sim.url, "auth": {"type": "anonymous"}}
        _assert_clear(site.run("run", "-vv", "--json", **changes), 2, "certificate")
        _assert_clear(site.run("check", "-vv", "--json", **changes), 2, "certificate")
        trusted = site.run("run", tls={"ca_bundle": str(sim.ca_file)}, **changes)
        assert trusted.returncode == 0, trusted.stderr


def test_another_process_says_the_same(site: Site) -> None:
    """The border holds around a whole interpreter too."""
    done = ended(site.start("run", "-vv", "--json", auth=WRONG))
    _assert_clear(done, 2, "401")


def test_people_are_told_without_json(site: Site) -> None:
    done = site.run("run", auth=WRONG)
    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "warning:",
        "warning:",
        "error:",
        "hint:",
    ]


def test_lines_of_progress_where_there_is_no_terminal(site: Site) -> None:
    """One per interval on stderr, also while the server is asked for the first time."""
    site.sim.faults.add(Fault("latency", seconds=0.15))
    done = site.run("run", "--progress-every", "0.1", performance={"base_batch_size": 10})
    lines = [line for line in done.stderr.splitlines() if re.match(r"\d+:\d\d:\d\d  ", line)]
    assert "asking the server" in lines[0]
    assert "of 20 tags" in lines[-1]
    assert "requests at once" in lines[-1]


def test_a_run_reports_to_programs(site: Site) -> None:
    """Numbers, times and the place, in the last event."""
    done = site.run("run", "--json")
    end = done.events[-1]
    assert done.events[0]["event"] == "planned"
    assert (end["event"], end["command"], end["status"], end["exit_code"]) == ("end", "run", "done", 0)
    assert end["rows"] == site.rows()
    assert end["span_end"] == iso(SETTLED)
    plan = site.run("plan", "--json").events[-1]
    assert (plan["tags_selected"], plan["tags"], plan["lanes"]) == (20, 0, 0)
    status = site.run("status", "--json")
    assert len([event for event in status.events if event["event"] == "tag"]) == 20
    assert status.events[-1]["covered_until"] == iso(SETTLED)


def test_an_unknown_tag_among_known_ones_is_left_behind(site: Site) -> None:
    """Exit code 1, the name on stderr, and the others are complete."""
    tags = [*names(site.sim)[:2], "NO.SUCH.TAG"]
    done = site.run("run", "--json", tags=tags)
    assert done.returncode == 1
    assert "NO.SUCH.TAG" in done.stderr
    assert [e["tag"] for e in done.events if e["event"] == "quarantined"] == ["NO.SUCH.TAG"]
    assert done.events[-1]["status"] == "quarantined"
    assert site.run("plan", tags=tags).returncode == 1


def test_backfill_goes_on_where_it_stopped(site: Site) -> None:
    """The same command twice reads once; status names the gap that is left."""
    span = ["--since", iso(NOW - 3 * DAY), "--until", iso(NOW - 2 * DAY)]
    assert site.run("run").returncode == 0
    before = site.rows()
    assert site.run("backfill", *span).returncode == 0
    assert site.rows() == before + site.truth(NOW - 3 * DAY, NOW - 2 * DAY)
    assert "Up to date" in site.run("backfill", *span).stdout
    shown = site.run("status", "--tag", names(site.sim)[0])
    assert re.search(rf"gap +{iso(NOW - 2 * DAY)[:10]}", shown.stdout), shown.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_what_was_read(site: Site, number: signal.Signals, code: int) -> None:
    """One signal drains, and the next run completes what is missing."""
    slow = site.sim.faults.add(Fault("latency", seconds=0.3, route="*recorded*"))
    site.sim.stats.reset()
    narrow = {"base_batch_size": 1, "min_batch_size": 1, "max_workers": 1}
    process = site.start("run", "--json", since="*-20d", performance=narrow)
    _wait_for(site, "recorded")
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
    _assert_clear(done, 2, "mine")
    assert (site.folder / "mine" / "pi-lakeflow.yaml").read_text(encoding="utf-8") == "tags: all"


def _wait_for(site: Site, route: str) -> None:
    while not any(route in each for each in site.sim.stats.as_dict()["by_route"]):
        time.sleep(0.05)


def _assert_clear(done: Done, code: int, mention: str) -> None:
    """One error with a hint on stderr, one end event on stdout, the same code, and no secret."""
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 1, told
    assert mention in done.stderr, told
    assert "Traceback" not in told
    assert PASSWORD not in told
    assert "wrong-secret" not in told
    ends = [event for event in done.events if event["event"] == "end"]
    assert len(ends) == 1, done.stdout
    assert done.events[-1] == ends[0]
    assert ends[0]["exit_code"] == code


def test_reconcile_finds_and_repair_restores(site: Site) -> None:
    """The archive changes after the run; counts show it, repair puts it right, and the feed tells."""
    site.run("run")
    tag = names(site.sim)[3]
    at = NOW - 3 * HOUR
    site.sim.world.late_events(tag, [NewEvent(at + 1, 5.0), NewEvent(at + 2, 6.0)])
    found = site.run("reconcile", "--json")
    assert found.returncode == 1, found.stderr
    differs = [event for event in found.events if event["event"] == "differs"]
    assert [(event["tag"], int(event["server"]) - int(event["lake"])) for event in differs] == [(tag, 2)]
    assert "1 tag" in site.run("reconcile").stdout
    repaired = site.run("repair")
    assert repaired.returncode == 0
    assert "2 rows (2 new, 0 changed, 0 gone)" in repaired.stdout
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
    assert site.run("reconcile").returncode == 0
    path = str(site.folder / "lake/main/bronze/pi_timeseries")
    version = DeltaTable(path).version()
    assert DeltaTable(path).load_cdf(version).read_all().num_rows == 2
    site.sim.world.edit_event(tag, NewEvent(at + 1, 7.0))
    assert site.run("reconcile").returncode == 0  # an edit changes no count
    assert site.run("reconcile", "--read").returncode == 1
    again = site.run("run", late_data={"look_back": "6h"})
    assert "Corrected: 1 row" in again.stdout
    site.sim.world.delete_events(tag, at, at + 10)
    assert site.run("run", late_data={"reconcile": "6h"}).returncode == 0
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
    assert site.rows("pi_reconciliation") > 0


def test_stream_follows_the_archive(site: Site) -> None:
    """In mode `updates` an edit is in the lake while the command runs; SIGTERM ends it well."""
    site.run("run")
    fast = {"mode": "updates", "poll_interval": "200ms", "flush_interval": "1s"}
    process = site.start("stream", "--json", "--progress-every", "0.3", streaming=fast)
    tag = site.sim.world.tag(5)
    at = NOW - 90 * 60 * SECOND
    edited = False
    for line in process.stdout or ():
        event = json.loads(line)
        if event["event"] == "progress" and event.get("polls", 0) > 1 and not edited:
            site.sim.world.late_events(tag, [NewEvent(at, 1.0)])
            edited = True
        if event.get("inserted") == 1:
            process.send_signal(signal.SIGTERM)
            break
    done = ended(process)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["inserted"], last["followed"]) == ("end", 1, 20)
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
