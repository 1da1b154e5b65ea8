"""Recorded values over real HTTP against the truth of the world."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, config, iso, rows_of, rows_of_truth, simulated

from pi_lakeflow.simulator import NewEvent, Oddities, World


def truth(c: Client, index: int, start: int, end: int) -> list[tuple[Any, ...]]:
    """Half-open, as everything in the world."""
    return rows_of_truth(c.sim.world.truth(c.sim.world.tag(index), start, end))


async def test_every_kind_of_tag_equals_the_truth() -> None:
    """States, strings, all digits, gaps, bursts: ``[start, end]`` over HTTP is ``[start, end + 1 us)``."""
    async with simulated(tags=100) as c:
        kinds = set()
        for tag in c.sim.world.tags():
            start, end = NOW - 6 * HOUR, NOW - HOUR
            items = await c.recorded(c.id(tag.index), start, end, maxCount=150_000)
            # the last microsecond may hold ticks beyond the end
            wanted = [row for row in truth(c, tag.index, start, end + 1) if row[0] <= end]
            beyond = [row for row in wanted if row[0] == end]
            assert rows_of(items) == wanted or rows_of(items) == wanted[: -len(beyond) or None], tag.name
            kinds.add(tag.kind)
        assert {"number", "digital", "string", "integer", "biginteger", "boolean", "timestamp"} <= kinds


async def test_pages_of_a_naive_client_add_up() -> None:
    """``maxCount`` cuts without a word; going on at the last time repeats what is there at that time."""
    async with simulated(density=10.0, oddities=Oddities.none(shared_timestamp_events=0.2)) as c:
        start, end = NOW - 3 * HOUR, NOW - HOUR
        got: list[tuple[Any, ...]] = []
        since, size = start, 50
        while True:
            page = rows_of(await c.recorded(c.id(), since, end, maxCount=size))
            got = [row for row in got if row[0] < since] + page
            if len(page) < size:
                break
            size = 50 if page[-1][0] > since else size * 2
            since = page[-1][0]
        assert got == truth(c, 0, start, end + 1)
        assert len(got) > 200


async def test_the_default_count_cuts_silently() -> None:
    async with simulated(density=60.0, oddities=Oddities.none()) as c:
        body = await c.get(f"/streams/{c.id()}/recorded", startTime="*-1d")
        assert len(body["Items"]) == 1000
        assert set(body) == {"Links", "Items", "UnitsAbbreviation"}


async def test_both_ends_are_inside_and_ranges_turn_round() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        times = [row[0] for row in truth(c, 0, NOW - HOUR, NOW)]
        first, last = times[2], times[9]
        forward = rows_of(await c.recorded(c.id(), first, last))
        assert [row[0] for row in forward] == times[2:10]
        assert rows_of(await c.recorded(c.id(), last, first)) == forward[::-1]
        assert rows_of(await c.recorded(c.id(), last, first, maxCount=3)) == forward[:-4:-1]


async def test_boundary_types() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        rows = truth(c, 0, NOW - HOUR, NOW)
        start, end = rows[2][0] + 1, rows[5][0] - 1
        outside = rows_of(await c.recorded(c.id(), start, end, boundaryType="Outside"))
        assert outside == rows[2:6]
        made = rows_of(await c.recorded(c.id(), start, end, boundaryType="interpolated"))
        assert [row[0] for row in made] == [start, rows[3][0], rows[4][0], end]
        low, high = sorted((rows[2][1], rows[3][1]))
        assert low <= made[0][1] <= high
        status, _ = await c.status(f"/streams/{c.id()}/recorded", boundaryType="Around")
        assert status == 400


async def test_events_at_one_time_come_all_and_in_order() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        at = NOW - HOUR + 7
        c.sim.world.late_events(c.sim.world.tag(0), [NewEvent(at, float(n)) for n in range(5)])
        rows = rows_of(await c.recorded(c.id(), at, at))
        assert [row[1] for row in rows] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert c.sim.world.truth(c.sim.world.tag(0), at, at + 1)["event_index"].to_pylist() == [0, 1, 2, 3, 4]
        assert len(await c.recorded(c.id(), at, at, maxCount=2)) == 2


async def test_streamsets_hold_the_same_rows_for_each_stream() -> None:
    async with simulated() as c:
        ids = [c.id(index) for index in range(10)]
        query = [("webId", i) for i in ids] + [("startTime", iso(NOW - HOUR)), ("endTime", iso(NOW))]
        async with c.session.get(c.sim.url + "/streamsets/recorded", params=query) as response:
            items = (await response.json())["Items"]
        for web_id, item in zip(ids, items, strict=True):
            assert item["Items"] == await c.recorded(web_id, NOW - HOUR, NOW)
            assert item["Links"]["Source"].endswith(item["WebId"])


async def test_filters_and_what_they_leave_out() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        rows = truth(c, 0, NOW - HOUR, NOW + 1)
        middle = sorted(row[1] for row in rows)[len(rows) // 2]
        kept = await c.recorded(c.id(), NOW - HOUR, NOW, filterExpression=f"'.' > {middle}")
        assert rows_of(kept) == [row for row in rows if row[1] > middle]


def test_the_same_seed_is_the_same_world() -> None:
    """A change of this hash is a change of every recorded benchmark and example."""
    options = config()
    digests = []
    for _ in range(2):
        world = World(seed=1, tags=40, clock=options.clock, start=options.start)
        rows = [rows_of_truth(world.truth(world.tag(n), NOW - 6 * HOUR, NOW)) for n in range(40)]
        digests.append(hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16])
    assert digests[0] == digests[1] == "0de9285e2486cb02"
    other = World(seed=2, tags=40, clock=options.clock, start=options.start)
    assert rows_of_truth(other.truth(other.tag(0), NOW - 6 * HOUR, NOW)) != rows[0]


@pytest.mark.parametrize("text", ["nonsense", "*-", "2026-99-01"])
async def test_bad_times_are_refused(text: str) -> None:
    async with simulated() as c:
        status, body = await c.status(f"/streams/{c.id()}/recorded", startTime=text)
        assert (status, list(body)) == (400, ["Errors"])
