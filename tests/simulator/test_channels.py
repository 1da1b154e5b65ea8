"""Channels: three routes, what their messages hold, heartbeats, faults, and the log of what was sent."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, micros_of, simulated

from pi_lakeflow.simulator import Auth, Fault, Live, NewEvent, Oddities
from pi_lakeflow.simulator.world.live import LiveValues

QUICK = Live(poll_seconds=0.02)
PLAIN: dict[str, Any] = {"oddities": Oddities.none(), "tags": 5, "live": QUICK}


async def message(socket: aiohttp.ClientWebSocketResponse) -> Any:
    frame = await socket.receive(timeout=5)
    assert frame.type is aiohttp.WSMsgType.TEXT, frame
    return json.loads(frame.data)


def values_of(messages: list[Any]) -> list[tuple[str, int, Any]]:
    return [
        (stream["Name"], micros_of(value["Timestamp"]), value["Value"])
        for body in messages
        for stream in body["Items"]
        for value in stream["Items"]
    ]


def sent(c: Client) -> list[tuple[str, int, Any]]:
    table = c.sim.channels.log.table()
    times = table["timestamp"].cast("int64").to_pylist()
    return list(zip(table["tag_name"].to_pylist(), times, table["value"].to_pylist(), strict=True))


def ids(c: Client, *places: int) -> str:
    return "&".join(f"webId={c.id(place)}" for place in places)


def channel(c: Client) -> Any:
    """A channel of the first tag."""
    return c.session.ws_connect(f"{c.sim.url}/streams/{c.id()}/channel")


async def test_a_message_holds_only_streams_that_changed() -> None:
    """Several events of several streams; what was sent is exactly what time brought."""
    async with simulated(**PLAIN) as c:
        url = f"{c.sim.url}/streamsets/channel?{ids(c, 0, 1, 2)}"
        async with c.session.ws_connect(url) as socket:
            c.sim.world.clock.advance(HOUR)
            body = await message(socket)
            assert [stream["Name"] for stream in body["Items"]] == [c.sim.world.tag(n).name for n in range(3)]
            assert set(body["Items"][0]) == {
                "WebId",
                "Name",
                "Path",
                "Links",
                "UnitsAbbreviation",
                "Items",
            }
            live = c.sim.world.part(LiveValues)
            for place, stream in enumerate(body["Items"]):
                told = live.between(c.sim.world.tag(place), NOW * 10, (NOW + HOUR) * 10)
                assert len(stream["Items"]) == len(told)
                recorded = await c.recorded(c.id(place), NOW + 1, NOW + HOUR)
                assert [item for item in stream["Items"] if item in recorded] == recorded
            await socket.send_str('{"Action":"subscribe"}')  # no such protocol: ignored
            c.sim.world.late_events(c.sim.world.tag(1), [NewEvent(NOW - HOUR, 1.5)])
            late = await message(socket)
            assert values_of([late]) == [(c.sim.world.tag(1).name, NOW - HOUR, 1.5)]
            assert sent(c) == values_of([body, late])


async def test_edits_and_deletions_come_as_ordinary_values() -> None:
    """Only the mark Substituted tells an edit; nothing tells a deletion."""
    async with simulated(**PLAIN) as c:
        tag = c.sim.world.tag(0)
        old = c.sim.world.truth(tag, NOW - HOUR, NOW).to_pylist()
        times = c.sim.world.truth(tag, NOW - HOUR, NOW)["timestamp"].cast("int64").to_pylist()
        async with c.session.ws_connect(f"{c.sim.url}/streams/{c.id()}/channel") as socket:
            c.sim.world.edit_event(tag, NewEvent(times[3], 2.5))
            c.sim.world.delete_events(tag, times[5], times[5] + 1)
            items = []
            while len(items) < 2:
                items += (await message(socket))["Items"][0]["Items"]
            assert [(i["Value"], i["Substituted"]) for i in items] == [
                (2.5, True),
                (old[5]["value"], False),
            ]


async def test_an_element_tells_of_its_attributes() -> None:
    """Those with a PI point behind them; the others never have news."""
    async with simulated(tags=200, live=QUICK) as c:
        (server, *_) = (await c.get("/assetservers"))["Items"]
        (database, *_) = (await c.get(f"/assetservers/{server['WebId']}/assetdatabases"))["Items"]
        found = await c.get(f"/assetdatabases/{database['WebId']}/elements", searchFullHierarchy="true")
        for element in found["Items"]:
            attributes = (await c.get(f"/elements/{element['WebId']}/attributes"))["Items"]
            if any(attribute["DataReferencePlugIn"] == "PI Point" for attribute in attributes):
                break
        url = f"{c.sim.url}/streamsets/{element['WebId']}/channel"
        async with c.session.ws_connect(url) as socket:
            c.sim.world.clock.advance(24 * HOUR)
            body = await message(socket)
        names = {attribute["Name"] for attribute in attributes}
        assert {stream["Name"] for stream in body["Items"]} <= names
        assert all("|" in stream["Path"] and stream["Items"] for stream in body["Items"])


async def test_initial_values_and_heartbeats() -> None:
    async with simulated(**PLAIN) as c:
        query = f"{ids(c, 0, 1)}&includeInitialValues=true&heartbeatRate=3"
        async with c.session.ws_connect(f"{c.sim.url}/streamsets/channel?{query}") as socket:
            first = await message(socket)
            assert [len(stream["Items"]) for stream in first["Items"]] == [1, 1]
            assert await message(socket) == {"Links": {}, "Items": []}


async def test_without_a_rate_there_are_no_heartbeats() -> None:
    async with simulated(**PLAIN) as c, channel(c) as socket:
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive(timeout=0.3)


async def test_instances_are_listed() -> None:
    async with simulated(**PLAIN) as c:
        async with c.session.ws_connect(f"{c.sim.url}/streams/{c.id()}/channel"):
            items = (await c.get("/channels/instances"))["Items"]
            assert [item["SentMessageCount"] for item in items] == [0]
        await asyncio.sleep(0.1)
        assert (await c.get("/channels/instances"))["Items"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/streams/{id}/channel", 400), ("/streams/nonsense/channel", 400), ("/streamsets/channel", 400)],
)
async def test_what_is_no_channel(path: str, status: int) -> None:
    async with simulated(**PLAIN) as c:
        assert (await c.status(path.format(id=c.id())))[0] == status


async def test_the_handshake_asks_who_is_there() -> None:
    async with simulated(**PLAIN, auth=Auth(methods=("basic",))) as c:
        url = f"{c.sim.url}/streams/{c.id()}/channel"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await c.session.ws_connect(url)
        assert caught.value.status == 401
        header = {"Authorization": "Basic " + base64.b64encode(b"pi:pi").decode()}
        async with c.session.ws_connect(url, headers=header) as socket:
            c.sim.world.clock.advance(HOUR)
            assert (await message(socket))["Items"]


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_dropped_on_demand_and_by_restart(how: str) -> None:
    async with simulated(**PLAIN) as c:
        url = f"{c.sim.url}/streams/{c.id()}/channel"
        async with c.session.ws_connect(url) as socket:
            assert (await c.control("drop-channels", {"how": how}))[1] == {"dropped": 1}
            assert (await socket.receive(timeout=5)).type in (
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            )
        async with c.session.ws_connect(url) as socket:
            await c.control("restart", {"seconds": 0.3})
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
            with pytest.raises(aiohttp.ClientError):
                await c.session.ws_connect(url)
            await asyncio.sleep(0.35)
            async with c.session.ws_connect(url):
                pass


async def test_messages_out_of_order_and_twice() -> None:
    """A client that trusts the order, or that each message is new, is wrong."""
    async with simulated(**PLAIN, faults=(Fault("channel_reorder", count=1),)) as c, channel(c) as socket:
        for _ in range(2):
            c.sim.world.clock.advance(HOUR)
            await asyncio.sleep(0.1)
        bodies = [await message(socket), await message(socket)]
        times = [moment for _, moment, _ in values_of(bodies)]
        assert times != sorted(times)
        assert times[0] > times[-1]
        assert len(set(times)) == len(times)
        c.sim.faults.add(Fault("channel_duplicate", count=1))
        c.sim.world.clock.advance(HOUR)
        assert await message(socket) == await message(socket)
        assert len(sent(c)) > len(set(sent(c)))


@pytest.mark.parametrize(("how", "closed"), [("close", True), ("wait", False)])
async def test_a_slow_reader(how: Any, closed: bool) -> None:
    """A client that does not read is waited for, or hung up on."""
    live = Live(poll_seconds=0.02, slow_reader=how, slow_reader_seconds=0.1, writer_limit=1)
    async with simulated(**{**PLAIN, "live": live, "tags": 20, "density": 60.0}) as c:
        url = f"{c.sim.url}/streamsets/channel?{ids(c, *range(20))}"
        async with c.session.ws_connect(url, max_msg_size=0) as socket:
            c.sim.world.clock.advance(HOUR)
            await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)  # the server's own work is done when the first sleep ends
            kinds = set()
            while not socket.closed:
                try:
                    kinds.add((await socket.receive(timeout=0.3)).type)
                except TimeoutError:
                    break
            assert (aiohttp.WSMsgType.CLOSE in kinds) == closed


async def test_dropped_at_random() -> None:
    async with simulated(**PLAIN, faults=(Fault("channel_drop", probability=0.5),)) as c:
        drops = 0
        for _ in range(12):
            async with c.session.ws_connect(f"{c.sim.url}/streams/{c.id()}/channel") as socket:
                c.sim.world.clock.advance(HOUR)
                drops += (await socket.receive(timeout=5)).type is not aiohttp.WSMsgType.TEXT
        assert 0 < drops < 12
