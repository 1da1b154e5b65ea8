"""Batches: the graph, JSONPaths, templates, the failure texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import simulated

from pi_lakeflow.simulator import Fault
from pi_lakeflow.simulator.http.jsonpath import BadPath, select

POINTS = {
    "Method": "GET",
    "Resource": "{0}?maxCount=3&selectedFields=Items.WebId;Items.Name",
    "ParentIds": ["ds"],
    "Parameters": ["$.ds.Content.Links.Points"],
}
SERVER = {"Method": "GET", "Resource": "https://elsewhere/piwebapi/dataservers?name=PISRV01"}
HEADERS = {"Content-Type": "application/json; charset=utf-8"}


async def test_a_graph_from_server_to_values() -> None:
    """The host of a resource does not matter; each selected token makes one request."""
    async with simulated() as c:
        values = {
            "Method": "GET",
            "RequestTemplate": {"Resource": "https://h/piwebapi/streams/{0}/recorded?maxCount=2"},
            "ParentIds": ["pts"],
            "Parameters": ["$.pts.Content.Items[*].WebId"],
        }
        status, body = await c.post("/batch", {"vals": values, "pts": POINTS, "ds": SERVER})
        assert status == 207
        assert list(body) == ["vals", "pts", "ds"]
        assert body["ds"]["Headers"] == HEADERS
        assert body["vals"]["Status"] == 207
        assert body["vals"]["Content"]["Total"] == 3
        points = body["pts"]["Content"]["Items"]
        for point, item in zip(points, body["vals"]["Content"]["Items"], strict=True):
            assert item["Status"] == 200
            assert item["Content"] == await c.get(f"/streams/{point['WebId']}/recorded", maxCount=2)


async def test_filters_choose_one_token_and_links_are_resources() -> None:
    async with simulated() as c:
        name = c.sim.world.tag(1).name
        one = {
            "Method": "GET",
            "Resource": "/piwebapi/points/{0}",
            "ParentIds": ["pts"],
            "Parameters": [f"$.pts.Content.Items[?(@.Name=='{name}')].WebId"],
        }
        link = {"Method": "GET", "Resource": "$.one.Content.Links.Self", "ParentIds": ["one"]}
        _, body = await c.post("/batch", {"ds": SERVER, "pts": POINTS, "one": one, "link": link})
        assert body["one"]["Content"]["Name"] == name
        assert body["link"]["Content"] == body["one"]["Content"]


async def test_the_two_failure_texts() -> None:
    async with simulated() as c:
        path = "$.pts.Content.Items[?(@.Name=='none')].WebId"
        empty = {"Method": "GET", "Resource": "/points/{0}", "ParentIds": ["pts"], "Parameters": [path]}
        bad = {"Method": "GET", "Resource": "/piwebapi/points/nonsense"}
        child = {"Method": "GET", "Resource": "/piwebapi/", "ParentIds": ["ds", "bad"]}
        batch = {"ds": SERVER, "pts": POINTS, "empty": empty, "bad": bad, "child": child}
        status, body = await c.post("/batch", batch)
        assert status == 207
        assert body["empty"]["Status"] == 400
        assert body["empty"]["Content"] == f"Some JSON paths did not select any tokens: {path}"
        assert body["bad"]["Status"] == 400
        assert body["child"]["Status"] == 409
        text = "The following ParentIds did not complete successfully: bad."
        assert body["child"]["Content"] == text


@pytest.mark.parametrize(
    "batch",
    [
        [],
        {"a": 1},
        {"a": {"Method": "GET"}},
        {"a": {"Resource": "/", "ParentIds": ["b"]}},
        {"a": {"Resource": "/", "ParentIds": ["a"]}},
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(batch: Any) -> None:
    async with simulated() as c:
        assert (await c.post("/batch", batch))[0] == 400


async def test_the_header_against_forgery_is_needed() -> None:
    async with simulated() as c:
        assert (await c.post("/batch", {"ds": SERVER}, Accept="application/json"))[0] == 403


async def test_contents_are_strings_and_may_be_batches() -> None:
    async with simulated() as c:
        inner = '{"x":{"Method":"GET","Resource":"/piwebapi/system"}}'
        outer = {"o": {"Method": "POST", "Resource": "/piwebapi/batch", "Content": inner}}
        _, body = await c.post("/batch", outer)
        assert body["o"]["Status"] == 207
        assert body["o"]["Content"]["x"]["Content"] == await c.get("/system")


async def test_children_can_be_dropped_or_fail() -> None:
    """A naive client that indexes the answer by its ids breaks on the first, one without checks on both."""
    async with simulated(faults=(Fault("drop_child", route="/dataservers/*/points"),)) as c:
        _, body = await c.post("/batch", {"ds": SERVER, "pts": POINTS})
        assert list(body) == ["ds"]
        c.sim.faults.clear()
        c.sim.faults.add(Fault("status", status=429, retry_after=2, batch=True, route="/dataservers"))
        _, body = await c.post("/batch", {"ds": SERVER, "pts": POINTS})
        assert [body["ds"]["Status"], body["pts"]["Status"]] == [429, 409]
        assert body["ds"]["Headers"]["Retry-After"] == "2"


DOCUMENT = {"a b": {"Items": [{"Name": "X", "N": 1}, {"Name": "Y", "N": 2, "Kids": [{"Name": "Z"}]}]}}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$['a b'].Items[0].Name", ["X"]),
        ("$.a b.Items[-1:].Name", ["Y"]),
        ("$..Name", ["X", "Y", "Z"]),
        ("$['a b'].Items[?(@.N > 1)].Name", ["Y"]),
        ("$['a b'].Items[?(@.Name == 'X' || @.N == 2)].N", [1, 2]),
        ("$['a b'].Items[?(@.Name == 'X' && @.N == 2)].N", []),
        ("$['a b'].Items[?(@.Kids)].Kids[*].Name", ["Z"]),
        ("$['a b'].items[0]", []),
        ("$['a b'].Items[0,1].N", [1, 2]),
        ("$['a b'].Items[5]", []),
    ],
)
def test_json_paths(path: str, wanted: list[Any]) -> None:
    assert select(DOCUMENT, path) == wanted


@pytest.mark.parametrize("path", ["$.", "$.a[", "$.a[?(x)]", "$.a[b]"])
def test_bad_json_paths(path: str) -> None:
    with pytest.raises(BadPath):
        select(DOCUMENT, path)
