"""The cache of whole answers, for benchmarks: never an answer that is no longer true."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, simulated

from pi_lakeflow.simulator import Fault, FixedClock, NewEvent, Oddities


async def test_kept_answers_follow_every_change() -> None:
    async with simulated(answer_cache_bytes=10_000_000, oddities=Oddities.none()) as c:
        world = c.sim.world

        async def read() -> list[object]:
            """Twice: the second comes from the cache, plain or packed."""
            first = await c.recorded(c.id(), NOW - HOUR, NOW + HOUR)
            assert await c.recorded(c.id(), NOW - HOUR, NOW + HOUR) == first
            plain = {"Accept-Encoding": "identity"}
            async with c.session.get(c.sim.url + "/dataservers", headers=plain) as response:
                assert "Content-Encoding" not in response.headers
            return [(item["Timestamp"], item["Value"]) for item in first]

        before = await read()
        world.late_events(world.tag(0), [NewEvent(NOW - HOUR + 1, 5.0)])
        after = await read()
        assert len(after) == len(before) + 1
        assert isinstance(world.clock, FixedClock)
        world.clock.advance(HOUR // 2)
        assert len(await read()) > len(after)
        c.sim.faults.add(Fault("status", status=503))
        assert (await c.status(f"/streams/{c.id()}/recorded"))[0] == 503
        c.sim.faults.clear()
        world.delete_tag(world.tag(0))
        assert (await c.status(f"/points/{world.webid(world.tag(1))}"))[0] == 200
        assert c.sim.stats.by_route["GET /streams/{webId}/recorded"] == 6
