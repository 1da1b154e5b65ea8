"""The connector from Python, with the configuration that its users write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow import PILakeflowConnector, PIWebAPIClient
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import to_micros
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


def test_a_batch_with_a_forbidden_tag(sim: Simulator, tmp_path: Path) -> None:
    """The others come back, and the failure is told."""
    names = [tag.name for tag in sim.world.tags()]
    sim.faults.add(Fault("tag_status", status=403, tags=(names[0],)))
    connector = PILakeflowConnector(config(sim, tmp_path))
    with pytest.warns(UserWarning, match="left out"):
        table = connector.extract_timeseries_batch(webids(sim)[:3])
    assert len(set(table["tag_webid"].to_pylist())) == 2
    assert [failure.tag.webid for failure in connector.failures] == webids(sim)[:1]


def test_it_runs_where_a_loop_runs_already(sim: Simulator, tmp_path: Path) -> None:
    """As in a notebook."""

    async def cell() -> int:
        return PILakeflowConnector(config(sim, tmp_path)).run().exit_code

    assert asyncio.run(cell()) == 0


def test_what_has_no_effect_is_said(sim: Simulator, tmp_path: Path) -> None:
    """A key that asks for what is not there yet draws a warning, never silence."""
    with pytest.warns(UserWarning, match="extract_alarms"):
        PILakeflowConnector(config(sim, tmp_path, extract_alarms=True)).run()


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
