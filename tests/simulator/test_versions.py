"""Older servers, search limits, routes of faults, connections: what the configuration changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, iso, simulated

from pi_lakeflow.simulator import Fault, Limits, Oddities, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.world.annotations import annotations_at


async def test_old_servers_lack_what_came_later() -> None:
    async with simulated(version="2017 R2") as c:
        assert (await c.status("/points/search", query="*"))[0] == 400
        point = await c.get(f"/points/{c.id()}")
        assert not {"Span", "Zero", "DisplayDigits"} & set(point)
        items = (await c.get(f"/streams/{c.id()}/recorded", associations="Annotations"))["Items"]
        assert not any("Annotations" in item for item in items)


async def test_searches_have_a_limit_of_their_own() -> None:
    async with simulated(limits=Limits(search_rate_limit_requests=2, rate_limit_seconds=60)) as c:
        statuses = [(await c.status("/points/search", query="*"))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await c.status("/"))[0] == 200


async def test_a_tag_fails_on_some_routes_only() -> None:
    """The point is found, its values are gone: an attribute that outlived its point."""
    async with simulated() as c:
        c.sim.faults.add(Fault("tag_status", route="/stream*", status=410, tags=(c.sim.world.tag(0).name,)))
        assert (await c.status(f"/points/{c.id()}"))[0] == 200
        status, body = await c.status(f"/streams/{c.id()}/recorded")
        assert status == 410
        assert body["Errors"] == [f"PI Point not found '{c.sim.world.tag(0).path}'."]


async def test_connections_are_counted() -> None:
    """One for a session, one for each request of a client that closes."""
    async with simulated() as c:
        await c.get("/")
        await c.get("/system")
        assert c.sim.stats.connections == 1
        for _ in range(2):
            async with aiohttp.ClientSession() as session, session.get(c.sim.url + "/") as response:
                await response.read()
        assert c.sim.stats.connections == 3
        assert c.sim.stats.as_dict()["by_route"] == {"GET /": 3, "GET /system": 1}


async def test_annotations_come_with_the_association_only() -> None:
    async with simulated(oddities=Oddities.none(annotated_events=0.5)) as c:
        times = {"startTime": iso(NOW - HOUR), "endTime": iso(NOW)}
        path = f"/streams/{c.id()}/recorded"
        plain = (await c.get(path, **times))["Items"]
        rich = (await c.get(path, associations="Annotations", **times))["Items"]
        assert plain == [{k: v for k, v in item.items() if k != "Annotations"} for item in rich]
        marked = [item for item in rich if item["Annotated"]]
        assert marked
        assert all(bool(item["Annotations"]) == item["Annotated"] for item in rich)
        tag = c.sim.world.tag(0)
        ticks = c.sim.world.events(tag, NOW - HOUR, NOW + 1).ticks.tolist()
        place = rich.index(marked[0])
        assert marked[0]["Annotations"][0]["Value"] == annotations_at(tag, ticks[place])[0].value
        assert (await c.status(path, associations="Nothing"))[0] == 409


async def test_blobs_cannot_be_read() -> None:
    async with simulated(oddities=Oddities.none(blob_tags=1.0)) as c:
        assert (await c.status(f"/streams/{c.id()}/recorded"))[0] == 501
        item = (await c.get("/streamsets/recorded", webId=c.id()))["Items"][0]
        assert item["Items"] == []
        assert item["Errors"]


def test_a_thread_of_its_own() -> None:
    """For code without an event loop; the world can be asked while the server runs."""
    with run_in_thread(SimulatorConfig(tags=3)) as sim:
        assert sim.url.startswith("http://127.0.0.1:")
        assert len(list(sim.world.tags())) == 3


def test_a_process_of_its_own() -> None:
    """The first line says where it listens; SIGTERM ends it."""
    command = [sys.executable, "-m", "pi_lakeflow.simulator", "--tags", "5", "--tls"]
    root = str(Path(__file__).parents[2] / "src")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": root}) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(20) == 0
    assert said["url"].startswith("https://127.0.0.1:")
    assert Path(said["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE")
