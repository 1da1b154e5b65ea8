"""Random worlds: what comes over HTTP, page by page, is what the world says is true."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, rows_of, rows_of_truth, simulated

from pi_lakeflow.simulator import NewEvent, Oddities, State

share = st.sampled_from([0.0, 0.3, 1.0])
some = st.sampled_from([0.0, 0.05, 0.5])
oddities = st.builds(
    Oddities,
    digital_tags=share,
    string_tags=share,
    big_integer_tags=share,
    double17_tags=share,
    tick_tags=share,
    fraction_tags=share,
    irregular_tags=share,
    gap_tags=share,
    bursty_tags=share,
    bad_hour_tags=share,
    future_tags=share,
    odd_name_tags=share,
    system_events=some,
    null_events=some,
    shared_timestamp_events=some,
    close_events=some,
    substituted_events=some,
    burst_size=st.integers(0, 300),
)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), odd=oddities, density=st.sampled_from([0.2, 5.0, 30.0]))
def test_a_random_world_is_read_exactly(seed: int, odd: Oddities, density: float) -> None:
    async def run() -> None:
        async with simulated(seed=seed, oddities=odd, density=density, tags=4) as c:
            for index in range(4):
                await _compare(c, index)

    asyncio.run(run())


async def _compare(c: Client, index: int) -> None:
    tag = c.sim.world.tag(index)
    assert c.sim.world.find(tag.name).point_id == tag.point_id
    start, end = NOW - HOUR, NOW + HOUR
    items = await c.recorded(c.id(index), start, end, maxCount=150_000)
    # The range is closed at `end`, to the tick; the truth is half-open in microseconds
    wanted = rows_of_truth(c.sim.world.truth(tag, start, end))
    assert rows_of(items)[: len(wanted)] == wanted
    assert all(row[0] == end for row in rows_of(items)[len(wanted) :])
    if not tag.future:
        assert all(row[0] <= NOW for row in wanted)


values: st.SearchStrategy[Any] = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.text(),
    st.booleans(),
    st.none(),
    st.builds(State, st.integers(0, 300), st.booleans()),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), values), max_size=30))
def test_inserted_events_are_read_exactly(new: list[tuple[int, int, Any]]) -> None:
    """Any value at any time, also many at one; times are read back to the tick."""

    async def run() -> None:
        async with simulated(tags=3, oddities=Oddities.none(big_integer_tags=1.0)) as c:
            tag = c.sim.world.tag(1)
            at = NOW - 2 * HOUR
            events = [NewEvent(at + time, value, ticks=ticks) for time, ticks, value in new]
            c.sim.world.late_events(tag, events)
            items = await c.recorded(c.id(1), at, at + 41)
            assert rows_of(items) == rows_of_truth(c.sim.world.truth(tag, at, at + 41))
            assert len(items) >= len(new)

    asyncio.run(run())
