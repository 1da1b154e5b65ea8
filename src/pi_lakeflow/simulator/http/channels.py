"""Channels: WebSockets on which a server tells what is new (PI Web API reference, topic Channels)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from pi_lakeflow.simulator.faults import Fault
from pi_lakeflow.simulator.world.tags import TagDef

from .feed import Batch, Feed, Printer
from .sentlog import Sent, SentLog

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

    from .call import Call
    from .streams import Stream

HEARTBEAT = b'{"Links":{},"Items":[]}'
How = Literal["close", "abort"]
_FAULTS = ("channel_stall", "channel_reorder", "channel_duplicate", "channel_drop")


@dataclass(slots=True)
class Channel:
    """One open socket."""

    number: int
    path: str
    tags: Sequence[TagDef]
    feed: Feed
    printer: Printer
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    started: int
    loop: asyncio.AbstractEventLoop
    last_sent: int = 0
    messages: int = 0
    values: int = 0
    skipped: int = 0
    held: list[tuple[bytes, Batch]] = field(default_factory=list)

    async def end(self, how: How, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Hang up: with a close frame, or without a word."""
        if how == "abort":
            if self.transport is not None:
                self.transport.abort()
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.socket.close(code=code, drain=False)


class Channels:
    """All open channels of one server, and the log of what they sent."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._open: dict[int, Channel] = {}
        self._count = 0
        self.log = SentLog(sim.world, sim.config.live.channel_log)

    def instances(self) -> list[Channel]:
        """The open ones, oldest first."""
        return list(self._open.values())

    @property
    def opened(self) -> int:
        """How many were ever opened."""
        return self._count

    async def serve(
        self, call: Call, request: web.BaseRequest, streams: Sequence[Stream], tags: Sequence[TagDef]
    ) -> web.WebSocketResponse:
        """Run one channel until either side hangs up."""
        live = self._sim.config.live
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 16, writer_limit=live.writer_limit)
        await socket.prepare(request)
        self._count += 1
        channel = Channel(
            number=self._count,
            path=call.path,
            tags=tags,
            feed=Feed(self._sim.world, tags),
            printer=Printer(call, streams, live.values_per_message),
            socket=socket,
            transport=request.transport,
            started=self._sim.world.clock.now(),
            loop=asyncio.get_running_loop(),
        )
        await self._run(channel, call)
        return socket

    async def _run(self, channel: Channel, call: Call) -> None:
        stop = self._sim.world.archive.subscribe(channel.feed.hear)
        self.log.opened(channel.number, channel.tags)
        self._open[channel.number] = channel
        initial = call.flag("includeInitialValues")
        teller = asyncio.create_task(
            self._tell(channel, initial=initial, heartbeat=call.integer("heartbeatRate", 0, least=-1 << 31))
        )
        try:
            async for _ in channel.socket:
                pass  # there is no client protocol: whatever comes is ignored
        finally:
            teller.cancel()
            stop()
            del self._open[channel.number]
            await asyncio.gather(teller, return_exceptions=True)

    def end(self, how: How = "close", count: int | None = None) -> int:
        """Hang up on the oldest ``count`` channels (None: all); any thread may call this."""
        chosen = self.instances()[:count]
        for channel in chosen:
            asyncio.run_coroutine_threadsafe(channel.end(how), channel.loop)
        return len(chosen)

    async def _tell(self, channel: Channel, *, initial: bool, heartbeat: int) -> None:
        live = self._sim.config.live
        quiet = 0
        with contextlib.suppress(ClientConnectionResetError, ConnectionError, RuntimeError):
            if initial:
                for text, part in channel.printer.messages(channel.feed.current()):
                    await self._send(channel, text, part)
            while True:
                await asyncio.sleep(live.poll_seconds)
                batch = channel.feed.look()
                quiet = 0 if len(batch) else quiet + 1
                await self._send_all(channel, channel.printer.messages(batch))
                if heartbeat > 0 and quiet >= heartbeat:
                    quiet = 0
                    await channel.socket.send_frame(HEARTBEAT, WSMsgType.TEXT)

    async def _send_all(self, channel: Channel, messages: list[tuple[bytes, Batch]]) -> None:
        if channel.held and messages:
            messages, channel.held = [*messages, *channel.held], []
        for text, part in messages:
            again = 1
            for fault in self._sim.faults.strike(channel.path, _FAULTS):
                if fault.kind == "channel_reorder":
                    channel.held.append(channel.printer.messages(_reversed(part))[0])
                    again = 0
                elif fault.kind == "channel_duplicate":
                    again += bool(again)
                else:
                    await _trouble(channel, fault)
            for _ in range(again):
                await self._send(channel, text, part)

    async def _send(self, channel: Channel, text: bytes, part: Batch) -> None:
        live = self._sim.config.live
        before = time.monotonic()
        if channel.socket.closed or channel.transport is None or channel.transport.is_closing():
            raise ClientConnectionResetError("the other side is gone")
        self.log.add(Sent(channel.number, time.time_ns(), part))
        await channel.socket.send_frame(text, WSMsgType.TEXT)
        channel.messages += 1
        channel.values += len(part)
        channel.last_sent = self._sim.world.clock.now()
        self._sim.stats.events += len(part)
        self._sim.stats.bytes += len(text)
        slow = time.monotonic() - before > live.slow_reader_seconds
        if slow and live.slow_reader == "close":
            await channel.end("close", WSCloseCode.TRY_AGAIN_LATER)
        elif slow and live.slow_reader == "skip":
            channel.skipped += len(channel.feed.look())


async def _trouble(channel: Channel, fault: Fault) -> None:
    if fault.kind == "channel_stall":
        await asyncio.sleep(fault.seconds)
        return
    await channel.end("abort" if fault.message == "abort" else "close")
    raise ClientConnectionResetError("dropped on purpose")


def _reversed(part: Batch) -> Batch:
    """The events of each stream from the newest to the oldest."""
    order = np.lexsort((-np.arange(len(part)), part.streams))
    return part.take(order)
