"""The synchronous client: its verbs, its life, threads and forked processes."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp import web
from tests.wire.served import served

from pi_lakeflow import aio
from pi_lakeflow.errors import Refused
from pi_lakeflow.historians.pi.wire.client import PIWebAPIClient, failed_children


async def plant(request: web.Request) -> web.Response:
    """Streams answer their own name, lists have pages of three, batches echo, the rest is 404."""
    path = request.path.removeprefix("/piwebapi/")
    if path.startswith("streams/"):
        return web.json_response({"Name": path.split("/")[1], "User": request.headers.get("Authorization")})
    if path == "points":
        start = int(request.query.get("startIndex", 0))
        items = list(range(8))[start : start + 3]
        links = {"Next": str(request.url.with_query(startIndex=start + 3))} if start + 3 < 8 else {}
        return web.json_response({"Items": items, "Links": links})
    if path == "batch":
        asked = await request.json()
        return web.json_response({name: {"Status": 200, "Content": name} for name in asked}, status=207)
    return web.json_response({"Errors": ["No such thing"]}, status=404)


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    """The root of the plant, served by a thread with a loop of its own."""
    server, ready, stop = aio.LoopThread("plant"), threading.Event(), asyncio.Event()
    found: list[str] = []

    async def serve() -> None:
        async with served(plant) as url:
            found.append(url)
            ready.set()
            await stop.wait()

    async def finish() -> None:
        stop.set()

    thread = threading.Thread(target=lambda: server.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    server.run(finish())
    thread.join(10)
    server.close()


def test_the_verbs(root: str) -> None:
    with PIWebAPIClient(root, auth=("user", "password")) as client:
        answer = client.get("/streams/I1DP/value", {"time": None})
        assert answer["Name"] == "I1DP"
        assert answer["User"].startswith("Basic ")
        assert [page["Items"] for page in client.pages("/points")] == [[0, 1, 2], [3, 4, 5], [6, 7]]
        assert list(client.items("/points")) == list(range(8))
        result = client.batch({"b": {"Resource": "x"}, "a": {"Resource": "y"}})
        assert list(result) == ["b", "a"]
        assert failed_children(result) == {}
        with pytest.raises(Refused, match="No such thing"):
            client.get("/nothing")
        assert client.run(client.aio.get("streams/x/value"))["Name"] == "x"
        assert client.post("batch", {"z": {}}) == {"z": {"Status": 200, "Content": "z"}}


def test_from_many_threads_at_once(root: str) -> None:
    with PIWebAPIClient(root, max_in_flight=3) as client, ThreadPoolExecutor(12) as pool:
        names = list(pool.map(lambda n: client.get(f"/streams/{n}/value")["Name"], range(60)))
        assert client.aio.transport.gate.peak <= 3
    assert names == [str(n) for n in range(60)]


def test_a_closed_client_opens_again_and_a_forgotten_one_is_cleaned_up(root: str) -> None:
    client = PIWebAPIClient(root)
    client.get("/streams/x/value")
    client.close()
    client.close()
    assert client.get("/streams/y/value")["Name"] == "y"
    inner = client.aio
    del client
    gc.collect()
    aio.run(asyncio.sleep(0.05))
    assert not inner._is_open


def test_a_list_that_is_left_in_the_middle(root: str) -> None:
    with PIWebAPIClient(root) as client:
        for page in client.pages("/points"):
            assert page["Items"] == [0, 1, 2]
            break
        gc.collect()
        assert client.get("/streams/x/value")["Name"] == "x"


class RequestsLike:
    """As ``requests.auth.HTTPBasicAuth``."""

    username, password = "user", "password"


def test_credentials_of_requests_are_understood(root: str) -> None:
    with PIWebAPIClient(root, auth=RequestsLike()) as client:
        assert client.get("/streams/x/value")["User"] == "Basic dXNlcjpwYXNzd29yZA=="


def _in_child(root: str, results: Any) -> None:
    with PIWebAPIClient(root) as client:
        results.put(client.get("/streams/child/value")["Name"])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_gets_a_loop_of_its_own(root: str) -> None:
    aio.run(asyncio.sleep(0))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_child, args=(root, results))
    child.start()
    assert results.get(timeout=30) == "child"
    child.join(10)
