"""Each fault and each limit, by flag and by control route: a naive client fails on it.

A naive client is a few lines that work against a friendly server. It is right without the fault, and
with it ends in an error or believes something wrong. Every fault and limit must have one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, iso, micros_of, rows_of, rows_of_truth

from pi_lakeflow.simulator import start_simulator
from pi_lakeflow.simulator.__main__ import config_from, parser
from pi_lakeflow.simulator.config import Capacity, Limits, Live
from pi_lakeflow.simulator.faults import Kind
from pi_lakeflow.simulator.world.live import LiveValues

Naive = Callable[[Client], Awaitable[bool]]
WORLD = [*("--tags", "20", "--plain", "--now", iso(NOW)), "--set", "start=2026-03-20T00:00:00Z"]
WRONG = (aiohttp.ClientError, TimeoutError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Case:
    """``switch`` is a fault's text, or a setting. ``flags`` are there with and without it."""

    naive: Naive
    switch: str
    flags: tuple[str, ...] = field(default=())

    @property
    def is_fault(self) -> bool:
        """Settings have an equals sign before anything else."""
        return "=" not in self.switch.partition(":")[0]


# -- naive clients -------------------------------------------------------------------------------


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


_BUSY = ("--set", "capacity.workers=1", "--set", "capacity.per_request=0.05")
_FEW = ("--rate-limit", "15")
_WIDE = ("--set", "capacity.workers=20", "--set", "capacity.per_request=0.15")
_QUICK = ("--set", "live.poll_seconds=0.02", "--set", "live.values_per_message=100000")
_CHANNEL = ("--set", "live.poll_seconds=0.02", "--set", "live.values_per_message=10")
_SEARCH = ("--set", "limits.search_rate_limit_requests=0")
CASES = {
    "status": Case(one_tag, "status:status=500"),
    "latency": Case(impatient, "latency:seconds=1"),
    "stall": Case(impatient, "stall:seconds=1"),
    "reset": Case(one_tag, "reset"),
    "trickle": Case(impatient, "trickle:rate=2000"),
    "cut_body": Case(one_tag, "cut_body"),
    "half_json": Case(one_tag, "half_json"),
    "html": Case(one_tag, "html"),
    "redirect": Case(one_tag, "redirect:location=http://127.0.0.1:9/"),
    "web_exception": Case(one_tag, "web_exception"),
    "gzip_bomb": Case(one_tag, "gzip_bomb:size=20000000"),
    "drop_child": Case(a_batch, "drop_child:route=/streams/*,batch=true,count=1"),
    "tag_status": Case(three_tags, "tag_status:status=410,tags=*"),
    "value_errors": Case(one_tag, "value_errors:probability=0.3,tags=*"),
    "no_annotated": Case(one_tag, "no_annotated"),
    "expire_tokens": Case(one_token, "expire_tokens:route=/streams/*,count=1", ("--auth", "bearer")),
    "channel_drop": Case(listening, "channel_drop", _CHANNEL),
    "channel_stall": Case(listening, "channel_stall:seconds=1", _CHANNEL),
    "channel_reorder": Case(listening, "channel_reorder", _CHANNEL),
    "channel_duplicate": Case(listening, "channel_duplicate", _CHANNEL),
    "limits.max_returned_items": Case(largest_page, "limits.max_returned_items=1000"),
    "limits.default_max_count": Case(one_tag, "limits.default_max_count=20"),
    "limits.search_max_count": Case(all_points, "limits.search_max_count=10", _SEARCH),
    "limits.rate_limit_requests": Case(tag_by_tag, "limits.rate_limit_requests=10"),
    "limits.search_rate_limit_requests": Case(point_by_point, "limits.search_rate_limit_requests=5"),
    "limits.rate_limit_seconds": Case(
        waiting_a_second,
        "limits.rate_limit_seconds=60",
        (*_FEW, "--set", "limits.rate_limit_seconds=0.2"),
    ),
    "limits.rate_limit_retry_after": Case(
        whole_seconds, "limits.rate_limit_retry_after=0.5", ("--rate-limit", "5")
    ),
    "limits.max_request_bytes": Case(big_batch, "limits.max_request_bytes=2000"),
    "limits.max_segment": Case(by_full_path, "limits.max_segment=60"),
    "limits.max_request_head": Case(all_in_one_url, "limits.max_request_head=900"),
    "limits.items_limit_on_sum": Case(
        largest_pages, "limits.items_limit_on_sum=true", ("--set", "limits.max_returned_items=100")
    ),
    "capacity.workers": Case(crowd, "capacity.workers=1", _WIDE),
    "capacity.per_request": Case(impatient, "capacity.per_request=2", ("--set", "capacity.workers=1")),
    "capacity.per_event": Case(impatient, "capacity.per_event=0.1", ("--set", "capacity.workers=1")),
    "capacity.per_byte": Case(impatient, "capacity.per_byte=0.001", ("--set", "capacity.workers=1")),
    "capacity.queue": Case(all_at_once, "capacity.queue=2", _BUSY),
    "capacity.retry_after": Case(patient, "capacity.retry_after=0.5", (*_BUSY, "--set", "capacity.queue=2")),
    "live.updates_per_poll": Case(one_poll, "live.updates_per_poll=10"),
    "live.updates_lifetime": Case(late_poll, "live.updates_lifetime=0.05"),
    "live.updates_kept": Case(old_marker, "live.updates_kept=5"),
    "live.one_failed_poll_fails_all": Case(two_polls, "live.one_failed_poll_fails_all=true"),
    "live.register_status": Case(strict, "live.register_status=201"),
    "live.values_per_message": Case(one_message, "live.values_per_message=10", _QUICK),
}
# Settings of these parts that are no limits, or whose naive client stands elsewhere.
OTHERS = {
    "live.discarded": "part of the world: how many live values compression discards",
    "live.poll_seconds": "a pace",
    "live.channel_log": "for tests",
    "live.writer_limit": "test_channels.py",
    "live.slow_reader": "test_channels.py",
    "live.slow_reader_seconds": "test_channels.py",
}


