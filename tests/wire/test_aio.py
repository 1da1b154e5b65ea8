"""Sync code on a private loop: in scripts, in notebooks, in threads; and the sync client on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from tests.wire.served import served

from pi_lakeflow import aio
from pi_lakeflow.errors import Internal
from pi_lakeflow.historians.pi.wire.client import PIWebAPIClient


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_without_a_loop() -> None:
    assert aio.run(double(2)) == 4


async def test_inside_a_running_loop_as_in_a_notebook() -> None:
    assert asyncio.get_running_loop() is not None
    assert aio.run(double(3)) == 6


def test_all_threads_share_one_loop() -> None:
    async def where() -> int:
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: aio.run(where()), range(20)))) == 1


def test_exceptions_come_through() -> None:
    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        aio.run(fail())


def test_a_call_on_the_private_loop_itself_is_an_error_and_no_deadlock() -> None:
    async def inner() -> int:
        return aio.run(double(1))

    with pytest.raises(Internal, match="await instead"):
        aio.run(inner())


def test_an_interrupted_caller_cancels_the_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must not leave requests running."""
    started, cancelled = threading.Event(), threading.Event()

    async def endless() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupted(_future: object, timeout: float | None = None) -> None:
        started.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        aio.run(endless())
    assert cancelled.wait(30)


def test_a_loop_of_ones_own_ends_and_cancels_what_runs() -> None:
    own = aio.LoopThread("test loop")
    cancelled = threading.Event()
    started = threading.Event()

    async def endless() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    assert own.run(double(1)) == 2
    own.spawn(endless())
    assert started.wait(30)
    own.close()
    assert cancelled.is_set()
    assert not any(thread.name == "test loop" for thread in threading.enumerate())


def test_spawn_on_a_loop_that_never_ran_starts_none() -> None:
    own = aio.LoopThread("idle loop")
    own.spawn(double(1))
    assert not any(thread.name == "idle loop" for thread in threading.enumerate())


@pytest.fixture
def root() -> Iterator[str]:
    """A paged list, served from another thread."""

    async def handler(request: web.Request) -> web.Response:
        start = int(request.query.get("startIndex", 0))
        return web.json_response({"Items": list(range(5))[start : start + 2]})

    thread = aio.LoopThread("server")
    stack = AsyncExitStack()
    try:
        yield thread.run(stack.enter_async_context(served(handler)))
    finally:
        thread.run(stack.aclose())
        thread.close()


def test_the_sync_client_in_a_script(root: str) -> None:
    with PIWebAPIClient(root) as client:
        assert client.get("points", {"startIndex": 4}) == {"Items": [4]}
        assert list(client.items("points", {"maxCount": 2})) == [0, 1, 2, 3, 4]
        assert len(next(client.pages("points", {"maxCount": 2}))["Items"]) == 2


async def test_the_sync_client_in_a_notebook_and_in_threads(root: str) -> None:
    with PIWebAPIClient(root) as client:
        assert client.get("points") == {"Items": [0, 1]}
        got = await asyncio.gather(*(asyncio.to_thread(client.get, "points") for _ in range(8)))
    assert got == [{"Items": [0, 1]}] * 8


def test_a_forgotten_client_closes_by_itself(root: str) -> None:
    """Without a ResourceWarning, which would fail this test."""
    client = PIWebAPIClient(root)
    assert client.get("points")
    inner = client.aio
    del client
    aio.run(asyncio.sleep(0.05))
    assert inner.transport.connection.base_url == root
