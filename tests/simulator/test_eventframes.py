"""Event frames over HTTP: lists, searches, objects, values, writes, annotations."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import NOW, Client, simulated

from pi_lakeflow.simulator import FramePlan
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.frames import Frame, Frames

DAY = 24 * 3_600_000_000
PLAN = FramePlan(alarm_tags=5, standing=3, downtime_units=1, batch_reactors=1)


class Plant(Client):
    """A client that knows the truth about event frames."""

    @property
    def frames(self) -> Frames:
        return self.sim.world.part(Frames)

    @property
    def database(self) -> str:
        return self.frames.assets.webid(self.frames.assets.databases[0], "Full")

    def id_of(self, frame: Frame) -> str:
        return self.frames.webid(frame, "Full")

    async def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All pages."""
        start, found = 0, []
        while True:
            page = await self.get(path, **{"maxCount": 200, **query, "startIndex": start})
            found += page["Items"]
            start += len(page["Items"])
            if "Next" not in page["Links"]:
                return found

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """A write; the status and the Location."""
        headers = {"X-Requested-With": "test"}
        async with self.session.request(method, self.sim.url + path, json=body, headers=headers) as answer:
            return answer.status, answer.headers.get("Location", "")


@asynccontextmanager
async def plant(**changes: Any) -> AsyncIterator[Plant]:
    async with simulated(**{"tags": 240, "frames": PLAN, **changes}) as client:
        yield Plant(client.sim, client.session)


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["Id"] for item in items]


