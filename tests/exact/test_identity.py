"""EXACT while tags change: names, types and states between two runs; and for names that are shared or odd."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import lake_rows, true_rows

from pi_lakeflow.app.ingest import Report, ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.model.span import SECOND, Span, from_micros, to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import FixedClock, Simulator, SimulatorConfig, World, start_simulator
from pi_lakeflow.simulator.world import ticks
from pi_lakeflow.sinks.memory import MemoryLake

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3600 * SECOND
START, CHANGE = NOW - 6 * HOUR, NOW - 3 * HOUR


def plant(**changes: Any) -> SimulatorConfig:
    usual = {"tags": 300, "density": 2.0, "twins": 0, "clock": FixedClock(NOW)}
    return SimulatorConfig(**{**usual, **changes})


async def read(sim: Simulator, lake: MemoryLake, tags: Sequence[str], until: int) -> Report:
    made = load({"pi_web_api_url": sim.url, "tags": list(tags), "settle": 0})
    request = Request(since=from_micros(START).isoformat(), until=from_micros(until).isoformat())
    return await ingest(made, request, lake=lake)


def assert_each_once(
    lake: MemoryLake, world: World, webids: Sequence[str], *, but: Sequence[str] = ()
) -> None:
    """Row for row; ``but`` are columns that tell what a tag was like when it was read."""
    held, true = lake_rows(lake), true_rows(world, webids, Span(START, NOW))
    assert held.drop_columns(list(but)).equals(true.drop_columns(list(but)))


def rename(world: World, tag: Any) -> None:
    world.rename_tag(tag, "ANOTHER.NAME & #1")


def retype(point_type: str) -> Callable[[World, Any], None]:
    return lambda world, tag: (world.retype_tag(tag, point_type, at=CHANGE), None)[1]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("number", rename),
        ("number", retype("String")),
        ("number", retype("Digital")),
        ("string", retype("Float64")),
        ("digital", retype("Int32")),
    ],
    ids=["renamed", "to-text", "to-states", "to-number", "states-to-integer"],
)
async def test_a_tag_that_changes_keeps_its_history(kind: str, change: Callable[[World, Any], None]) -> None:
    """Nothing is read again, nothing is missing, and no value is typed by those before it."""
    async with start_simulator(plant()) as sim:
        tag = next(
            each for each in sim.world.tags() if each.kind == kind and each.period < 5 * 60 * ticks.SECOND
        )
        webid, lake = sim.world.webid(tag), MemoryLake()
        first = await read(sim, lake, [f"webid:{webid}"], CHANGE)
        change(sim.world, tag)
        second = await read(sim, lake, [f"webid:{webid}"], NOW)
        assert first.rows > 0
        assert second.rows > 0
        assert_each_once(lake, sim.world, [webid], but=("tag_name", "units"))
        assert lake_rows(lake).num_rows == first.rows + second.rows


async def test_a_digital_set_that_gains_a_state() -> None:
    """The new state is code and name like those that were known before."""
    async with start_simulator(plant()) as sim:
        tag = next(each for each in sim.world.tags() if each.kind == "digital")
        webid, lake = sim.world.webid(tag), MemoryLake()
        await read(sim, lake, [f"webid:{webid}"], CHANGE)
        code = len(sim.world.add_digital_state(tag.digital_set, "Brand new", at=CHANGE).states) - 1
        await read(sim, lake, [f"webid:{webid}"], NOW)
        assert_each_once(lake, sim.world, [webid])
        found = {(row["value_text"], row["state_code"]) for row in lake_rows(lake).to_pylist()}
        assert ("Brand new", code) in found


async def test_one_name_on_two_servers_is_two_tags() -> None:
    async with start_simulator(plant(tags=24, twins=3)) as sim:
        there = {each.name: each for each in sim.world.tags(1)}
        pairs = [(each, there[each.name]) for each in sim.world.tags(0) if each.name in there]
        assert pairs
        names = [f"\\\\{each.server.name}\\{each.name}" for pair in pairs for each in pair]
        webids = [sim.world.webid(each) for pair in pairs for each in pair]
        lake = MemoryLake()
        assert (await read(sim, lake, names, NOW)).status == "done"
        assert len(set(webids)) == len(webids)
        assert_each_once(lake, sim.world, webids)


async def test_names_with_characters_of_urls() -> None:
    """Given one by one, as people write them into a list."""
    async with start_simulator(plant(tags=600, density=0.5)) as sim:
        tags = [each for each in sim.world.tags() if set(each.name) & set("&#+;% ")]
        assert {char for each in tags for char in each.name} >= set("&#+;% ")
        lake, server = MemoryLake(), "PISRV01"
        names = [f"\\\\{server}\\{each.name}" for each in tags]
        assert (await read(sim, lake, names, NOW)).status == "done"
        assert_each_once(lake, sim.world, [sim.world.webid(each) for each in tags])
