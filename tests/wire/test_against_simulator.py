"""The client against the simulated PI Web API: manners as the server counts them, and trouble."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pi_lakeflow.errors import AuthRefused, SourceUnavailable, TooLarge
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.auth import OIDC
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.events import Event, LimitChanged, RequestRetried
from pi_lakeflow.simulator import Auth, Capacity, Fault, Limits, SimulatorConfig, start_simulator

QUICK = RetryPolicy(attempts=8, backoff=timedelta(milliseconds=20))


async def values(client: AsyncPIWebAPIClient, number: int) -> list[dict[str, Any]]:
    """The current value of some tag, ``number`` times at once."""
    points = await client.get("dataservers", {"selectedFields": "Items.WebId"})
    server = points["Items"][0]["WebId"]
    found = await client.get(f"dataservers/{server}/points", {"maxCount": 1, "selectedFields": "Items.WebId"})
    path = f"streams/{found['Items'][0]['WebId']}/value"
    return await asyncio.gather(*(client.get(path) for _ in range(number)))


async def test_a_server_with_the_same_rate_limit_never_has_to_refuse() -> None:
    limits = Limits(rate_limit_requests=40, rate_limit_seconds=1.0)
    async with (
        start_simulator(SimulatorConfig(tags=3, limits=limits)) as sim,
        AsyncPIWebAPIClient(sim.url, rate_per_second=40, max_in_flight=16) as client,
    ):
        assert len(await values(client, 90)) == 90
        assert sim.stats.by_status[429] == 0


@pytest.mark.parametrize("allowed", [1, 3])
async def test_never_more_in_flight_than_allowed_as_the_server_sees_it(allowed: int) -> None:
    capacity = Capacity(workers=8, per_request=0.004)
    async with (
        start_simulator(SimulatorConfig(tags=3, capacity=capacity)) as sim,
        AsyncPIWebAPIClient(sim.url, max_in_flight=allowed) as client,
    ):
        await values(client, 40)
        assert sim.stats.peak_parallel <= allowed
        assert sim.stats.connections <= allowed, "connections are kept"


async def test_a_limit_we_do_not_know_of_slows_us_down_and_loses_nothing() -> None:
    seen: list[Event] = []
    limits = Limits(rate_limit_requests=25, rate_limit_seconds=0.5, rate_limit_retry_after=0.5)
    async with (
        start_simulator(SimulatorConfig(tags=3, limits=limits)) as sim,
        AsyncPIWebAPIClient(sim.url, max_in_flight=8, retry=QUICK, observer=seen.append) as client,
    ):
        assert len(await values(client, 80)) == 80
        assert 0 < sim.stats.by_status[429] <= 30, "a pause stops everybody, not one by one"
    assert any(isinstance(event, LimitChanged) and event.reason == "loss" for event in seen)
    assert any(isinstance(event, RequestRetried) for event in seen)


@pytest.mark.parametrize("kind", ["reset", "cut_body", "half_json", "status"])
async def test_trouble_now_and_then_is_ridden_out(kind: Any) -> None:
    faults = (Fault(kind, route="streams/*", probability=0.3),)
    async with (
        start_simulator(SimulatorConfig(tags=3, faults=faults)) as sim,
        AsyncPIWebAPIClient(sim.url, max_in_flight=4, retry=QUICK) as client,
    ):
        got = await values(client, 30)
    assert all("Timestamp" in value for value in got)


@pytest.mark.parametrize("kind", ["html", "redirect", "gzip_bomb"])
async def test_answers_of_somebody_else_are_no_answers(kind: Any) -> None:
    async with (
        start_simulator(SimulatorConfig(tags=1)) as sim,
        AsyncPIWebAPIClient(sim.url, retry=QUICK) as client,
    ):
        sim.faults.add(Fault(kind, size=80_000_000))
        with pytest.raises((SourceUnavailable, TooLarge)):
            await client.get("system")


async def test_each_kind_of_credentials_over_tls() -> None:
    access = Auth(methods=("basic", "bearer"))
    async with start_simulator(SimulatorConfig(tags=1, tls=True, auth=access)) as sim:
        assert sim.ca_file is not None
        good = [("pi", "pi"), OIDC("lakeflow", "secret")]
        for auth in good:
            async with AsyncPIWebAPIClient(sim.url, auth, verify=sim.ca_file) as client:
                assert "ProductTitle" in await client.get("system")
        for auth in (None, ("pi", "wrong"), OIDC("lakeflow", "wrong")):
            async with AsyncPIWebAPIClient(sim.url, auth, verify=sim.ca_file) as client:
                with pytest.raises(AuthRefused):
                    await client.get("system")


async def test_tokens_that_the_server_forgets_are_renewed() -> None:
    access = Auth(methods=("bearer",))
    async with (
        start_simulator(SimulatorConfig(tags=1, auth=access)) as sim,
        AsyncPIWebAPIClient(sim.url, OIDC("lakeflow", "secret")) as client,
    ):
        await client.get("system")
        sim.faults.add(Fault("expire_tokens", count=1))
        for _ in range(3):
            assert "ProductTitle" in await client.get("system")


async def test_a_long_list_comes_whole() -> None:
    async with (
        start_simulator(SimulatorConfig(tags=57)) as sim,
        AsyncPIWebAPIClient(sim.url) as client,
    ):
        servers = await client.get("dataservers")
        path = f"dataservers/{servers['Items'][0]['WebId']}/points"
        names = [item["Name"] async for item in client.items(path, {"maxCount": 10})]
        once = await client.get(path, {"maxCount": 1000})
    assert names == [item["Name"] for item in once["Items"]]
    assert len(set(names)) == len(names) >= 50