@pytest.mark.parametrize(
    ("mode", "keep"),
    [
        ("None", lambda f, a, b: True),
        ("Overlapped", lambda f, a, b: f.start <= b and f.end >= a),
        ("Inclusive", lambda f, a, b: f.start >= a and f.end <= b),
        ("StartInclusive", lambda f, a, b: a <= f.start <= b),
        ("EndInclusive", lambda f, a, b: a <= f.end <= b),
        ("InProgress", lambda f, a, b: a <= f.start <= b and f.is_open),
        ("BackwardFromStartTime", lambda f, a, b: f.start <= a),
        ("ForwardFromStartTime", lambda f, a, b: f.start >= a),
        ("BackwardFromEndTime", lambda f, a, b: f.end <= a),
        ("ForwardFromEndTime", lambda f, a, b: f.end >= a),
        ("BackwardInProgress", lambda f, a, b: f.start <= a and f.is_open),
        ("ForwardInProgress", lambda f, a, b: f.start >= a and f.is_open),
    ],
)
async def test_search_modes(mode: str, keep: Callable[[Frame, int, int], bool]) -> None:
    """Each keeps what its name says; the directed ones walk in time."""
    async with plant() as c:
        start, end = (NOW - 4 * DAY) * 10, (NOW - DAY // 2) * 10
        for age in (5, 1):
            c.frames.changes.create(name=f"Open for {age} days", start=NOW * 10 - age * t.DAY)
        directed = mode.startswith(("Backward", "Forward"))
        span = {"startTime": t.to_text(start)} | ({} if directed else {"endTime": t.to_text(end)})
        items = await c.listed(
            f"/assetdatabases/{c.database}/eventframes", searchMode=mode, searchFullHierarchy="true", **span
        )
        wanted = [f for f in c.frames.all() if keep(f, start, end)]
        assert sorted(ids(items)) == sorted(str(c.frames.guid(f)) for f in wanted)
        assert wanted
        if directed:
            key = "EndTime" if mode.endswith("EndTime") else "StartTime"
            moments = [item[key] for item in items]
            assert moments == sorted(moments, reverse=mode.startswith("Backward")) or mode.endswith("EndTime")
            for extra in ({"endTime": "*"}, {"sortField": "Name"}, {"sortOrder": "Ascending"}):
                path = f"/assetdatabases/{c.database}/eventframes"
                assert (await c.status(path, searchMode=mode, **extra))[0] == 400
        else:
            assert [i["Name"].casefold() for i in items] == sorted(i["Name"].casefold() for i in items)


async def test_filters_of_lists() -> None:
    async with plant() as c:
        path, span = f"/assetdatabases/{c.database}/eventframes", {"startTime": "*-30d"}
        roots = [f for f in c.frames.all() if f.parent is None]

        async def check(wanted: list[Frame], **query: Any) -> None:
            assert wanted
            assert set(ids(await c.listed(path, **span, **query))) == {str(c.frames.guid(f)) for f in wanted}

        await check(roots)
        await check([f for f in roots if f.template == "Limit Alarm"], templateName="limit alarm")
        await check([f for f in roots if "High" in f.name], nameFilter="* high *")
        await check([f for f in roots if f.severity in ("Major", "Critical")], severity=["Major", "critical"])
        await check([f for f in roots if f.acknowledged], isAcknowledged="true")
        await check([f for f in roots if not f.can_be_acknowledged], canBeAcknowledged="false")
        await check(
            [f for f in roots if f.template in ("Limit Alarm", "Equipment Alarm")], categoryName="Alarms"
        )
        machine = c.frames.elements(roots[0])[0]
        mine = [f for f in roots if machine.place in f.places]
        await check(mine, referencedElementNameFilter=machine.name)
        element = c.frames.assets.webid(machine, "Full")
        below = await c.listed(f"/elements/{element}/eventframes", **span)
        assert {str(c.frames.guid(f)) for f in mine} <= set(ids(below))
        for bad in ({"severity": "Huge"}, {"categoryName": "?"}, {"sortField": "?"}, {"searchMode": "?"}):
            assert (await c.status(path, **bad))[0] == 400


async def test_a_frame_and_what_it_links_to() -> None:
    """Children, references, categories, attributes and captured values; by id, path and in numbers."""
    async with plant() as c:
        batch = next(f for f in c.frames.all() if f.children and not f.is_open)
        item = await c.get(f"/eventframes/{c.id_of(batch)}")
        assert item == await c.get("/eventframes", path=item["Path"])
        assert item["RefElementWebIds"][0] == c.frames.assets.webid(c.frames.elements(batch)[0], "Full")
        several = await c.get("/eventframes/multiple", webId=[item["WebId"]], path=["\\\\nowhere"])
        assert "Exception" in several["Items"][1]
        children = await c.listed(f"/eventframes/{item['WebId']}/eventframes", searchMode="None")
        assert {child["Name"] for child in children} == {"Charge", "Heat up", "React", "Discharge"}
        elements = await c.get(f"/eventframes/{item['WebId']}/referencedelements")
        assert [e["WebId"] for e in elements["Items"]] == item["RefElementWebIds"]
        values = await c.get(f"/streamsets/{item['WebId']}/value")
        assert {v["Name"]: v["Value"]["Value"] for v in values["Items"]} == dict(batch.values)
        assert {v["Value"]["Timestamp"] for v in values["Items"]} == {item["EndTime"]}


async def test_the_source_of_an_alarm_is_its_tag_during_the_alarm() -> None:
    async with plant() as c:
        alarm = next(f for f in c.frames.all() if f.tag is not None and f.end - f.start > t.HOUR // 2)
        sets = await c.get(f"/streamsets/{c.id_of(alarm)}/recorded", nameFilter="Source")
        tag = c.sim.world.tag(alarm.tag or 0)
        truth = c.sim.world.archive.events(tag, alarm.start, min(alarm.end, NOW * 10))
        assert [v["Timestamp"] for v in sets["Items"][0]["Items"]] == [
            t.to_text(x) for x in truth.ticks.tolist()
        ]
        found = await c.get(f"/eventframes/{c.id_of(alarm)}/attributes", associations="DataReference")
        source = next(a for a in found["Items"] if a["Name"] == "Source")
        assert source["DataReference"]["PIPoint"]["Name"] == tag.name
        assert webid.parse(source["WebId"]).marker == "AbF"
        assert (await c.get("/attributes", path=source["Path"]))["WebId"] == source["WebId"]
        assert (await c.get(f"/attributes/{source['WebId']}/categories"))["Items"][0]["Name"] == "Process"
        assert (await c.status(f"/attributes/{source['WebId']}/value"))[0] == 409
        limit = next(a for a in found["Items"] if a["Name"] == "Limit")
        assert (await c.get(f"/attributes/{limit['WebId']}/value"))["Value"] == dict(alarm.values)["Limit"]
        assert (await c.get(f"/attributes/{limit['WebId']}/attributes"))["Items"] == []
        across = await c.listed(
            f"/assetdatabases/{c.database}/eventframeattributes",
            attributeNameFilter="Limit",
            startTime="*-30d",
        )
        assert len(across) == sum(f.template == "Limit Alarm" for f in c.frames.all())


async def test_searches() -> None:
    async with plant() as c:
        since = NOW * 10 - t.DAY
        known = c.frames.all()

        async def check(query: str, keep: Callable[[Frame], bool]) -> None:
            items = await c.listed("/eventframes/search", databaseWebId=c.database, query=query)
            wanted = {str(c.frames.guid(f)) for f in known if keep(f)}
            assert wanted
            assert set(ids(items)) == wanted

        await check("ModifyDate:>*-1d AllDescendants:true", lambda f: f.modified > since)
        await check("InProgress:=true AllDescendants:=true", lambda f: f.is_open)
        await check(
            "IsAcknowledged:=false Severity:>=Minor",
            lambda f: (
                not f.acknowledged and f.severity in ("Minor", "Major", "Critical") and f.parent is None
            ),
        )
        await check("Template:='Limit Alarm' Start:>=*-1d", lambda f: f.start >= since and f.tag is not None)
        await check(
            "Element:{ Template:=Reactor } Duration:>1h",
            lambda f: (
                f.parent is None
                and any(e.template == "Reactor" for e in c.frames.elements(f))
                and min(f.end, NOW * 10) - f.start > t.HOUR
            ),
        )
        for bad in ("Severity:>Huge", "Start:>whenever", "Colour:=red"):
            assert (await c.status("/eventframes/search", databaseWebId=c.database, query=bad))[0] == 400


async def test_writes_through_the_front_door() -> None:
    """Acknowledge, capture, edit, create, delete; refusals."""
    async with plant() as c:
        alarm = next(f for f in c.frames.all() if f.can_be_acknowledged and not f.acknowledged)
        batch = next(f for f in c.frames.all() if f.template == "Batch")
        path = f"/eventframes/{c.id_of(alarm)}"
        assert (await c.send("PATCH", f"{path}/acknowledge"))[0] == 204
        item = await c.get(path)
        assert (item["IsAcknowledged"], item["AcknowledgedDate"]) == (True, t.to_text(NOW * 10))
        assert (await c.send("PATCH", f"/eventframes/{c.id_of(batch)}/acknowledge"))[0] == 400
        assert (await c.send("PATCH", path, {"Severity": "Critical", "Description": "Seen"}))[0] == 204
        assert (await c.get(path))["Severity"] == "Critical"
        assert (await c.send("PATCH", path, {"IsAcknowledged": False}))[0] == 400
        assert (await c.send("POST", f"{path}/attributes/capture"))[0] == 204
        assert (await c.get(path))["AreValuesCaptured"] is True
        new = {
            "Name": "Spill",
            "TemplateName": "Downtime",
            "StartTime": "*-1h",
            "RefElementWebIds": item["RefElementWebIds"],
        }
        status, location = await c.send("POST", f"/assetdatabases/{c.database}/eventframes", new)
        assert status == 201
        made = await c.get(location.removeprefix(c.sim.url))
        assert made["EndTime"] == "9999-12-31T23:59:59.9999999Z"
        assert (made["Severity"], made["RefElementWebIds"]) == ("Major", item["RefElementWebIds"])
        status, location = await c.send(
            "POST", f"/eventframes/{made['WebId']}/eventframes", {"Name": "Cleaning"}
        )
        assert (await c.get(location.removeprefix(c.sim.url)))["Path"] == made["Path"] + "\\Cleaning"
        assert (await c.send("DELETE", f"/eventframes/{made['WebId']}"))[0] == 204
        assert (await c.status(f"/eventframes/{made['WebId']}"))[0] == 404
        assert (await c.status(location.removeprefix(c.sim.url)))[0] == 404
        for bad in ({}, {"Name": "x", "TemplateName": "?"}, {"Name": "x", "Severity": "Huge"}):
            assert (await c.send("POST", f"/assetdatabases/{c.database}/eventframes", bad))[0] == 400


async def test_annotations_come_and_go() -> None:
    async with plant() as c:
        frame = next(f for f in c.frames.all() if any(note.media for note in f.annotations))
        path = f"/eventframes/{c.id_of(frame)}/annotations"
        known = (await c.get(path))["Items"]
        assert [a["Value"] for a in known] == [note.value for note in frame.annotations]
        attached = next(a for a in known if "MediaMetadata" in a["Links"])
        about = await c.get(attached["Links"]["MediaMetadata"].removeprefix(c.sim.url))
        async with c.session.get(about["Links"]["MediaData"]) as answer:
            assert len(await answer.read()) == about["Size"]
        media = f"{path}/{attached['Id']}/attachment/media"
        assert (await c.send("DELETE", media))[0] == 204
        assert (await c.send("DELETE", media))[0] == 404
        status, location = await c.send("POST", path, {"Name": "Note", "Value": "Checked"})
        one = location.removeprefix(c.sim.url)
        assert (status, (await c.get(one))["Value"]) == (201, "Checked")
        assert (await c.send("PATCH", one, {"Value": "Checked twice"}))[0] == 204
        assert (await c.get(one))["Value"] == "Checked twice"
        assert (await c.send("DELETE", one))[0] == 204
        assert (await c.status(one))[0] == 404


async def test_the_control_route_changes_frames() -> None:
    async with plant() as c:
        one, two, *_ = [f for f in c.frames.all() if f.tag is not None and not f.is_open]

        async def control(action: str, **body: Any) -> dict[str, Any]:
            root = c.sim.url.removesuffix("/piwebapi")
            async with c.session.post(f"{root}/simulator/world/{action}", json=body) as answer:
                assert answer.status == 200, await answer.text()
                found: dict[str, Any] = await answer.json()
                return found

        await control("acknowledge-frame", frame=c.id_of(one), by="PLANT\\x", at=NOW - 10)
        await control("edit-frame", frame=str(c.frames.guid(one)), severity="Major", end=NOW - 5)
        await control("annotate-frame", frame=c.id_of(one), value="Hello")
        await control("reopen-frame", frame=c.frames.path(two))
        changed = c.frames.get(*one.id)
        assert (changed.acknowledged_by, changed.severity, changed.end) == (
            "PLANT\\x",
            "Major",
            NOW * 10 - 50,
        )
        assert changed.annotations[-1].value == "Hello"
        assert c.frames.get(*two.id).is_open
        made = await control("create-frame", name="Mine", start=NOW - DAY)
        await control("delete-frame", frame=made["webid"])
        assert (await c.status(f"/eventframes/{made['webid']}"))[0] == 404
