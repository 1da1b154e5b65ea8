"""Performance equations, against figures computed from what the streams themselves answer."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, iso, simulated

from pi_lakeflow.simulator import NewEvent, Oddities

RANGE = {"startTime": iso(NOW - 2 * HOUR), "endTime": iso(NOW - HOUR)}
FAILED = {"Name": "Calc Failed", "Value": 249, "IsSystem": True}


async def at(c: Client, expression: str, *, moment: int = NOW - HOUR, **query: Any) -> Any:
    """The value of an expression at one time."""
    times = {"time": iso(moment)}
    items = (await c.get("/calculation/times", expression=expression, **times, **query))["Items"]
    return items[0]["Value"]


async def test_arithmetic_binds_as_in_mathematics() -> None:
    async with simulated() as c:
        for expression, wanted in {
            "1 + 2 * 3": 7,
            "(1 + 2) * 3": 9,
            "-2 ^ 2": -4,
            "2 ^ 3 ^ 2": 512,
            "7 mod 4 - 1": 2,
            "10 / 4": 2.5,
            "Sqr(16) + Abs(-2)": 6,
            "Round(2.6) + Round(7.3, 0.5)": 10.5,
            "Max(1, 5, 3) - Min(4, 2)": 3,
            "Avg(1, 2, 6)": 3,
            "Poly(2, 1, 1, 1)": 7,
            "if 1 > 2 then 10 else if 2 > 1 then 20 else 30": 20,
            "1.5e2": 150,
        }.items():
            assert await at(c, expression) == pytest.approx(wanted), expression


async def test_conditions_are_booleans_and_texts_ignore_case() -> None:
    async with simulated() as c:
        for expression, wanted in {
            '"Open" = "OPEN"': True,
            "1 < 2 and not 2 > 3": True,
            "1 = 2 or 3 <> 3": False,
        }.items():
            assert await at(c, expression) is wanted, expression


async def test_tags_are_read_at_the_time_of_the_evaluation() -> None:
    """By name on a server, by path without a target."""
    async with simulated(oddities=Oddities.none()) as c:
        tag = c.sim.world.tag(0)
        value = (await c.get(f"/streams/{c.id()}/value", time=iso(NOW - HOUR)))["Value"]
        assert await at(c, f"'{tag.name}' * 2 + 1") == pytest.approx(value * 2 + 1)
        assert await at(c, f"'{tag.path}'") == pytest.approx(value)
        earlier = (await c.get(f"/streams/{c.id()}/value", time=iso(NOW - 2 * HOUR)))["Value"]
        assert await at(c, f"TagVal('{tag.name}', '*-1h')") != value
        assert await at(c, f"TagVal('{tag.name}', ParseTime(\"*-1h\"))") == pytest.approx(earlier)
        server = (await c.get("/dataservers"))["Items"][1]["WebId"]
        twin = c.sim.world.webid(c.sim.world.by_name(tag.name, 1))
        other = (await c.get(f"/streams/{twin}/value", time=iso(NOW - HOUR)))["Value"]
        assert await at(c, f"'{tag.name}'", webId=server) == pytest.approx(other)


async def test_the_server_resolves_times_for_its_client() -> None:
    async with simulated() as c:
        assert await at(c, 'ParseTime("*")', moment=NOW - HOUR) == "2026-03-29T11:00:00Z"
        assert await at(c, "Hour(ParseTime(\"*\")) + Day('*')") == 11 + 29


async def test_states_compare_by_name_and_are_no_numbers() -> None:
    async with simulated(oddities=Oddities.none(digital_tags=1.0)) as c:
        tag = next(t for t in c.sim.world.tags() if t.point_type == "Digital")
        state = c.sim.world.sets[tag.digital_set].states[1]
        c.sim.world.late_events(tag, [NewEvent(NOW - 2 * HOUR, c.sim.world.sets[tag.digital_set].states[1])])
        when = {"moment": NOW - 2 * HOUR}
        now = await at(c, f"'{tag.name}'", **when)
        assert now == {"Name": state, "Value": 1, "IsSystem": False}
        assert await at(c, f"'{tag.name}' = \"{state.upper()}\"", **when) is True
        assert await at(c, f"StateNo('{tag.name}')", **when) == 1
        assert await at(c, f"'{tag.name}' + 1", **when) == FAILED


async def test_what_cannot_be_computed_is_calc_failed() -> None:
    async with simulated() as c:
        for expression in ("1 / 0", "Sqr(-1)", '"a" + 1', "9 ^ 9 ^ 9 ^ 9", '1 < "a"', "(-8) ^ 0.5"):
            items = (await c.get("/calculation/times", expression=expression, time="*"))["Items"]
            assert (items[0]["Value"], items[0]["Good"]) == (FAILED, False), expression


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 +", "an operand is missing"),
        ("Curve('x', 1)", "the function Curve is not supported"),
        ("Abs(1, 2)", "Abs does not take 2 arguments"),
        ("'no such tag'", "'no such tag' in the expression was not found"),
        ("1 ? 2", "'? 2' is not understood"),
        ("(" * 4000, "too deeply"),
        ("2 2", "'2' was not expected"),
    ],
)
async def test_what_is_not_understood_is_a_clear_400(expression: str, said: str) -> None:
    async with simulated() as c:
        status, body = await c.status("/calculation/times", expression=expression, time="*")
        assert status == 400
        assert said in body["Errors"][0]


async def test_recorded_has_a_value_for_each_event_of_its_members() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        one, two = c.sim.world.tag(0), c.sim.world.tag(1)
        expression = f"'{one.name}' - '{two.name}'"
        items = (await c.get("/calculation/recorded", expression=expression, **RANGE))["Items"]
        stamps = set()
        for index in (0, 1):
            own = await c.recorded(c.id(index), NOW - 2 * HOUR, NOW - HOUR)
            stamps |= {item["Timestamp"] for item in own}
        assert [item["Timestamp"] for item in items] == sorted(stamps)
        backwards = {"startTime": RANGE["endTime"], "endTime": RANGE["startTime"]}
        turned = (await c.get("/calculation/recorded", expression=expression, **backwards))["Items"]
        assert turned == items[::-1]


async def test_intervals_agree_with_interpolated() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        name = c.sim.world.tag(0).name
        query = {**RANGE, "expression": f"'{name}'"}
        computed = (await c.get("/calculation/intervals", **query, sampleInterval="10m"))["Items"]
        asked = (await c.get(f"/streams/{c.id()}/interpolated", **RANGE, interval="10m"))["Items"]
        assert [v["Timestamp"] for v in computed] == [v["Timestamp"] for v in asked]
        assert [v["Value"] for v in computed] == pytest.approx([v["Value"] for v in asked])


async def test_summary_of_a_tag_is_the_summary_of_its_stream() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        name = c.sim.world.tag(0).name
        query = {**RANGE, "summaryType": "Average"}
        own = (await c.get(f"/streams/{c.id()}/summary", **query))["Items"][0]["Value"]
        made = await c.get("/calculation/summary", expression=f"'{name}' * 10", **query)
        assert made["Items"][0]["Value"]["Value"] == pytest.approx(10 * own["Value"])
        sampled = {**query, "sampleType": "Interval", "sampleInterval": "1m"}
        rough = await c.get("/calculation/summary", expression=f"'{name}' * 10", **sampled)
        assert rough["Items"][0]["Value"]["Value"] == pytest.approx(10 * own["Value"], rel=0.1)


async def test_summaries_leave_out_what_the_filter_fails() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        items = await c.recorded(c.id(), NOW - 2 * HOUR, NOW - HOUR)
        numbers = [item["Value"] for item in items]
        middle = sorted(numbers)[len(numbers) // 2]
        query = {**RANGE, "summaryType": ["Count", "Minimum"], "calculationBasis": "EventWeighted"}
        query["filterExpression"] = f"'.' > {middle}"
        found = await c.get(f"/streams/{c.id()}/summary", **query)
        count, least = (item["Value"]["Value"] for item in found["Items"])
        kept = [number for number in numbers if number > middle]
        assert (count, least) == (len(kept), min(kept))
        assert not math.isclose(least, min(numbers))


async def test_filtered_values_are_shown_once_also_across_blocks() -> None:
    """A filter that nothing passes shows its first failure, and no other for each piece of the archive."""
    async with simulated(oddities=Oddities.none()) as c:
        query = {"filterExpression": "'.' > 1000000", "includeFilteredValues": "true"}
        items = await c.recorded(c.id(), NOW - 96 * HOUR, NOW, **query)
        assert [item["Value"]["Name"] for item in items] == ["Filtered"]
