"""Manners towards a strong server with a rate limit, as that server counts them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.flow_gate.virtual import run_virtually

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.flow.gate import Gate
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import Capacity, Fault, FixedClock, Oddities, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.sinks.delta import DeltaLake

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3_600_000_000
RATE = 30
CONFIG = SimulatorConfig(
    tags=300,
    twins=0,
    oddities=Oddities.none(),
    clock=FixedClock(NOW),
    capacity=Capacity.enterprise(),
    limits=Limits(rate_limit_requests=RATE),
)
SPAN = Request(since=iso(NOW - 6 * HOUR), until=iso(NOW))


def settings(url: str, folder: Path, **performance: object) -> object:
    many_small = {"base_batch_size": 5, "min_batch_size": 5, "max_batch_size": 5, "retry_backoff": 0.05}
    return load(
        {
            "pi_web_api_url": url,
            "tags": "all",
            "data_server": "PISRV01",
            "settle": 0,
            "lake": str(folder),
            "performance": {**many_small, **performance},
        },
        environ={},
    )


async def test_the_servers_own_count_never_passes_the_limit(tmp_path: Path) -> None:
    """A server that refuses the 31st request of a second refuses none of ours at thirty a second."""
    with run_in_thread(CONFIG) as sim:
        report = await ingest(settings(sim.url, tmp_path, rate_limit=RATE, max_workers=16), SPAN)
        counts = sim.stats.as_dict()
    assert report.status == "done"
    assert counts["throttled"] == 0
    assert counts["requests"] >= 2 * RATE


async def test_no_request_is_lost_in_a_storm_of_503(tmp_path: Path) -> None:
    """Seven of ten requests are refused for a while: everything arrives in the end, and once."""
    storm = Fault("status", status=503, probability=0.7, retry_after=0.01, count=150, route="*recorded*")
    with run_in_thread(replace(CONFIG, faults=(storm,), limits=Limits())) as sim:
        report = await ingest(settings(sim.url, tmp_path), SPAN)
        truth = sum(sim.world.truth(t, NOW - 6 * HOUR, NOW).num_rows for t in sim.world.tags())
        assert sim.stats.as_dict()["throttled"] >= 100
    assert report.status == "done"
    held = DeltaLake(str(tmp_path)).table(PI_TIMESERIES).read(["tag_webid", "timestamp", "event_index"])
    assert held.num_rows == truth == held.group_by(held.schema.names).aggregate([]).num_rows


def test_nine_tenths_of_the_rate_are_used() -> None:
    """In virtual time, with answers that take a fifth of a second."""

    async def request(gate: Gate) -> None:
        async with gate.slot() as slot:
            slot.sent()
            await asyncio.sleep(0.2)

    async def main() -> float:
        gate = Gate(64, 20.0)
        started = gate.now()
        await asyncio.gather(*(request(gate) for _ in range(2000)))
        return 2000 / (gate.now() - started)

    assert 18.0 <= run_virtually(main()) <= 20.0
