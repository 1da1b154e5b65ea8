"""Naive clients: a few lines each that work against a friendly server.

Each says whether it believes what is true; it may also end in an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, iso, micros_of, rows_of, rows_of_truth

from pi_lakeflow.simulator.world.live import LiveValues


async def one_tag(c: Client) -> bool:
    """Read the last hour of a tag and believe it."""
    async with c.session.get(f"{c.sim.url}/streams/{c.id()}/recorded?{_hour()}") as response:
        items = (await response.json())["Items"]
    return rows_of(items) == _truth(c, 0)


async def impatient(c: Client) -> bool:
    """The same, with a timeout that was enough on the day it was chosen."""
    async with asyncio.timeout(0.3):
        return await one_tag(c)


async def three_tags(c: Client) -> bool:
    """Read three tags in one call and take each item for good."""
    query = "&".join(f"webId={c.id(place)}" for place in range(3))
    async with c.session.get(f"{c.sim.url}/streamsets/recorded?{query}&{_hour()}") as response:
        items = (await response.json())["Items"]
    return [rows_of(item["Items"]) for item in items] == [_truth(c, place) for place in range(3)]


async def a_batch(c: Client) -> bool:
    """Send two requests as a batch and read the answers by name."""
    reads = {
        name: {"Method": "GET", "Resource": f"{c.sim.url}/streams/{c.id(place)}/recorded?{_hour()}"}
        for place, name in enumerate(("a", "b"))
    }
    _, body = await c.post("/batch", reads)
    answers = [body[name]["Content"]["Items"] for name in reads]
    return [rows_of(items) for items in answers] == [_truth(c, place) for place in range(2)]


async def big_batch(c: Client) -> bool:
    """Wrap all there is to ask into one batch."""
    reads = {
        str(n): {"Method": "GET", "Resource": f"{c.sim.url}/streams/{c.id()}/recorded?{_hour()}"}
        for n in range(20)
    }
    _, body = await c.post("/batch", reads)
    return all(rows_of(body[name]["Content"]["Items"]) == _truth(c, 0) for name in reads)


async def one_token(c: Client) -> bool:
    """Fetch a token at the start and use it for ever."""
    form = {"grant_type": "client_credentials", "client_id": "lakeflow", "client_secret": "secret"}
    async with c.session.post(f"{c.sim.url}/connect/token", data=form) as response:
        header = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
    for _ in range(2):
        async with c.session.get(f"{c.sim.url}/streams/{c.id()}/recorded?{_hour()}", headers=header) as r:
            if rows_of((await r.json())["Items"]) != _truth(c, 0):
                return False
    return True


async def largest_page(c: Client) -> bool:
    """Ask for 150,000 events, since that is the limit everywhere."""
    async with c.session.get(f"{c.sim.url}/streams/{c.id()}/recorded?{_hour()}&maxCount=150000") as response:
        return rows_of((await response.json())["Items"]) == _truth(c, 0)


async def largest_pages(c: Client) -> bool:
    """The same for three tags at once."""
    query = "&".join(f"webId={c.id(place)}" for place in range(3))
    url = f"{c.sim.url}/streamsets/recorded?{query}&{_hour()}&maxCount=70"
    async with c.session.get(url) as response:
        return len((await response.json())["Items"]) == 3


async def all_points(c: Client) -> bool:
    """Search for all points, a thousand at a time."""
    async with c.session.get(f"{c.sim.url}/points/search?query=*&maxCount=1000") as response:
        return len((await response.json())["Items"]) == 20


async def point_by_point(c: Client) -> bool:
    """One search for each of ten names."""
    names = [c.sim.world.tag(place).name for place in range(10)]
    found = []
    for name in names:
        async with c.session.get(f"{c.sim.url}/points/search", params={"query": name}) as response:
            found += [item["Name"] for item in (await response.json())["Items"]]
    return found == names


async def tag_by_tag(c: Client) -> bool:
    """One request for each tag, as fast as they go."""
    reads = (
        c.session.get(f"{c.sim.url}/streams/{c.id(place)}/recorded?{_hour()}&maxCount=1")
        for place in range(20)
    )
    found = []
    for read in reads:
        async with read as response:
            found += (await response.json())["Items"]
    return len(found) == 20


async def waiting_a_second(c: Client) -> bool:
    """The same, with the pause that the documentation's default suggests when there are too many."""
    for place in range(20):
        for _ in range(2):
            url = f"{c.sim.url}/streams/{c.id(place)}/recorded?{_hour()}&maxCount=1"
            async with c.session.get(url) as response:
                if response.status == 200:
                    break
            await asyncio.sleep(0.3)
        else:
            return False
    return True


async def whole_seconds(c: Client) -> bool:
    """Wait as long as Retry-After says, which is a number of seconds."""
    for place in range(8):
        url = f"{c.sim.url}/streams/{c.id(place)}/recorded?{_hour()}&maxCount=1"
        async with c.session.get(url) as response:
            if response.status == 429:
                await asyncio.sleep(int(response.headers.get("Retry-After", 0)))
    return True


