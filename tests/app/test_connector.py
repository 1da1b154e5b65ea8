"""The connector from Python, with the configuration that its users write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pi_lakeflow import PILakeflowConnector, PIWebAPIClient
from pi_lakeflow.app.connector import TagsLeftOut
from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import from_micros, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Auth

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
DAY = 86_400_000_000


@pytest.fixture
def sim() -> Iterator[Simulator]:
    auth = Auth(methods=("basic",), users={"user": "pass"})
    config = SimulatorConfig(tags=8, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), auth=auth)
    with run_in_thread(config) as simulator:
        yield simulator


def webids(sim: Simulator) -> list[str]:
    return [sim.world.webid(tag) for tag in sim.world.tags()]


def config(sim: Simulator, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "pi_web_api_url": sim.url,
        "auth": {"type": "basic", "username": "user", "password": "pass"},
        "catalog": "main",
        "schema": "bronze",
        "tags": webids(sim),
        "data_server": "PISRV01",
        "lake": str(folder),
        "since": "*-1d",
        "performance_mode": "optimized",
        "adaptive_batching": True,
        "max_workers": 20,
        **more,
    }


def test_the_documented_configuration_runs(sim: Simulator, tmp_path: Path) -> None:
    """A dict with WebIds as tags brings them in, and says what it did."""
    report = PILakeflowConnector(config(sim, tmp_path)).run()
    assert (report.status, report.exit_code, report.tags) == ("done", 0, 8)
    truth = sum(sim.world.truth(w, NOW - DAY, NOW - 300 * 10**6).num_rows for w in webids(sim))
    assert report.rows == truth


def test_a_batch_is_extracted_and_written_nowhere(sim: Simulator, tmp_path: Path) -> None:
    """The rows of the chosen tags come back as Arrow; the lake stays untouched."""
    connector = PILakeflowConnector(config(sim, tmp_path / "lake"))
    table = connector.extract_timeseries_batch(webids(sim)[:3])
    assert set(table["tag_webid"].to_pylist()) == set(webids(sim)[:3])
    assert not (tmp_path / "lake").exists()
    assert not connector.failures


def test_a_batch_is_in_order_and_exact(sim: Simulator, tmp_path: Path) -> None:
    """By tag, time and event, over a given half-open span."""
    start, end = NOW - DAY // 2, NOW - DAY // 4
    first, second = sorted(tag.name for tag in sim.world.tags())[:2]
    with PILakeflowConnector(config(sim, tmp_path)) as connector:
        table = connector.extract_timeseries_batch(
            [second, first], start_time=from_micros(start), end_time=iso(end)
        )
    assert table.schema == PI_TIMESERIES.arrow_schema
    truth = pa.concat_tables([sim.world.truth(name, start, end) for name in (first, second)])
    held = table.select(truth.schema.names)
    assert held.equals(truth.cast(held.schema))


def test_a_batch_with_a_forbidden_tag(sim: Simulator, tmp_path: Path) -> None:
    """The others come back, and the failure is told, loudly."""
    names = [tag.name for tag in sim.world.tags()]
    sim.faults.add(Fault("tag_status", status=403, tags=(names[0],)))
    connector = PILakeflowConnector(config(sim, tmp_path))
    with pytest.warns(TagsLeftOut, match="403"):
        table = connector.extract_timeseries_batch(webids(sim)[:3])
    assert len(set(table["tag_webid"].to_pylist())) == 2
    assert [failure.status for failure in connector.failures] == [403]


def test_a_batch_of_which_nothing_can_be_read(sim: Simulator, tmp_path: Path) -> None:
    """An empty table would look like success."""
    connector = PILakeflowConnector(config(sim, tmp_path))
    with pytest.raises(Refused, match="no tag could be read"):
        connector.extract_timeseries_batch(["NO.SUCH.TAG", "NOR.THIS"])


def test_batches_of_many_threads_share_one_budget(sim: Simulator, tmp_path: Path) -> None:
    """Twenty threads never have more requests at the server than ``max_workers``."""
    sim.faults.add(Fault("latency", seconds=0.02))
    connector = PILakeflowConnector(config(sim, tmp_path, max_workers=3))
    alone = {webid: connector.extract_timeseries_batch([webid]).num_rows for webid in webids(sim)}
    sim.stats.reset()
    with ThreadPoolExecutor(20) as pool:
        tables = list(pool.map(lambda webid: connector.extract_timeseries_batch([webid]), webids(sim) * 3))
    assert [table.num_rows for table in tables] == [alone[webid] for webid in webids(sim)] * 3
    assert sim.stats.as_dict()["peak_parallel"] <= 3


def test_a_closed_connector_opens_again(sim: Simulator, tmp_path: Path) -> None:
    """As after a `with` block in a notebook."""
    connector = PILakeflowConnector(config(sim, tmp_path))
    first = connector.extract_timeseries_batch(webids(sim)[:1])
    connector.close()
    assert connector.extract_timeseries_batch(webids(sim)[:1]).num_rows == first.num_rows
    connector.close()


def test_settings_and_files_configure_it_too(sim: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "pi-lakeflow.yaml"
    path.write_text(f"pi_web_api_url: {sim.url}\n", encoding="utf-8")
    given = PILakeflowConnector(path).settings
    assert PILakeflowConnector(given).settings is given
    assert given.pi_web_api_url == sim.url


def test_it_runs_where_a_loop_runs_already(sim: Simulator, tmp_path: Path) -> None:
    """As in a notebook."""

    async def cell() -> int:
        return PILakeflowConnector(config(sim, tmp_path)).run().exit_code

    assert asyncio.run(cell()) == 0


def test_an_unknown_key_is_refused(sim: Simulator, tmp_path: Path) -> None:
    """With the nearest known one."""
    with pytest.raises(SettingsError, match="pi_web_api_ulr") as error:
        PILakeflowConnector(config(sim, tmp_path, pi_web_api_ulr="x"))
    assert "pi_web_api_url" in (error.value.hint or "")


def test_the_client_reads_a_stream(sim: Simulator) -> None:
    """Synchronous, with a plain pair as credentials."""
    with PIWebAPIClient(sim.url, auth=("user", "pass")) as client:
        answer = client.get(f"/streams/{webids(sim)[0]}/recorded", {"startTime": "*-1h"})
        assert answer["Items"]
