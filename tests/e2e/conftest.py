"""A server for each file, and a folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sites import NOW, PASSWORD, Site

from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Auth


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
    server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
