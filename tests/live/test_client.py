"""``PIWebSocketClient``: subscriptions over many sockets, nothing lost when they change or break."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pi_lakeflow import PIWebSocketClient
from pi_lakeflow.errors import AuthRefused, Refused
from pi_lakeflow.historians.pi.live.sockets import ChannelOptions
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import (
    Auth,
    Fault,
    FixedClock,
    Live,
    NewEvent,
    Oddities,
    Simulator,
    SimulatorConfig,
    start_simulator,
)

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
MINUTE = 60_000_000
QUICK = ChannelOptions(backoff=timedelta(milliseconds=20), overlap=timedelta(milliseconds=100))


def config(**changes: Any) -> SimulatorConfig:
    start = datetime(2026, 3, 20, tzinfo=UTC)
    usual = {
        "tags": 30,
        "clock": FixedClock(NOW),
        "start": start,
        "twins": 0,
        "live": Live(poll_seconds=0.02),
    }
    return SimulatorConfig(**{**usual, **changes})


class Heard:
    """Remembers what callbacks were given."""

    def __init__(self) -> None:
        self.values: list[tuple[str, int, Any]] = []

    def __call__(self, tag: str, data: dict[str, Any]) -> None:
        text = data["value_text"] if data["value"] is None else data["value"]
        self.values.append((tag, to_micros(data["timestamp"]), text))


@asynccontextmanager
async def listening(
    sim: Simulator, channels: ChannelOptions = QUICK, **options: Any
) -> AsyncIterator[PIWebSocketClient]:
    """A connected client that listens; it must end without an error."""
    client = PIWebSocketClient(sim.url, data_server="PISRV01", options=channels, **options)
    await client.connect()
    task = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        await client.disconnect()
        await asyncio.wait_for(task, 10)


def sent(sim: Simulator) -> Counter[tuple[str, int, Any]]:
    table = sim.channels.log.table()
    values = [
        text if value is None else value
        for value, text in zip(table["value"].to_pylist(), table["value_text"].to_pylist(), strict=True)
    ]
    times = table["timestamp"].cast("int64").to_pylist()
    return Counter(zip(table["tag_name"].to_pylist(), times, values, strict=True))


async def until(true: Callable[[], object]) -> None:
    """Wait for something that is bound to happen."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def advance(sim: Simulator, minutes: float) -> None:
    """Let time pass, and the server look."""
    sim.world.clock.advance(int(minutes * MINUTE))
    await asyncio.sleep(0.1)


async def test_every_value_of_every_message_reaches_the_callback() -> None:
    """Odd values of an odd world, on as many sockets as short URLs need."""
    async with start_simulator(config()) as sim:
        heard = Heard()
        names = [tag.name for tag in sim.world.tags()]
        async with listening(sim, channels=replace(QUICK, streams=7)) as client:
            await client.subscribe_to_multiple_tags([f"name:{name}" for name in names], heard)
            assert len(sim.channels.instances()) > 3
            for _ in range(5):
                await advance(sim, 7)
        got = Counter((tag.removeprefix("name:"), *rest) for tag, *rest in heard.values)
        assert got == sent(sim)
        assert len(got) > 100


