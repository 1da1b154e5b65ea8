"""EXACT and NO SILENT TRUNCATION: random worlds through real HTTP end in the lake unchanged."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import assert_exact

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span, from_micros, to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import FixedClock, Oddities, SimulatorConfig, start_simulator
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

WORLDS = int(os.environ.get("PI_LAKEFLOW_WORLDS", "15"))
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))


def random_world(dice: random.Random) -> SimulatorConfig:
    """A small world of mostly odd tags on a server with small limits."""
    usual = Oddities()
    rates: dict[str, float] = {}
    for name in usual.__dataclass_fields__:
        if name.endswith(("_tags", "_events")) and name != "blob_tags":
            most = 0.3 if name.endswith("_tags") else 0.1
            rates[name] = dice.choice([0.0, getattr(usual, name), dice.uniform(0, most)])
    limit = dice.choice([7, 50, 1000, 150_000])
    pileup = dice.randrange(1, max(2, min(limit // 3, 300)))  # a full answer of one tick is quarantined
    oddities = replace(
        usual,
        **rates,
        burst_size=dice.choice([3, 50, 700]),
        pileup_size=pileup,
        point_created=dice.random() < 0.5,
    )
    return SimulatorConfig(
        seed=dice.randrange(2**31),
        tags=dice.randrange(1, 24),
        density=dice.choice([0.02, 0.3, 1.0, 4.0]),
        oddities=oddities,
        clock=FixedClock(NOW),
        start=datetime(2026, 3, 20, tzinfo=UTC),
        twins=0,
        limits=Limits(max_returned_items=limit, items_limit_on_sum=dice.random() < 0.5),
    )


async def ingest_all(config: SimulatorConfig, lake: Lake, dice: random.Random) -> None:
    """Ingest in one to three runs that end at random instants, then compare."""
    async with start_simulator(config) as sim:
        hours = 36 if config.limits.max_returned_items >= 1000 else 2  # tiny pages are many requests
        start = NOW - dice.randrange(1, hours * 3600) * 1_000_000 - dice.randrange(1_000_000)
        ends = sorted(dice.randrange(start + 1, NOW) for _ in range(dice.randrange(1, 4)))
        performance = {
            "memory_limit_gb": dice.choice([0.46, 1.0]),
            "base_batch_size": dice.choice([1, 3, 100]),
        }
        for end in ends:
            made = load(
                {
                    "pi_web_api_url": sim.url,
                    "data_server": "PISRV01",
                    "tags": "all",
                    "settle": 0,
                    "performance": performance,
                }
            )
            request = Request(since=from_micros(start).isoformat(), until=from_micros(end).isoformat())
            report = await ingest(made, request, lake=lake)
            assert report.status == "done", report.quarantined[:3]
        webids = [sim.world.webid(tag) for tag in sim.world.tags()]
        assert_exact(lake, sim.world, webids, Span(start, ends[-1]))


@pytest.mark.timeout(3600)
@settings(
    max_examples=WORLDS,
    derandomize=True,
    deadline=timedelta(minutes=5),
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 2**32))
def test_the_lake_equals_the_archive(seed: int) -> None:
    """Duplicates across page borders, bursts beyond maxCount, states, strings, gaps, tiny limits."""
    dice = random.Random(seed)
    config = random_world(dice)
    if dice.random() < 0.7:
        asyncio.run(ingest_all(config, MemoryLake(), dice))
    else:
        with TemporaryDirectory() as folder:
            asyncio.run(ingest_all(config, DeltaLake(folder), dice))
