"""A large plant: 20,000 elements with more than 200,000 attributes, in a bounded number of requests."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

import pytest

from pi_lakeflow.app.assets import read_assets
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import SimulatorConfig, run_in_thread

TAGS = int(os.environ.get("PI_LAKEFLOW_LARGE_PLANT", "0"))  # 80000 makes 20,000 elements


@pytest.mark.skipif(not TAGS, reason="PI_LAKEFLOW_LARGE_PLANT=80000 runs it, for minutes")
def test_requests_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run_in_thread(SimulatorConfig(tags=TAGS)) as sim:
        given = load(
            {"pi_web_api_url": sim.url, "lake": str(tmp_path), "assets": {"values": False}}, environ={}
        )
        report = asyncio.run(read_assets(given))
    rows = {table.name: table.rows for table in report.tables}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with capsys.disabled():
        elements, attributes = rows["pi_asset_hierarchy"], rows["pi_element_attributes"]
        sys.stdout.write(
            f"\n{elements:,} elements, {attributes:,} attributes: {report.requests:,} requests, "
            f"{report.seconds:.0f} s, {peak:,} MB with the server in the same process\n"
        )
    assert not report.failed
    assert report.requests < rows["pi_asset_hierarchy"] / 25
