"""A stream that commits again and again joins its small files by itself, and stays exact."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.compute as pc

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_sent import assert_all_sent_is_there, assert_archived_once, assert_nothing_twice, live_rows
from test_stream import TAGS, config, streaming

from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.simulator import start_simulator


async def test_many_commits_leave_few_files(tmp_path: Path) -> None:
    """Never more than the busy ones, the joined ones, and what came since; when each row came is kept."""
    async with start_simulator(config()) as sim:
        quick = {"flush_interval": "100ms", "compact_every": "500ms"}
        async with streaming(sim, tmp_path, **quick) as service:
            await service.until(lambda: service.pulse.commits > 15)
            early = live_rows(service.lake).select(["tag_webid", "timestamp", "event_index", "received_at"])
            most = 0

            def bounded() -> bool:
                nonlocal most
                most = max(most, len(service.lake.table(PI_TIMESERIES_LIVE).handle().file_uris()))
                return service.pulse.commits > 60

            await service.until(bounded, 60)
            status = service.following.status()
            await service.end()
        assert status["compactions"] > 1
        assert status["files_joined"] > 30
        assert most < 45  # of 60 commits and more, each of a file or two
        assert assert_all_sent_is_there(service.lake, sim) > 50
        assert_archived_once(service.lake, sim, TAGS)
        assert_nothing_twice(service.lake, sim)
        keys = ["tag_webid", "timestamp", "event_index"]
        found = early.join(live_rows(service.lake), keys, right_suffix="_now", join_type="inner")
        assert found.num_rows == early.num_rows
        assert pc.all(pc.equal(found["received_at"], found["received_at_now"])).as_py()


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with start_simulator(config()) as sim:
        quick = {"flush_interval": "100ms", "compact_every": "0"}
        async with streaming(sim, tmp_path, **quick) as service:
            await service.until(lambda: service.pulse.commits > 15)
        history = service.lake.table(PI_TIMESERIES_LIVE).handle().history()
        assert "OPTIMIZE" not in {entry["operation"] for entry in history}
