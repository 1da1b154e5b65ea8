"""Event frames found by the values of their attributes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from naive import Client, simulated

SPAN = {"startTime": "*-9d", "searchFullHierarchy": "true"}


async def made(c: Client, body: dict[str, Any], **query: str) -> tuple[int, str, str]:
    """Status, Location and content of a POST."""
    url = c.sim.url + "/eventframes/searchbyattribute"
    headers = {"X-Requested-With": "test"}
    async with c.session.post(url, json=body, headers=headers, params=query) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


async def test_frames_are_found_by_value_below_a_database_or_a_frame() -> None:
    async with simulated() as c:
        server = (await c.get("/assetservers"))["Items"][0]["WebId"]
        database = (await c.get(f"/assetservers/{server}/assetdatabases"))["Items"][0]["WebId"]
        templates = (await c.get(f"/assetdatabases/{database}/elementtemplates"))["Items"]
        alarm = next(t["WebId"] for t in templates if t["Name"] == "Limit Alarm")
        condition = {"AttributeName": "limit type", "AttributeValue": "LimitHi", "SearchOperator": "Equal"}
        body = {"SearchRoot": database, "ElementTemplate": alarm, "ValueQueries": [condition]}
        status, location, content = await made(c, body)
        assert (status, '"Items":[' in content) == (201, True)
        found = (await c.get(location.removeprefix(c.sim.url), **SPAN))["Items"]
        assert found
        for frame in found[:5]:
            values = (await c.get(f"/streamsets/{frame['WebId']}/value"))["Items"]
            assert {v["Name"]: v["Value"]["Value"] for v in values}["Limit Type"] == "LimitHi"
        everything = (await c.get(f"/assetdatabases/{database}/eventframes", **SPAN))["Items"]
        assert len(found) < len([f for f in everything if f["TemplateName"] == "Limit Alarm"])
        status, location, content = await made(c, {**body, "SearchRoot": found[0]["WebId"]}, noResults="true")
        assert (status, content) == (201, "")
        assert (await c.get(location.removeprefix(c.sim.url), **SPAN))["Items"] == []


async def test_bad_searches_are_refused() -> None:
    async with simulated() as c:
        assert (await made(c, {"ValueQueries": []}))[0] == 400
        assert (await c.status("/eventframes/searchbyattribute/unknown"))[0] == 400