async def by_full_path(c: Client) -> bool:
    """Put what the server calls the WebId of a point into a URL."""
    async with c.session.get(f"{c.sim.url}/dataservers") as response:
        server = (await response.json())["Items"][0]
    async with c.session.get(f"{c.sim.url}/dataservers/{server['WebId']}/points?maxCount=1") as response:
        point = (await response.json())["Items"][0]
    async with c.session.get(f"{c.sim.url}/streams/{point['WebId']}/recorded?{_hour()}") as response:
        return rows_of((await response.json())["Items"]) == _truth(c, 0)


async def all_in_one_url(c: Client) -> bool:
    """All tags in one URL."""
    query = "&".join(f"webId={c.id(place)}" for place in range(20))
    async with c.session.get(f"{c.sim.url}/streamsets/recorded?{query}&{_hour()}") as response:
        return len((await response.json())["Items"]) == 20


async def all_at_once(c: Client) -> bool:
    """Twenty requests at the same time."""
    answers = await asyncio.gather(*(c.status(f"/streams/{c.id(n)}/recorded", maxCount=1) for n in range(20)))
    return all(len(body["Items"]) == 1 for _, body in answers)


async def listening(c: Client) -> bool:
    """Open a channel of some tags, take what comes as new values, and stop when nothing comes."""
    got: dict[str, list[int]] = {c.sim.world.tag(place).name: [] for place in range(5)}
    async with _channel(c) as socket:
        for _ in range(2):
            await c.control("clock", {"advance": HOUR})
            try:
                while (frame := await socket.receive(timeout=0.3)).type is aiohttp.WSMsgType.TEXT:
                    for stream in json.loads(frame.data)["Items"]:
                        got[stream["Name"]] += [micros_of(item["Timestamp"]) for item in stream["Items"]]
            except TimeoutError:
                pass
    return list(got.values()) == [_lived(c, place, hours=2) for place in range(5)]


async def crowd(c: Client) -> bool:
    """The same, within a second and a half."""
    async with asyncio.timeout(1.5):
        return await all_at_once(c)


async def patient(c: Client) -> bool:
    """Try again when the server is busy, after as many whole seconds as it says."""

    async def one(place: int) -> int:
        for _ in range(40):
            url = f"{c.sim.url}/streams/{c.id(place)}/recorded?{_hour()}&maxCount=1"
            async with c.session.get(url) as response:
                if response.status == 200:
                    return len((await response.json())["Items"])
                await asyncio.sleep(int(response.headers.get("Retry-After", 0)) or 0.1)
        return 0

    return await asyncio.gather(*map(one, range(12)), return_exceptions=True) == [1] * 12


async def one_poll(c: Client) -> bool:
    """Register, wait an hour, poll, and take the answer for all there was."""
    marker = await _registered(c)
    await c.control("clock", {"advance": HOUR})
    return len(await _poll(c, marker)) == len(_lived(c))


async def late_poll(c: Client) -> bool:
    """Poll when there is time for it."""
    marker = await _registered(c)
    await asyncio.sleep(0.2)
    return await _poll(c, marker) == []


async def old_marker(c: Client) -> bool:
    """Lose an answer, and poll with the marker from before."""
    marker = await _registered(c)
    await c.control("clock", {"advance": HOUR})
    await _poll(c, marker)
    return len(await _poll(c, marker)) == len(_lived(c))


async def two_polls(c: Client) -> bool:
    """Poll a set of markers of which one is over, and take the others."""
    marker, gone = await _registered(c), "0" * 32 + "_0"
    url = f"{c.sim.url}/streamsets/updates?marker={marker}&marker={gone}"
    async with c.session.get(url) as response:
        return len((await response.json())["Items"]) == 2


async def strict(c: Client) -> bool:
    """Only 200 is success."""
    return (await c.post(f"/streams/{c.id()}/updates", None))[0] == 200


async def one_message(c: Client) -> bool:
    """The first message after an hour holds all of it."""
    async with _channel(c) as socket:
        await c.control("clock", {"advance": HOUR})
        body = json.loads((await socket.receive(timeout=5)).data)
    return [len(stream["Items"]) for stream in body["Items"]] == [len(_lived(c, n)) for n in range(5)]


def _channel(c: Client) -> Any:
    query = "&".join(f"webId={c.id(place)}" for place in range(5))
    return c.session.ws_connect(f"{c.sim.url}/streamsets/channel?{query}")


async def _registered(c: Client) -> str:
    _, body = await c.post(f"/streams/{c.id()}/updates", None)
    return str(body["LatestMarker"])


async def _poll(c: Client, marker: str) -> list[Any]:
    async with c.session.get(f"{c.sim.url}/streams/updates/{marker}") as response:
        return list((await response.json())["Events"])


def _lived(c: Client, place: int = 0, *, hours: int = 1) -> list[int]:
    """The times of the live values of the last hours of a tag."""
    now = c.sim.world.clock.now()
    live = c.sim.world.part(LiveValues).between(c.sim.world.tag(place), now - hours * HOUR * 10, now)
    return [int(tick) for tick in live.events.ticks // 10]


def _hour() -> str:
    return f"startTime={iso(NOW - HOUR)}&endTime={iso(NOW - 1)}"


def _truth(c: Client, place: int) -> list[tuple[Any, ...]]:
    return rows_of_truth(c.sim.world.truth(c.sim.world.tag(place), NOW - HOUR, NOW))
