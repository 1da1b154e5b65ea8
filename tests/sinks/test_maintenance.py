"""Optimizing keeps every row and every position, and leaves few files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.optimize import optimize_lake
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.cli.program import run
from pi_lakeflow.errors import SettingsError, SinkUnavailable
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import DAY, iso, to_micros
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

NOW = to_micros(datetime(2026, 3, 29, tzinfo=UTC))


def settings(sim: Simulator, folder: Path) -> Settings:
    given = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "lake": str(folder)}
    return load(given, environ={})


async def some_days(sim: Simulator, folder: Path, days: range) -> None:
    for day in days:
        request = Request(since=iso(NOW - 5 * DAY), until=iso(NOW - day * DAY // 4))
        assert (await ingest(settings(sim, folder), request)).status == "done"


@pytest.mark.parametrize("cluster", [False, True])
async def test_files_are_joined_and_the_next_run_goes_on(tmp_path: Path, cluster: bool) -> None:
    config = SimulatorConfig(tags=8, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as sim:
        await some_days(sim, tmp_path, range(8, 2, -1))
        table = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
        before = table.read().sort_by([(name, "ascending") for name in PI_TIMESERIES.key])
        done = {each.table: each for each in optimize_lake(settings(sim, tmp_path), cluster=cluster)}
        events = done["pi_timeseries"]
        assert events.files_after == len(set(before["date"].to_pylist())) < events.files_before
        assert done["pi_lanes"].files_after == 1
        assert events.removed == 0  # they are younger than seven days
        after = table.read().sort_by([(name, "ascending") for name in PI_TIMESERIES.key])
        assert after.equals(before)
        await some_days(sim, tmp_path, range(2, 0, -1))
        total = sum(sim.world.truth(t, NOW - 5 * DAY, NOW - DAY // 4).num_rows for t in sim.world.tags())
        assert table.read(["tag_webid"]).num_rows == total


def test_files_that_may_be_in_use_are_never_removed(tmp_path: Path) -> None:
    given = load({"pi_web_api_url": "http://localhost/piwebapi", "lake": str(tmp_path)}, environ={})
    DeltaLake(str(tmp_path)).table(PI_TIMESERIES).append(())
    with pytest.raises(SettingsError, match="7 days"):
        list(optimize_lake(given, keep=timedelta(hours=1)))
    with pytest.raises(SinkUnavailable, match="not there"):
        list(optimize_lake(given, ["pi_lanes"]))


def test_the_command_tells_each_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DeltaLake(str(tmp_path)).table(PI_TIMESERIES).append(())
    url = ["--set", "pi_web_api_url=http://localhost/piwebapi"]
    assert run(["optimize", "--json", "--lake", str(tmp_path), *url]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in told] == ["optimized", "end"]
    assert told[0]["table"] == "pi_timeseries"
    assert run(["optimize", "--lake", str(tmp_path), "--keep", "1h", *url]) == 2