def _hour() -> str:
    return f"startTime={iso(NOW - HOUR)}&endTime={iso(NOW - 1)}"


def _truth(c: Client, place: int) -> list[tuple[Any, ...]]:
    return rows_of_truth(c.sim.world.truth(c.sim.world.tag(place), NOW - HOUR, NOW))


def test_every_fault_and_limit_has_a_naive_client() -> None:
    settings = {
        f"{part}.{each.name}"
        for part, kind in (("limits", Limits), ("capacity", Capacity), ("live", Live))
        for each in fields(kind)
    }
    assert set(CASES) == {*get_args(Kind), *settings} - set(OTHERS)
    assert set(OTHERS) <= settings


async def right(case: Case, c: Client) -> bool:
    """Whether the naive client was right; errors are wrong."""
    try:
        return await case.naive(c)
    except WRONG:
        return False


@asynccontextmanager
async def client(*flags: str) -> AsyncIterator[Client]:
    """A server as the flags describe it, and a client."""
    config = config_from(parser().parse_args([*WORLD, *flags]))
    timeout = aiohttp.ClientTimeout(total=5)
    async with start_simulator(config) as sim, aiohttp.ClientSession(timeout=timeout) as session:
        yield Client(sim, session)


@pytest.mark.parametrize("name", CASES)
async def test_a_naive_client_fails_on_it_by_flag(name: str) -> None:
    case = CASES[name]
    async with client(*case.flags, "--fault" if case.is_fault else "--set", case.switch) as c:
        assert not await right(case, c)


@pytest.mark.parametrize("name", CASES)
async def test_a_naive_client_is_right_until_it_is_switched_on(name: str) -> None:
    """By the control route."""
    case = CASES[name]
    async with client(*case.flags) as c:
        assert await right(case, c)
        await switch_on(case, c)
        assert not await right(case, c)


async def switch_on(case: Case, c: Client) -> None:
    """The same as the flag, over HTTP."""
    if not case.is_fault:
        key, _, value = case.switch.partition("=")
        assert (await c.control("settings", {key: value}))[0] == 200
        return
    kind, _, rest = case.switch.partition(":")
    pairs = (part.partition("=") for part in rest.split(",") if part)
    status, body = await c.control("faults", {"add": [{"kind": kind, **{k: v for k, _, v in pairs}}]})
    assert status == 200, body
