"""Registering and polling many streams, with a server that loses some or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.updates.poller import UpdatePoller
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import (
    FixedClock,
    Live,
    NewEvent,
    Oddities,
    Simulator,
    SimulatorConfig,
    start_simulator,
)

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3_600_000_000


@asynccontextmanager
async def polled(**more: Any) -> AsyncIterator[tuple[Simulator, UpdatePoller, list[str]]]:
    values: dict[str, Any] = {"tags": 250, "twins": 0, "oddities": Oddities.none(), "clock": FixedClock(NOW)}
    async with start_simulator(SimulatorConfig(**(values | more))) as sim:
        client = AsyncPIWebAPIClient(sim.url, retry=RetryPolicy(attempts=1))
        async with client:
            await client.get("system")
            webids = [sim.world.webid(tag) for tag in sim.world.tags()]
            yield sim, UpdatePoller(client.transport), webids


async def test_many_streams_are_registered_and_polled() -> None:
    """More than fit a request; what happens to one is told for one."""
    async with polled() as (sim, poller, webids):
        found = await poller.register(webids)
        assert found.markers.keys() == set(webids)
        assert (await poller.poll(found.markers)).changes == {}
        sim.world.late_events(sim.world.tag(7), [NewEvent(NOW - HOUR, 1.0)])
        news = await poller.poll(found.markers)
        assert list(news.changes) == [webids[7]]
        assert [(c.action, c.at) for c in news.changes[webids[7]]] == [("insert", NOW - HOUR)]
        assert news.markers.keys() == set(webids)
        assert (await poller.poll(news.markers)).changes == {}


@pytest.mark.parametrize("fails_all", [False, True])
async def test_unknown_markers_are_lost_and_others_are_heard(*, fails_all: bool) -> None:
    """Whether the server fails the item or the whole call for one unknown marker."""
    live = Live(one_failed_poll_fails_all=fails_all)
    async with polled(live=live) as (_sim, poller, webids):
        markers = (await poller.register(webids)).markers
        markers[webids[3]] = "0" * 32 + "_0"
        news = await poller.poll(markers)
        assert webids[3] in news.lost
        assert len(news.lost) < 20
        assert news.lost.keys() | news.markers.keys() == set(webids)


async def test_after_a_restart_everything_is_lost_with_few_requests() -> None:
    async with polled() as (sim, poller, webids):
        markers = (await poller.register(webids)).markers
        sim.updates.clear()
        before = sim.stats.requests
        news = await poller.poll(markers)
        assert news.lost.keys() == set(webids)
        assert sim.stats.requests - before < 60


async def test_unknown_streams_are_refused_and_others_are_registered() -> None:
    async with polled(tags=20) as (sim, poller, webids):
        sim.world.delete_tag(sim.world.tag(4))
        found = await poller.register(webids)
        assert found.refused.keys() == {webids[4]}
        assert len(found.markers) == 19


async def test_a_server_without_updates_is_a_clear_error() -> None:
    async with polled(tags=5, version="2017 R2") as (_sim, poller, webids):
        with pytest.raises(SettingsError, match="no Stream Updates"):
            await poller.register(webids)