async def test_changed_subscriptions_lose_and_double_nothing() -> None:
    """Streams that stay hear each value once while others come and go."""
    kinds = Oddities.none(digital_tags=0.2, string_tags=0.2)
    async with start_simulator(config(tags=12, oddities=kinds)) as sim:
        heard = Heard()
        tags = list(sim.world.tags())
        stays = [sim.world.webid(tag) for tag in tags[:3]]
        async with listening(sim) as client:
            await client.subscribe_to_tags(stays, heard)
            for tag in tags[3:9]:
                sim.world.clock.advance(5 * MINUTE)
                await client.subscribe_to_tag(sim.world.webid(tag), lambda *_: None)
            for _ in range(30):
                await advance(sim, 1)
            assert len(sim.channels.instances()) == 1
            await client.unsubscribe(*(sim.world.webid(tag) for tag in tags[3:9]))
            for _ in range(30):
                await advance(sim, 1)
            assert len(sim.channels.instances()) == 1
            assert len(sim.channels.instances()[0].tags) == 3
            assert set(client.subscriptions) == set(stays)
        told = Counter(tag for tag, *_ in heard.values)
        for tag in tags[:3]:
            webid = sim.world.webid(tag)
            events = sim.world.truth(tag, NOW + 1, sim.world.clock.now() // 10 + 1)
            mine = Counter(moment for t, moment, _ in heard.values if t == webid)
            wanted = Counter(events["timestamp"].cast("int64").to_pylist())
            assert not wanted - mine
            assert told[webid] == len({(m, v) for t, m, v in heard.values if t == webid})


async def test_coroutine_callbacks_are_awaited_and_slow_ones_slow_the_server() -> None:
    async with start_simulator(config(tags=5, oddities=Oddities.none())) as sim:
        heard = Heard()

        async def slow(tag: str, data: dict[str, Any]) -> None:
            await asyncio.sleep(0.001)
            heard(tag, data)

        async with listening(sim) as client:
            await client.subscribe_to_multiple_tags([sim.world.webid(t) for t in sim.world.tags()], slow)
            await advance(sim, 30)
        assert sum(sent(sim).values()) == len(heard.values)


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_broken_channels_are_opened_again_and_the_gap_is_told(how: str) -> None:
    async with start_simulator(config(tags=5)) as sim:
        heard = Heard()
        ids = [sim.world.webid(tag) for tag in sim.world.tags()]
        async with listening(sim) as client:
            await client.subscribe_to_multiple_tags(ids, heard)
            sim.channels.end(how)
            await until(lambda: sim.channels.opened == 2 and len(client.gaps) == 1)
            assert not heard.values
            await advance(sim, 30)
            await until(lambda: heard.values)
            assert client.reconnects == 1
            assert [gap.tags for gap in client.gaps] == [tuple(ids)]


async def test_an_expired_token_is_renewed_for_the_next_channel() -> None:
    async with start_simulator(config(tags=3, auth=Auth(methods=("bearer",)))) as sim:
        auth = {"type": "oidc", "client_id": "lakeflow", "client_secret": "secret"}
        heard = Heard()
        async with listening(sim, auth=auth) as client:
            await client.subscribe_to_multiple_tags([sim.world.webid(t) for t in sim.world.tags()], heard)
            sim.gatekeeper.expire_tokens()
            sim.channels.end("abort")
            await until(lambda: sim.channels.opened == 2)
            await advance(sim, 30)
        assert heard.values


async def test_kerberos_like_authentication_of_a_connection() -> None:
    async with start_simulator(config(tags=3, auth=Auth(methods=("negotiate",)))) as sim:
        heard = Heard()
        auth = {"type": "negotiate", "username": "PLANT\\pi", "password": "pi"}
        async with listening(sim, auth=auth) as client:
            await client.subscribe_to_multiple_tags([sim.world.webid(t) for t in sim.world.tags()], heard)
            await advance(sim, 30)
        assert heard.values


async def test_errors_come_out_where_they_belong() -> None:
    """Wrong credentials at connect, an unknown tag at subscribe, a callback's exception at listen."""
    async with start_simulator(config(tags=3, auth=Auth(methods=("basic",)))) as sim:
        with pytest.raises(AuthRefused):
            async with PIWebSocketClient(sim.url, "pi", "wrong"):
                pass
        client = PIWebSocketClient(sim.url, "pi", "pi", data_server="PISRV01")
        await client.connect()
        with pytest.raises(Refused, match="not found"):
            await client.subscribe_to_tag("NO.SUCH.TAG", lambda *_: None)
        assert client.subscriptions == ()

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        await client.subscribe_to_tag(sim.world.tag(0).name, fails)
        task = asyncio.create_task(client.listen())
        sim.world.clock.advance(30 * MINUTE)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 5)
        await client.disconnect()


async def test_a_stream_that_the_server_refuses_does_not_spoil_the_others() -> None:
    """Found by halves; the rest of its channel goes on."""
    async with start_simulator(config(tags=9)) as sim:
        bad = sim.world.tag(4)
        heard = Heard()
        async with listening(sim) as client:
            sim.faults.add(Fault("tag_status", status=404, tags=(bad.name,), route="/streamsets/channel"))
            ids = [sim.world.webid(tag) for tag in sim.world.tags()]
            await client.subscribe_to_multiple_tags(ids, heard)
            await advance(sim, 30)
            assert list(client.failures) == [sim.world.webid(bad)]
        assert {tag for tag, *_ in heard.values} == set(ids) - {sim.world.webid(bad)}


async def test_duplicates_that_are_legal_stay_two() -> None:
    async with start_simulator(config(tags=3)) as sim:
        heard = Heard()
        async with listening(sim) as client:
            await client.subscribe_to_tag(sim.world.webid(sim.world.tag(0)), heard)
            sim.world.late_events(
                sim.world.tag(0), [NewEvent(NOW - MINUTE, 1.5), NewEvent(NOW - MINUTE, 1.5)]
            )
            await asyncio.sleep(0.1)
        assert [value for *_, value in heard.values] == [1.5, 1.5]
