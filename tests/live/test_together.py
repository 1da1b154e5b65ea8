"""`enable_streaming`: live values from now, history behind, coverage without a gap."""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_sent import assert_all_sent_is_there, assert_archived_once, covered

from pi_lakeflow import PILakeflowConnector
from pi_lakeflow.flow.plan import coverage
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import Live, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

TAGS = 8


def test_history_and_live_values_meet(tmp_path: Path) -> None:
    """One gap-free span for each tag in the recorded table, which overlaps what the live table claims."""
    start = datetime.now(UTC) - timedelta(hours=1)
    config = SimulatorConfig(tags=TAGS, density=60.0, twins=0, start=start, live=Live(poll_seconds=0.1))
    with run_in_thread(config) as sim:
        connector = PILakeflowConnector(
            {
                "pi_web_api_url": sim.url,
                "data_server": "PISRV01",
                "tags": "all",
                "lake": str(tmp_path),
                "since": start.isoformat(),
                "settle": "1s",
                "enable_streaming": True,
                "streaming": {"overlap": "1s", "flush_interval": "1s"},
            }
        )
        running = threading.Thread(target=connector.run)
        running.start()
        time.sleep(6)
        connector.stop()
        running.join(60)
        assert not running.is_alive()
        assert connector.failures == []

        live = DeltaLake(str(tmp_path), "main", "streaming")
        assert assert_archived_once(live, sim, TAGS) > 0
        assert assert_all_sent_is_there(live, sim) > 0
        lake = DeltaLake(str(tmp_path))
        lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES)).load()
        for webid, span in covered(live).items():
            (recorded,) = coverage(lanes, webid)
            assert recorded.start == to_micros(start)
            assert recorded.end > span.start
