"""Each limit and each fault, shown by a naive client that fails on it."""

from __future__ import annotations

import asyncio
import gzip
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, iso, simulated

from pi_lakeflow.simulator import Capacity, Fault, Oddities
from pi_lakeflow.simulator.config import Limits


async def test_max_returned_items() -> None:
    async with simulated(limits=Limits(max_returned_items=100)) as c:
        status, body = await c.status(f"/streams/{c.id()}/recorded", maxCount=101)
        text = "Parameter 'maxCount' is greater than the maximum allowed (100)."
        assert (status, body) == (400, {"Errors": [text]})
        assert (await c.status(f"/streams/{c.id()}/recorded", maxCount=100))[0] == 200


async def test_the_limit_on_the_sum_of_a_streamset() -> None:
    limits = Limits(max_returned_items=50, default_max_count=50, items_limit_on_sum=True)
    async with simulated(limits=limits, oddities=Oddities.none()) as c:
        query = [("webId", c.id(n)) for n in range(3)]
        async with c.session.get(c.sim.url + "/streamsets/recorded", params=query) as response:
            assert response.status == 400


@pytest.mark.parametrize("retry_after", [None, 1.5])
async def test_rate_limit_with_and_without_retry_after(retry_after: float | None) -> None:
    limits = Limits(rate_limit_requests=3, rate_limit_seconds=60, rate_limit_retry_after=retry_after)
    async with simulated(limits=limits) as c:
        statuses = [(await c.status("/"))[0] for _ in range(3)]
        assert statuses == [200, 200, 200]
        async with c.session.get(c.sim.url + "/") as response:
            assert response.status == 429
            assert await response.json() == {"Errors": ["Rate limit was reached"]}
            assert response.headers.get("Retry-After") == (None if retry_after is None else "1.5")
        assert c.sim.stats.throttled == 1


async def test_large_bodies_and_long_urls() -> None:
    async with simulated(limits=Limits(max_request_bytes=1000)) as c:
        assert (await c.post("/batch", {"x": "y" * 1000}))[0] == 413
        async with c.session.get(c.sim.url + "/points/" + "x" * 261) as response:
            assert (response.status, response.content_type) == (400, "text/html")
            assert "Invalid URL" in await response.text()
        async with c.session.get(c.sim.url + "/points/multiple?webId=" + "x" * 17_000) as response:
            assert (response.status, response.content_type) == (400, "text/html")


async def test_a_full_queue_is_503() -> None:
    model = Capacity(workers=1, per_request=0.2, queue=0, retry_after=2)
    async with simulated(capacity=model) as c:
        statuses = [status for status, _ in await asyncio.gather(*(c.status("/") for _ in range(4)))]
        assert {200, 503} == set(statuses)


@pytest.mark.parametrize("retry_after", [None, 3])
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503, 504])
async def test_statuses(status: int, retry_after: float | None) -> None:
    """``count`` ends the fault; ``route`` keeps it from others."""
    fault = Fault("status", route="/streams/*", status=status, count=1, retry_after=retry_after)
    async with simulated(faults=(fault,)) as c:
        assert (await c.status("/"))[0] == 200
        async with c.session.get(f"{c.sim.url}/streams/{c.id()}/recorded") as response:
            assert response.status == status
            assert response.headers.get("Retry-After") == (retry_after and str(retry_after))
        assert (await c.status(f"/streams/{c.id()}/recorded"))[0] == 200


@pytest.mark.parametrize("kind", ["reset", "cut_body", "half_json", "html", "stall"])
async def test_what_breaks_a_naive_client(kind: Any) -> None:
    """No answer, half an answer, another answer: none of them is taken for data."""
    async with simulated(faults=(Fault(kind, seconds=1.0),)) as c:
        timeout = aiohttp.ClientTimeout(total=0.3 if kind == "stall" else 5)

        async def read() -> Any:
            async with c.session.get(f"{c.sim.url}/streams/{c.id()}/recorded", timeout=timeout) as response:
                assert response.status == 200
                return await response.json()

        with pytest.raises((aiohttp.ClientError, ValueError, TimeoutError)):
            await read()
        c.sim.faults.clear()
        await c.get("/")


async def test_a_slow_line_brings_the_whole_body() -> None:
    async with simulated() as c:
        whole = await c.get(f"/streams/{c.id()}/recorded")
        number = c.sim.faults.add(Fault("trickle", rate=200_000))
        assert await c.get(f"/streams/{c.id()}/recorded") == whole
        assert c.sim.faults.struck(number) == 1


async def test_redirects_and_latency() -> None:
    async with simulated(faults=(Fault("redirect", location="http://127.0.0.1:9/login"),)) as c:
        async with c.session.get(c.sim.url + "/", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "http://127.0.0.1:9/login")
        c.sim.faults.clear()
        number = c.sim.faults.add(Fault("latency", seconds=0.01))
        await c.get("/")
        assert c.sim.faults.struck(number) == 1


async def test_web_exception_hides_under_200() -> None:
    async with simulated(faults=(Fault("web_exception"),)) as c:
        status, body = await c.status(f"/streams/{c.id()}/recorded")
        assert status == 200
        assert body["WebException"]["StatusCode"] == 500
        assert "Items" in body


async def test_a_gzip_bomb_is_small_until_it_is_opened() -> None:
    async with simulated(faults=(Fault("gzip_bomb", size=20_000_000),)) as c:
        session = aiohttp.ClientSession(auto_decompress=False)
        async with session, session.get(c.sim.url + "/") as response:
            body = await response.read()
        assert len(body) < 100_000
        assert len(gzip.decompress(body)) > 20_000_000


async def test_values_with_errors_are_null() -> None:
    async with simulated(oddities=Oddities.none()) as c:
        c.sim.faults.add(Fault("value_errors", tags=(c.sim.world.tag(0).name,), probability=0.5))
        items = await c.recorded(c.id(0), NOW - HOUR, NOW)
        broken = [item for item in items if "Errors" in item]
        assert 0 < len(broken) < len(items)
        assert all(item["Value"] is None and item["Good"] for item in broken)
        assert not any("Errors" in item for item in await c.recorded(c.id(1), NOW - HOUR, NOW))


@pytest.mark.parametrize(("status", "whole"), [(403, True), (404, True), (410, False), (500, False)])
async def test_failing_tags(status: int, whole: bool) -> None:
    """Alone a tag fails with its status; in a streamset it takes the others with it, or stays alone."""
    async with simulated() as c:
        c.sim.faults.add(Fault("tag_status", status=status, tags=(c.sim.world.tag(1).name,)))
        assert (await c.status(f"/streams/{c.id(1)}/recorded"))[0] == status
        query = [("webId", c.id(0)), ("webId", c.id(1)), ("startTime", iso(NOW - HOUR))]
        async with c.session.get(c.sim.url + "/streamsets/recorded", params=query) as response:
            assert response.status == (status if whole else 200)
            if not whole:
                first, second = (await response.json())["Items"]
                assert "Errors" not in first
                assert second["Errors"]


async def test_old_servers_do_not_say_annotated() -> None:
    async with simulated(faults=(Fault("no_annotated"),)) as c:
        items = await c.recorded(c.id(0), NOW - HOUR, NOW)
        assert all("Annotated" not in item for item in items)


async def test_the_same_seed_strikes_the_same_requests() -> None:
    runs = []
    for _ in range(2):
        async with simulated(faults=(Fault("status", probability=0.5),), fault_seed=5) as c:
            runs.append([(await c.status("/"))[0] for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}
