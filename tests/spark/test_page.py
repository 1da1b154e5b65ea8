"""The Python of docs/spark.md, run word for word but for its paths."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow.engines.spark.options import OWN
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import FixedClock, Oddities, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

PAGE = (Path(__file__).parents[2] / "docs" / "spark.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.mark.timeout(400)
def test_the_page_runs(spark: Any, tmp_path: Path) -> None:
    """All blocks in their order, with the lake at the end as the page says."""
    blocks = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "# not run" not in block
    ]
    config = SimulatorConfig(
        tags=4,
        twins=0,
        oddities=Oddities.none(),
        clock=FixedClock(to_micros(NOW)),
        start=NOW - timedelta(days=3),
    )
    with run_in_thread(config) as sim:
        given = {"pi_web_api_url": sim.url, "data_server": "PISRV01", "tags": "all", "since": "*-8h"}
        (tmp_path / "pi-lakeflow.yaml").write_text(json.dumps({**given, "until": NOW.isoformat()}))
        scope = {"spark": spark}
        for block in blocks:
            text = block.replace('"pi-lakeflow.yaml"', f'"{tmp_path}/pi-lakeflow.yaml"')
            exec(compile(text.replace('"shared/', f'"{tmp_path}/shared/'), "docs/spark.md", "exec"), scope)
        span = (to_micros(NOW - timedelta(hours=8)), to_micros(NOW - timedelta(minutes=5)))
        true = sum(sim.world.truth(tag, *span).num_rows for tag in sim.world.tags())
    lake = str(tmp_path / "shared/lake")
    assert DeltaLake(lake).table(PI_TIMESERIES).read().num_rows == true
    assert DeltaLake(lake, "main", "streaming").table(PI_TIMESERIES_LIVE).read().num_rows == 1


def test_the_page_lists_all_options() -> None:
    """With their defaults and meanings."""
    for own in OWN:
        default = f"`{own.default}`" if own.default else ""
        assert f"| `{own.name}` | {default} | {own.doc} |" in PAGE
