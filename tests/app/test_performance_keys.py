"""Each key under ``performance`` does what its name says, as the server sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow import PILakeflowConnector
from pi_lakeflow.app.reading import answer_sizer
from pi_lakeflow.engines.embedded import EngineSize
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
URL = "https://pi.example.com/piwebapi"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    config = SimulatorConfig(tags=120, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), density=0.1)
    with run_in_thread(config) as simulator:
        yield simulator


def connector(sim: Simulator, folder: Path, **performance: Any) -> PILakeflowConnector:
    return PILakeflowConnector(
        {
            "pi_web_api_url": sim.url,
            "tags": [sim.world.webid(tag) for tag in sim.world.tags()],
            "lake": str(folder),
            "since": "*-1h",
            "performance": performance,
        }
    )


def read_batch(sim: Simulator, folder: Path, **performance: Any) -> dict[str, Any]:
    """What the server counted while all tags were read in one batch."""
    with connector(sim, folder, **performance) as reading:
        webids = [sim.world.webid(tag) for tag in sim.world.tags()]
        reading.extract_timeseries_batch(webids[:1])  # opens the connection
        sim.stats.reset()
        reading.extract_timeseries_batch(webids)
    return sim.stats.as_dict()


def recorded(counts: dict[str, Any]) -> int:
    return sum(count for route, count in counts["by_route"].items() if "recorded" in route)


@pytest.mark.parametrize(("base", "requests"), [(60, 2), (40, 3), (20, 6)])
def test_base_batch_size_is_the_tags_of_a_request(
    sim: Simulator, tmp_path: Path, base: int, requests: int
) -> None:
    counts = read_batch(sim, tmp_path, base_batch_size=base, adaptive_sizing=False)
    assert recorded(counts) == requests


def test_many_webids_are_looked_up_with_few_requests(sim: Simulator, tmp_path: Path) -> None:
    with connector(sim, tmp_path) as reading:
        assert reading.run().tags == 120
    counts = sim.stats.as_dict()
    assert sum(count for route, count in counts["by_route"].items() if "points" in route) <= 5


def test_max_workers_bounds_what_is_in_flight(sim: Simulator, tmp_path: Path) -> None:
    sim.faults.add(Fault("latency", seconds=0.05, route="*recorded*"))
    assert read_batch(sim, tmp_path, base_batch_size=10, max_workers=2)["peak_parallel"] <= 2


def test_connection_pool_size_bounds_the_connections(sim: Simulator, tmp_path: Path) -> None:
    sim.faults.add(Fault("latency", seconds=0.02, route="*recorded*"))
    counts = read_batch(sim, tmp_path, base_batch_size=5, max_workers=8, connection_pool_size=1)
    assert counts["peak_parallel"] == 1
    assert counts["connections"] <= 1


def test_enable_compression_asks_for_gzip(sim: Simulator, tmp_path: Path) -> None:
    packed = read_batch(sim, tmp_path)["bytes"]
    plain = read_batch(sim, tmp_path, enable_compression=False)["bytes"]
    assert packed < plain / 3


def test_rate_limit_is_never_passed(sim: Simulator, tmp_path: Path) -> None:
    """Fifteen requests at ten a second take more than a second."""
    started = time.monotonic()
    counts = read_batch(sim, tmp_path, base_batch_size=8, min_batch_size=8, max_batch_size=8, rate_limit=10)
    assert recorded(counts) == 15
    assert time.monotonic() - started >= 1.4


def test_retry_backoff_is_the_first_wait(sim: Simulator, tmp_path: Path) -> None:
    with connector(sim, tmp_path, retry_backoff=5) as slow:
        assert slow.settings.performance.retry_backoff.total_seconds() == 5
    sim.faults.add(Fault("reset", count=2, route="*recorded*"))
    started = time.monotonic()
    assert recorded(read_batch(sim, tmp_path, retry_backoff="1ms")) >= 1
    assert time.monotonic() - started < 30


def test_memory_limit_gb_sizes_the_engine() -> None:
    small, large = EngineSize.for_memory(1.0, 8), EngineSize.for_memory(6.0, 8)
    assert small.rows * 200 + 700e6 <= 1e9
    assert large.rows > 10 * small.rows
    assert large.commit.held > small.commit.held


def test_tags_per_request_follow_the_server_between_their_bounds() -> None:
    settings = load(
        {"pi_web_api_url": URL, "performance": {"min_batch_size": 40, "max_batch_size": 150}}, environ={}
    )
    sizer = answer_sizer(settings)
    seen = [sizer.size.tags]
    for seconds in (1, 1, 1, 20, 20, 20, 20, 20, 20, 20):
        sizer.learn(sizer.size.tags, 100, seconds)
        seen.append(sizer.size.tags)
    assert seen[:4] == [100, 120, 144, 150]
    assert seen[-1] == 40


@pytest.mark.parametrize(
    "given",
    [
        {"performance": {"adaptive_sizing": False}},
        {"adaptive_batching": False},
        {"performance_mode": "standard"},
    ],
)
def test_adaptive_sizing_can_be_switched_off(given: dict[str, Any]) -> None:
    """Under its own name, the older one, or by the mode."""
    sizer = answer_sizer(load({"pi_web_api_url": URL, **given}, environ={}))
    sizer.learn(100, 100, 1.0)
    assert sizer.size.tags == 100


def test_answers_full_by_their_events_leave_the_number_of_tags_alone() -> None:
    sizer = answer_sizer(load({"pi_web_api_url": URL}, environ={}))
    before = sizer.size
    sizer.learn(2, before.rows, 30.0)
    assert sizer.size.rows == round(before.rows * 0.8)
    assert sizer.size.tags == before.tags
    sizer.learn(5, 10, 1.0)  # a remainder says nothing
    assert sizer.size.tags == before.tags


@pytest.mark.parametrize(
    "performance",
    [
        {
            "base_batch_size": 150,
            "max_workers": 50,
            "adaptive_sizing": True,
            "connection_pool_size": 100,
            "enable_compression": True,
        },
        {"base_batch_size": 50, "max_workers": 10, "adaptive_sizing": True, "memory_limit_gb": 6},
        {"base_batch_size": 200, "max_workers": 5, "rate_limit": 5, "retry_backoff": 5},
    ],
)
def test_the_documented_configurations_run(
    sim: Simulator, tmp_path: Path, performance: dict[str, Any]
) -> None:
    report = connector(sim, tmp_path, **performance).run()
    assert report.status == "done"
    assert report.rows > 0
