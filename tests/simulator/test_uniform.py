"""Uniform worlds: rows of one width, rendered another way, must hold the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, rows_of, rows_of_truth, simulated

from pi_lakeflow.simulator import NewEvent


@pytest.mark.parametrize("density", [1.0, 60.0, 7.0, 90.0])
async def test_uniform_rows_equal_the_truth(density: float) -> None:
    """Whole seconds take the fast way, other periods the usual one."""
    async with simulated(uniform=True, density=density, tags=3) as c:
        ahead = (NOW + HOUR, NOW + 2 * HOUR)  # nothing there yet
        for start, end in ((NOW - 3 * HOUR, NOW - HOUR), (NOW - HOUR, NOW + HOUR), (NOW, NOW), ahead):
            items = await c.recorded(c.id(2), start, end, maxCount=150_000)
            wanted = rows_of_truth(c.sim.world.truth(c.sim.world.tag(2), start, end + 1))
            assert rows_of(items) == wanted
            assert all(item["UnitsAbbreviation"] == "" for item in items)
        assert (
            rows_of(await c.recorded(c.id(2), NOW - HOUR, NOW, maxCount=5))
            == rows_of_truth(c.sim.world.truth(c.sim.world.tag(2), NOW - HOUR, NOW))[:5]
        )


async def test_all_ways_to_the_same_rows() -> None:
    """Selections, turned ranges, and a tag that was edited."""
    async with simulated(uniform=True, tags=3) as c:
        whole = await c.recorded(c.id(), NOW - HOUR, NOW)
        assert len(whole) == 61
        assert (await c.recorded(c.id(), NOW, NOW - HOUR))[::-1] == whole
        for fields in ("Items.Value", "Items.Timestamp", "Items.Good;Items.Value", "Items.Good"):
            names = [part.split(".")[1] for part in fields.split(";")]
            few = await c.recorded(c.id(), NOW - HOUR, NOW, selectedFields=fields)
            assert few == [{n: item[n] for n in item if n in names} for item in whole]
        c.sim.world.late_events(c.sim.world.tag(0), [NewEvent(NOW - HOUR + 7, 1e-7)])
        assert _without(await c.recorded(c.id(), NOW - HOUR, NOW), 1) == whole


def _without(items: list[Any], place: int) -> list[Any]:
    assert items[place]["Value"] == 1e-7
    return items[:place] + items[place + 1 :]


async def test_values_use_all_their_digits() -> None:
    """Seven digits, none a trailing zero, as a shortest number is printed."""
    async with simulated(uniform=True, tags=1) as c:
        path = f"{c.sim.url}/streams/{c.id()}/recorded?startTime=*-10h&selectedFields=Items.Value"
        async with c.session.get(path) as response:
            text = await response.text()
        numbers = [part.split("}")[0] for part in text.split('{"Value":')[1:]]
        assert len(numbers) == 601
        assert all(
            len(number) == 8 and number[-1] != "0" and repr(float(number)) == number for number in numbers
        )
