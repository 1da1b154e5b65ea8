"""Tags chosen by where they stand in the asset model, looked up anew in each run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow.app.discover import discover
from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.errors import Refused
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.world.assets import Assets

NOW = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * 1_000_000


def simulated(tags: int, **more: Any) -> Any:
    return run_in_thread(SimulatorConfig(tags=tags, clock=FixedClock(NOW), **more))


def settings(sim: Simulator, folder: Path, **under: str) -> Settings:
    given = {"pi_web_api_url": sim.url, "lake": str(folder), "tags": [under]}
    return load({**given, "since": "2026-03-29T08:00:00Z", "until": "2026-03-29T10:00:00Z"}, environ={})


async def names(given: Settings) -> set[str]:
    return {tag.name async for tag in discover(given)}


def wanted(sim: Simulator, template: str, attribute: str) -> set[str]:
    world = sim.world.part(Assets)
    return {
        world.tag(a).name
        for e in world.descendants(world.databases[0])
        for a in world.attributes(e)
        if e.template == template and a.name == attribute and a.point
    }


def test_one_attribute_of_all_elements_of_a_template(tmp_path: Path) -> None:
    with simulated(200) as sim:
        root = r"\\PIAF01\Plant\LYN"
        given = settings(sim, tmp_path, under=root, template="Pump", attribute="Flow")
        found = asyncio.run(names(given))
        assert found == wanted(sim, "Pump", "Flow")
        assert found
        given = settings(sim, tmp_path, under=root, template="Rotating Equipment", attribute="Flow")
        assert asyncio.run(names(given)) == found | wanted(sim, "Compressor", "Flow")


def test_a_whole_database_and_one_element(tmp_path: Path) -> None:
    with simulated(64, twins=0) as sim:
        everything = asyncio.run(names(settings(sim, tmp_path, under=r"\\PIAF01\Plant")))
        assert everything == {tag.name for tag in sim.world.tags()}
        one = asyncio.run(names(settings(sim, tmp_path, under=r"\\PIAF01\Plant\LYN\Area 1\U100\TANK-0001")))
        assert one == {sim.world.tag(index).name for index in range(8, 16)}


def test_an_unknown_path_is_refused(tmp_path: Path) -> None:
    with simulated(8) as sim, pytest.raises(Refused):
        asyncio.run(names(settings(sim, tmp_path, under=r"\\PIAF01\Plant\Nowhere")))


def test_new_equipment_is_picked_up_with_its_own_history(tmp_path: Path) -> None:
    with simulated(8, twins=0, oddities=Oddities.none()) as sim:
        given = settings(sim, tmp_path, under=r"\\PIAF01\Plant\LYN", attribute="*Pressure")
        first = asyncio.run(ingest(given, Request()))
        created = int(datetime(2026, 3, 29, 7, tzinfo=UTC).timestamp()) * 1_000_000
        sim.world.add_tags(32, created=created)
        sim.world.clock.advance(6 * 60 * 1_000_000)  # what the user's cache of AF shows
        second = asyncio.run(ingest(given, Request()))
        assert (first.status, second.status) == ("done", "done")
        held = open_lake(given).table(PI_TIMESERIES).read(["tag_name"])
        per_tag = {row["values"]: row["counts"] for row in held["tag_name"].value_counts().to_pylist()}
        assert set(per_tag) == asyncio.run(names(given))
        assert len(per_tag) > 3
        truth = {
            tag.name: sim.world.truth(tag, NOW - 4 * 3_600_000_000, NOW - 2 * 3_600_000_000).num_rows
            for tag in sim.world.tags()
            if tag.name in per_tag
        }
        assert per_tag == truth
