"""Lanes as channels: opens one for each lane and keeps it open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pi_lakeflow.historians.pi.live.packing import packed, room
from pi_lakeflow.historians.pi.live.sockets import Listener, Sockets
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient

_MOST = 400  # streams of one channel, however short their ids
_AT_ONCE = 8  # handshakes


class ChannelFeed:
    """Channels of a server for one listener, by the name of the lane."""

    def __init__(self, client: AsyncPIWebAPIClient, listener: Listener) -> None:
        self._sockets = Sockets(client.transport, listener)

    async def open(self, lanes: Mapping[str, Sequence[str]]) -> None:
        """Open all; returns when each has been open. Raises ``SettingsError`` when we are not let in."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str, webids: Sequence[str]) -> None:
            async with gate:
                await self._sockets.open(name, webids)

        async with asyncio.TaskGroup() as group:
            for name, webids in lanes.items():
                group.create_task(one(name, webids))

    async def watch(self) -> None:
        """Raise what ended a channel for good; else wait for ever."""
        await self._sockets.failed()

    async def close(self) -> None:
        """Hang up everywhere; everything that was sent is with the listener then."""
        await self._sockets.aclose()


def fitting(client: AsyncPIWebAPIClient, webids: Sequence[str]) -> list[Sequence[str]]:
    """Groups of streams that fit one channel each."""
    space = room(client.base_url, client.transport.connection.max_url_length)
    return packed(webids, space, most=_MOST)
