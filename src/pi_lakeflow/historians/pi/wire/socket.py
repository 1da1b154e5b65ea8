"""One channel: a WebSocket on which the server tells what is new (PI Web API reference, topic Channels).

    socket = await open_socket(transport, "streamsets/channel", [("webId", id), ...])
    while (text := await socket.receive()) is not None: ...
    socket.ended                                     # why it is over

There is no protocol from us to the server: the URL fixes the streams for the life of the socket.
Pings keep proxies from closing it, and find out when the other side is gone.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp

from pi_lakeflow.flow.gate import Slot
from pi_lakeflow.historians.pi.wire.answers import error_for
from pi_lakeflow.historians.pi.wire.auth import Auth
from pi_lakeflow.historians.pi.wire.connection import Connection
from pi_lakeflow.historians.pi.wire.exchange import Outgoing, open_session
from pi_lakeflow.historians.pi.wire.negotiate import Lanes, Negotiate
from pi_lakeflow.historians.pi.wire.translate import translated

if TYPE_CHECKING:
    from pi_lakeflow.historians.pi.wire.transport import Transport

_GOODBYE = struct.pack("!H", aiohttp.WSCloseCode.OK)
_TEXT = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class Socket:
    """An open channel. It owns its connection, since some authentication belongs to one."""

    def __init__(self, session: aiohttp.ClientSession, channel: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._channel = channel
        self.ended: str | None = None

    async def receive(self) -> bytes | None:
        """The next message; None when the channel is over, then ``ended`` says why."""
        frame = await self._channel.receive()
        if frame.type in _TEXT:
            data = frame.data
            return data.encode() if isinstance(data, str) else bytes(data)
        self.ended = self.ended or self._reason(frame)
        return None

    async def finish(self) -> None:
        """Ask the other side to end. ``receive`` gives what is still under way, then None."""
        self.ended = "closed by us"
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._channel.send_frame(_GOODBYE, aiohttp.WSMsgType.CLOSE)

    async def close(self) -> None:
        """Hang up. May be called twice."""
        self.ended = self.ended or "closed by us"
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._channel.close()
        await self._session.close()

    def _reason(self, frame: aiohttp.WSMessage) -> str:
        if frame.type is aiohttp.WSMsgType.ERROR:
            error = frame.data or self._channel.exception()
            return f"the connection broke ({type(error).__name__})"
        code = self._channel.close_code
        if code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE):
            return "the connection broke"
        return f"the server closed the channel (code {code})"


async def open_socket(
    transport: Transport, out: Outgoing, auth: Auth, *, slot: Slot, ping: timedelta
) -> Socket:
    """Shake hands. Raises what :func:`~.answers.error_for` says for the refusing status."""
    session = open_session(transport.connection, pool_size=1)
    try:
        if isinstance(auth, Negotiate):
            await _authenticate(session, transport.connection, out, auth, slot)
        channel = await _shake(session, out, ping, transport.connection.max_body_bytes)
    except BaseException:
        await session.close()
        raise
    return Socket(session, channel)


async def _shake(
    session: aiohttp.ClientSession, out: Outgoing, ping: timedelta, cap: int
) -> aiohttp.ClientWebSocketResponse:
    with translated(out.subject):
        try:
            return await session.ws_connect(
                out.url, headers=out.headers, heartbeat=ping.total_seconds(), max_msg_size=cap, compress=0
            )
        except aiohttp.WSServerHandshakeError as refused:
            error = error_for(refused.status, refused.headers or {}, b"", subject=out.subject)
            if error is None:
                raise
            raise error from refused


async def _authenticate(
    session: aiohttp.ClientSession, connection: Connection, out: Outgoing, auth: Negotiate, slot: Slot
) -> None:
    """Let an ordinary request carry the legs: they authenticate the connection, which is kept."""
    lane = Lanes(auth, 1, lambda: session)
    url = connection.root / "system"
    answer = await lane.send(
        replace(out, method="GET", url=url, subject=f"GET {url.path}"), wire_cap=1 << 20, slot=slot
    )
    error = error_for(answer.status, answer.headers, answer.body, subject=out.subject)
    if error is not None:
        raise error
    await slot.another()
