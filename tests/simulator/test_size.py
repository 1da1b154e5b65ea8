"""Half a million tags cost nothing until somebody asks for one."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, rows_of, rows_of_truth, simulated


async def test_half_a_million_tags() -> None:
    before = psutil.Process().memory_info().rss
    async with simulated(tags=500_000) as c:
        for index in (0, 123_456, 499_999):
            tag = c.sim.world.tag(index)
            items = await c.recorded(c.id(index), NOW - HOUR, NOW - 1, maxCount=150_000)
            wanted = rows_of_truth(c.sim.world.truth(tag, NOW - HOUR, NOW))
            assert rows_of(items) == [row for row in wanted if row[0] < NOW]
            assert (await c.get("/points", path=tag.path))["Name"] == tag.name
        server = (await c.get("/dataservers"))["Items"][0]["WebId"]
        page = await c.get(f"/dataservers/{server}/points", startIndex=499_990)
        assert len(page["Items"]) == 10
    assert psutil.Process().memory_info().rss - before < 500_000_000
