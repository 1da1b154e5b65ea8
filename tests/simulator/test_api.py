"""Envelopes, selections, ids and lists."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import simulated


async def test_selected_fields() -> None:
    """Nested, in any case, unknown ones ignored, parents with nothing in them gone."""
    async with simulated() as c:
        server = (await c.get("/dataservers"))["Items"][0]["WebId"]
        path = f"/dataservers/{server}/points"
        fields = "items.WEBID;Items.Links.recordeddata;Items.Nothing.At.All;Links.Next"
        body = await c.get(path, maxCount=5, selectedFields=fields)
        assert list(body["Links"]) == ["Next"]
        assert [set(item) for item in body["Items"]] == [{"WebId", "Links"}] * 5
        assert list(body["Items"][0]["Links"]) == ["RecordedData"]
        body = await c.get(f"/streams/{c.id()}/recorded", SELECTEDFIELDS="Items.Timestamp;items.value")
        assert set(body) == {"Items"}
        assert set(body["Items"][0]) == {"Timestamp", "Value"}


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("Full", "F1DP"),
        ("idonly", "I1DP"),
        ("PathOnly", "P1DP"),
        ("LocalIDOnly", "L1DP"),
        ("DefaultIDOnly", "D1DP"),
    ],
)
async def test_web_id_types(kind: str, start: str) -> None:
    """Each type is minted on request and read back as the same point."""
    async with simulated() as c:
        point = await c.get(f"/points/{c.id(3)}", webIdType=kind)
        assert point["WebId"].startswith(start)
        again = await c.get(f"/points/{point['WebId']}")
        assert again["Id"] == point["Id"]


async def test_pages_of_points() -> None:
    """First and Last always; Next and Previous only when they exist; Next leads through all points."""
    async with simulated(tags=25) as c:
        server = (await c.get("/dataservers", name="pisrv01"))["WebId"]
        path = f"/dataservers/{server}/points"
        assert list((await c.get(path))["Links"]) == ["First", "Last"]
        body = await c.get(path, maxCount=10)
        assert list(body["Links"]) == ["First", "Next", "Last"]
        names = [item["Name"] for item in body["Items"]]
        while "Next" in body["Links"]:
            body = await c.get(body["Links"]["Next"].removeprefix(c.sim.url))
            names += [item["Name"] for item in body["Items"]]
        assert list(body["Links"]) == ["First", "Previous", "Last"]
        assert sorted(names) == sorted(tag.name for tag in c.sim.world.tags())
        assert (await c.get(path, startIndex=1000))["Items"] == []


async def test_multiple_points_fail_one_by_one() -> None:
    async with simulated() as c:
        good, path = c.id(0), c.sim.world.tag(1).path
        query = [("webId", good), ("path", path), ("path", "\\\\PISRV01\\no such")]
        async with c.session.get(c.sim.url + "/points/multiple", params=query) as response:
            assert response.status == 207
            items = (await response.json())["Items"]
        assert [item["IdentifierType"] for item in items] == ["WebId", "Path", "Path"]
        assert items[1]["Object"]["Path"] == path
        assert "Object" not in items[2]
        assert "not found" in items[2]["Exception"]["Errors"][0]
        assert (await c.status("/points/multiple", webId=good))[0] == 200


async def test_search_is_capped_and_masks() -> None:
    async with simulated() as c:
        status, body = await c.status("/points/search", maxCount=1001)
        text = "Parameter 'maxCount' is greater than the maximum allowed (1000)."
        assert (status, body) == (400, {"Errors": [text]})
        name = c.sim.world.tag(4).name
        found = (await c.get("/points/search", query=f'Tag:="{name}"'))["Items"]
        assert [item["Name"] for item in found] == [name]


async def test_unknown_things() -> None:
    async with simulated() as c:
        assert (await c.status("/points/nonsense"))[0] == 400
        assert (await c.status("/points", path="\\\\PISRV01\\none"))[0] == 404
        status, body = await c.status("/nowhere")
        assert (status, list(body)) == (404, ["Message"])
        async with c.session.put(c.sim.url + "/dataservers", headers={"X-Requested-With": "x"}) as response:
            assert response.status == 405
