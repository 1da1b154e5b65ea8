"""Densities: kept in the lake from run to run, looked up where there is much to read, used to pack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.flow.density import alike, load_rates, sample_of, save_rates
from pi_lakeflow.flow.plan import Sizing, plan
from pi_lakeflow.flow.tables import PI_TAG_DENSITY
from pi_lakeflow.model.span import DAY, Span, iso, to_micros
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))


@pytest.fixture
def sim() -> Iterator[Simulator]:
    config = SimulatorConfig(tags=60, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as simulator:
        yield simulator


def settings(sim: Simulator, folder: Path, **more: Any) -> Settings:
    given = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "lake": str(folder), **more}
    return load(given, environ={})


def summaries(sim: Simulator) -> int:
    return sum(count for route, count in sim.stats.by_route.items() if "summary" in route)


async def test_a_long_first_run_looks_first_and_the_next_one_remembers(
    sim: Simulator, tmp_path: Path
) -> None:
    """Ten days of sixty tags are worth a count; afterwards the lake knows."""
    first = Request(since=iso(NOW - 10 * DAY), until=iso(NOW - DAY))
    await ingest(settings(sim, tmp_path), first)
    assert 1 <= summaries(sim) <= 3
    table = DeltaLake(str(tmp_path)).table(PI_TAG_DENSITY)
    rates = load_rates(table)
    webid, rate = next(iter(rates.items()))
    assert len(rates) == 60
    seen = sim.world.truth(webid, NOW - 10 * DAY, NOW - DAY).num_rows / (9 * DAY)
    assert rate == pytest.approx(seen, rel=0.5)
    sim.stats.reset()
    await ingest(settings(sim, tmp_path), Request(since=iso(NOW - 10 * DAY), until=iso(NOW)))
    assert summaries(sim) == 0


async def test_a_short_run_does_not_look(sim: Simulator, tmp_path: Path) -> None:
    await ingest(settings(sim, tmp_path), Request(since=iso(NOW - DAY // 24), until=iso(NOW)))
    assert summaries(sim) == 0


def test_what_is_no_news_is_not_written() -> None:
    table = MemoryLake().table(PI_TAG_DENSITY)
    day = {"A": 100 / DAY, "B": 5 / DAY}
    assert save_rates(table, day, "r1")
    known = load_rates(table)
    assert known == pytest.approx(day)
    assert not save_rates(table, {"A": 110 / DAY, "B": 5.5 / DAY}, "r2")
    assert save_rates(table, {"A": 900 / DAY}, "r3")
    assert load_rates(table) == pytest.approx({"A": 900 / DAY, "B": 5 / DAY})


def test_a_sample_that_is_mixed_is_no_answer() -> None:
    same = {f"T{i}": 1440 / DAY for i in range(100)}
    assert alike(same) == 1440 / DAY
    assert alike({**same, "T0": 86_400 / DAY}) is None
    assert alike({}) is None
    assert len(sample_of([str(i) for i in range(100_000)])) == 100
    assert sample_of(["A", "B"]) == ["A", "B"]


def test_like_goes_with_like_and_small_lanes_are_not_made() -> None:
    """Fast tags share lanes with fast ones; a hundred tags of five minutes are one lane."""
    webids = [f"T{i:03d}" for i in range(100)]
    rates = {webid: (86_400 if i % 2 else 1_440) / DAY for i, webid in enumerate(webids)}
    made = plan(dict.fromkeys(webids, Span(0, DAY)), [], sizing=Sizing(parallel=4), nonce="n", rates=rates)
    mixed = [item for item in made.work if len({rates[webid] for webid in item.webids}) > 1]
    assert not mixed
    brought = [sum(rates[webid] for webid in item.webids) for item in made.work]
    assert max(brought) <= 1.1 * sum(rates.values()) / 4, "a lane of all the dense tags would go on alone"
    assert len(made.work) <= 8
    short = plan(dict.fromkeys(webids, Span(0, DAY // 288)), [], sizing=Sizing(parallel=16), nonce="n")
    assert [len(item.webids) for item in short.work] == [100]
