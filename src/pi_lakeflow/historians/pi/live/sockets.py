"""Many channels that stay open: each is opened again when it breaks, after a jittered wait.

A listener hears of each message, opening and end. ``message`` is awaited before the next one is
read: whoever is slow slows the server down, through TCP, and nothing piles up here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from pi_lakeflow.errors import PiLakeflowError, Refused, SettingsError
from pi_lakeflow.flow.retry import later
from pi_lakeflow.historians.pi.wire.socket import Socket
from pi_lakeflow.historians.pi.wire.transport import Transport

_GOODBYE_SECONDS = 5.0
_log = logging.getLogger("pi_lakeflow.live")


class Listener(Protocol):
    """Who holds channels. ``name`` is that of the channel; times are microseconds since 1970 UTC.

    ``message`` must keep what it was given before it waits for anything.
    """

    async def opened(self, name: str) -> None: ...

    async def message(self, name: str, body: bytes, at: int) -> None: ...

    async def ended(self, name: str, reason: str) -> None: ...

    async def refused(self, name: str, webid: str, error: Refused, /) -> None:
        """The server has no channel for this WebId; the others go on without it."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """``ping``: how often we ask whether the other side is there. ``heartbeat_rate``: after how many of
    its own looks without news the server sends an empty message. ``initial``: whether the first
    message holds the current values. ``backoff`` doubles up to ``longest``. ``streams``: most of them on
    one channel. ``overlap``: how long a channel that another one replaces is kept, which must be
    longer than the server's pause between two looks (not public)."""

    ping: timedelta = timedelta(seconds=20)
    heartbeat_rate: int = 5
    initial: bool = False
    backoff: timedelta = timedelta(seconds=0.5)
    longest: timedelta = timedelta(seconds=30)
    streams: int = 1_000
    overlap: timedelta = timedelta(seconds=3)


@dataclass(slots=True)
class _Held:
    """One channel that is to stay open."""

    name: str
    webids: tuple[str, ...]
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    opened: int = 0
    socket: Socket | None = None
    closing: bool = False
    task: asyncio.Task[None] | None = None


class Sockets:
    """Holds channels by name. Lives on one event loop."""

    def __init__(
        self, transport: Transport, listener: Listener, options: ChannelOptions | None = None
    ) -> None:
        self._transport = transport
        self._listener = listener
        self._options = options or ChannelOptions()
        self._held: dict[str, _Held] = {}
        self.reconnects = 0

    async def open(self, name: str, webids: Sequence[str]) -> None:
        """Hold a channel from now on; returns when it is open for the first time, or let go of meanwhile.

        Raises ``SettingsError`` (credentials, certificate) when it cannot be opened at all; anything
        else is tried again until it works.
        """
        held = self._held[name] = _Held(name, tuple(webids))
        held.task = asyncio.create_task(self._hold(held), name=f"channel {name}")
        ready = asyncio.create_task(held.ready.wait())
        try:
            await asyncio.wait({ready, held.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if held.task.done() and not held.closing:
            del self._held[name]
            held.task.result()

    async def close(self, name: str) -> None:
        """Let go of a channel. What the server has sent on it is with the listener by then."""
        held = self._held.pop(name, None)
        if held is None or held.task is None:
            return
        held.closing = True
        if held.socket is not None:
            await held.socket.finish()
            await asyncio.wait({held.task}, timeout=_GOODBYE_SECONDS)
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)

    async def aclose(self) -> None:
        """Let go of all channels."""
        await asyncio.gather(*(self.close(name) for name in list(self._held)))

    async def failed(self) -> None:
        """Wait for ever, or raise what made a task end that should have gone on."""
        while True:
            tasks = [held.task for held in self._held.values() if held.task is not None]
            done = [task for task in tasks if task.done()]
            for task in done:
                task.result()
            await asyncio.wait(tasks, timeout=1.0) if tasks else await asyncio.sleep(1.0)

    async def _hold(self, held: _Held) -> None:
        while held.webids and not held.closing:
            try:
                socket = await self._transport.socket(
                    "streamsets/channel", params=self._params(held.webids), ping=self._options.ping
                )
            except Refused as error:
                await self._exclude(held, error)
                continue
            except SettingsError:
                if not held.opened:
                    raise
            except PiLakeflowError as error:
                _log.info("channel %s: %s", held.name, error)
            else:
                await self._follow(held, socket)
                self.reconnects += not held.closing
            if not held.closing:
                await self._pause(held)
        held.ready.set()

    async def _follow(self, held: _Held, socket: Socket) -> None:
        """Pass on all messages of an open channel until it ends."""
        try:
            held.opened += 1
            held.socket = socket
            await self._listener.opened(held.name)
            held.ready.set()
            while (body := await socket.receive()) is not None:
                held.failures = 0
                await self._listener.message(held.name, body, time.time_ns() // 1_000)
        finally:
            held.socket = None
            await asyncio.shield(socket.close())
        await self._listener.ended(held.name, socket.ended or "the connection broke")

    async def _pause(self, held: _Held) -> None:
        base, longest = self._options.backoff.total_seconds(), self._options.longest.total_seconds()
        wait = random.uniform(0.0, later(base, held.failures, longest))
        held.failures += 1
        await asyncio.sleep(wait)

    async def _exclude(self, held: _Held, error: Refused) -> None:
        """Find the WebIds that spoil the channel, by halves."""
        bad = await self._spoilers(held.webids, error)
        if not bad:
            await self._pause(held)
            return
        held.webids = tuple(webid for webid in held.webids if webid not in bad)
        for webid, why in bad.items():
            await self._listener.refused(held.name, webid, why)

    async def _spoilers(self, webids: Sequence[str], error: Refused) -> dict[str, Refused]:
        if len(webids) == 1:
            return {webids[0]: error}
        found: dict[str, Refused] = {}
        middle = len(webids) // 2
        for half in (webids[:middle], webids[middle:]):
            try:
                socket = await self._transport.socket("streamsets/channel", params=self._params(half))
            except Refused as refused:
                found |= await self._spoilers(half, refused)
            else:
                await socket.close()
        return found

    def _params(self, webids: Sequence[str]) -> list[tuple[str, str]]:
        params = [("webId", webid) for webid in webids]
        params += [("webIdType", "IDOnly")]
        if self._options.initial:
            params.append(("includeInitialValues", "true"))
        if self._options.heartbeat_rate > 0:
            params.append(("heartbeatRate", str(self._options.heartbeat_rate)))
        return params
