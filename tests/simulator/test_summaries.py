"""Summaries and single values, against figures computed from the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean, pstdev

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, iso, micros_of, rows_of_truth, simulated

from pi_lakeflow.simulator import Oddities

RANGE = {"startTime": iso(NOW - 3 * HOUR), "endTime": iso(NOW - HOUR)}


async def test_event_weighted_figures() -> None:
    """Bad numbers and system states do not count."""
    async with simulated(oddities=Oddities.none(system_events=0.1, bad_number_events=0.1)) as c:
        rows = rows_of_truth(c.sim.world.truth(c.sim.world.tag(0), NOW - 3 * HOUR, NOW - HOUR + 1))
        good = [row[1] for row in rows if row[1] is not None and row[4]]
        assert len(good) < len(rows)
        query = {**RANGE, "calculationBasis": "EventWeighted", "summaryType": "All"}
        items = (await c.get(f"/streams/{c.id()}/summary", **query))["Items"]
        found = {item["Type"]: item["Value"]["Value"] for item in items}
        assert found["Count"] == len(good)
        assert found["Average"] == pytest.approx(fmean(good))
        assert (found["Minimum"], found["Maximum"]) == (min(good), max(good))
        assert found["Total"] == pytest.approx(sum(good))
        assert found["PopulationStdDev"] == pytest.approx(pstdev(good))
        assert found["PercentGood"] == pytest.approx(100 * len(good) / len(rows))


async def test_intervals_add_up_to_the_whole() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        query = {**RANGE, "calculationBasis": "EventWeighted", "summaryType": "Count"}
        whole = (await c.get(f"/streams/{c.id()}/summary", **query))["Items"]
        parts = (await c.get(f"/streams/{c.id()}/summary", **query, summaryDuration="30m"))["Items"]
        assert len(parts) == 4
        assert sum(p["Value"]["Value"] for p in parts) == whole[0]["Value"]["Value"]


async def test_time_weighted_count_is_seconds() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        items = (await c.get(f"/streams/{c.id()}/summary", **RANGE, summaryType="Count"))["Items"]
        assert items[0]["Value"]["Value"] == pytest.approx(7200)


async def test_strings_can_only_be_counted() -> None:
    async with simulated() as c:
        text = next(tag for tag in c.sim.world.tags() if tag.kind == "string")
        path = f"/streams/{c.sim.world.webid(text)}/summary"
        assert (await c.status(path, summaryType="Average"))[0] == 409
        assert (await c.status(path, summaryType="Count"))[0] == 200


async def test_value_and_end() -> None:
    """The last event up to now; a streamset says the same."""
    async with simulated(oddities=Oddities.none()) as c:
        row = rows_of_truth(c.sim.world.truth(c.sim.world.tag(0), NOW - 6 * HOUR, NOW + 1))[-1]
        for verb in ("value", "end"):
            item = await c.get(f"/streams/{c.id()}/{verb}")
            assert (micros_of(item["Timestamp"]), item["Value"]) == row[:2]
            assert (await c.get(f"/streamsets/{verb}", webId=c.id()))["Items"][0]["Value"] == item
