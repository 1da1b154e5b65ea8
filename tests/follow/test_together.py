"""`enable_streaming` by Stream Updates: changes from now on, history behind, one coverage."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "exact"))
from lake_and_truth import assert_exact
from tests.follow.test_follow import HOUR, MINUTE, NOW, START, plain

from pi_lakeflow import PILakeflowConnector
from pi_lakeflow.app.ingest import Report
from pi_lakeflow.flow.plan import coverage
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import Span, from_micros
from pi_lakeflow.simulator import Fault, NewEvent, Simulator, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake


def config(sim: Simulator, folder: Path) -> dict[str, Any]:
    return {
        "pi_web_api_url": sim.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": str(folder),
        "since": from_micros(START).isoformat(),
        "settle": "60s",
        "enable_streaming": True,
        "streaming": {"mode": "updates", "poll_interval": "100ms", "flush_interval": "1s"},
        "performance": {"retry_backoff": "20ms"},
    }


@contextmanager
def running(sim: Simulator, folder: Path) -> Iterator[PILakeflowConnector]:
    """A connector whose ``run`` is under way in the block, and ends in order after it."""
    connector, reports = PILakeflowConnector(config(sim, folder)), list[Report]()
    thread = threading.Thread(target=lambda: reports.append(connector.run()))
    thread.start()
    try:
        yield connector
    finally:
        connector.stop()
        thread.join(60)
    assert [report.status for report in reports] == ["done"]
    assert connector.failures == []


def until(true: Callable[[], object]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def first(sim: Simulator, number: int, hours: int) -> int:
    """The first event of a tag in the last so many hours."""
    return int(sim.world.events(sim.world.tag(number), NOW - hours * HOUR, NOW).ticks[0]) // 10


def edit(sim: Simulator, old: int) -> None:
    """One event edited, one deleted, one come late, ``old`` hours ago."""
    world = sim.world
    world.edit_event(world.tag(0), NewEvent(first(sim, 0, old), -1.5))
    world.delete_events(world.tag(1), first(sim, 1, old), first(sim, 1, old) + 1)
    world.late_events(world.tag(2), [NewEvent(NOW - old * HOUR + 7, 3.25)])


def is_exact(sim: Simulator, folder: Path, end: int) -> bool:
    webids = [sim.world.webid(tag) for tag in sim.world.tags()]
    lake = DeltaLake(str(folder))
    lanes, data = lake.table(PI_LANES), lake.table(PI_TIMESERIES)
    if not (lanes.exists() and data.exists()):
        return False
    known = Registry(lanes, data).load()
    if any(coverage(known, webid) != [Span(START, end)] for webid in webids):
        return False
    try:
        assert_exact(lake, sim.world, webids, Span(START, end))
    except AssertionError:
        return False
    return True


def test_what_changes_behind_the_backfill_is_right_too(tmp_path: Path) -> None:
    """An edit of what has just been read, days old, while it is still on its way into the lake."""
    with run_in_thread(plain()) as sim:
        slow = sim.faults.add(Fault("trickle", rate=20_000, count=2, route="*recorded*"))
        with running(sim, tmp_path):
            until(lambda: sim.faults.struck(slow))
            edit(sim, 40)
            until(lambda: is_exact(sim, tmp_path, NOW - MINUTE))


def test_a_restart_in_between_misses_nothing(tmp_path: Path) -> None:
    """Edits while it runs, while it does not, and after; time goes on; one coverage without a gap."""
    with run_in_thread(plain()) as sim:
        with running(sim, tmp_path):
            until(lambda: is_exact(sim, tmp_path, NOW - MINUTE))
            edit(sim, 40)
            until(lambda: is_exact(sim, tmp_path, NOW - MINUTE))
            time.sleep(1.5)  # more than a flush interval: the markers are kept
        edit(sim, 30)
        sim.world.clock.advance(10 * MINUTE)
        with running(sim, tmp_path):
            until(lambda: is_exact(sim, tmp_path, NOW + 9 * MINUTE))
            edit(sim, 20)
            until(lambda: is_exact(sim, tmp_path, NOW + 9 * MINUTE))
        feed = DeltaLake(str(tmp_path)).table(PI_TIMESERIES).changes(0)
        told = feed.group_by("_change_type").aggregate([([], "count_all")]).to_pydict()
        counts = dict(zip(told["_change_type"], told["count_all"], strict=True))
        assert counts["delete"] == counts["update_postimage"] == counts["update_preimage"] == 3
