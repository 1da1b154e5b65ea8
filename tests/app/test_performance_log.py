"""Python's own logging at DEBUG tells what each batch cost, as the guide says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pi_lakeflow.app.connector import PILakeflowConnector
from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import FixedClock, Oddities, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Auth

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    auth = Auth(methods=("basic",), users={"reader": SECRET})
    config = SimulatorConfig(tags=4, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), auth=auth)
    with run_in_thread(config) as sim:
        yield sim.url


def settings_of(url: str, folder: Path) -> Settings:
    auth = {"type": "basic", "username": "reader", "password": "env:PI_PASSWORD"}
    given = {"pi_web_api_url": url, "data_server": "PISRV01", "tags": "all", "since": "*-6h", "auth": auth}
    return load({**given, "lake": str(folder)}, environ={"PI_PASSWORD": SECRET})


def test_a_run_logs_requests_batches_and_commits(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PI_PASSWORD", SECRET)
    caplog.set_level(logging.DEBUG)
    asyncio.run(ingest(settings_of(url, tmp_path)))
    ours = [each.getMessage() for each in caplog.records if each.name == "pi_lakeflow.performance"]
    for part in ("request /piwebapi/streamsets/recorded: 200", "decoded ", "batch of ", "committed ", "run "):
        assert any(line.startswith(part) for line in ours), part
    assert "server=" in ours[-1]
    assert all(SECRET not in line and "webId=" not in line for line in ours)


def test_a_batch_into_memory_logs_as_well(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PI_PASSWORD", SECRET)
    with PILakeflowConnector(settings_of(url, tmp_path)) as connector:
        connector.extract_timeseries_batch(["*"])
        assert not caplog.records
        caplog.set_level(logging.DEBUG, logger="pi_lakeflow")
        connector.extract_timeseries_batch(["*"])
    assert [each for each in caplog.records if each.getMessage().startswith("decoded ")]
