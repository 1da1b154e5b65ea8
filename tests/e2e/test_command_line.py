"""The command as a person or a scheduler uses it: another process, real HTTP, real Delta."""

from __future__ import annotations

import re

import duckdb
import polars as pl
from deltalake import DeltaTable
from tests.e2e.sites import HOUR, NOW, PASSWORD, SETTLED, Site, names

from pi_lakeflow.model.span import DAY, iso
from pi_lakeflow.simulator import Fault


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
