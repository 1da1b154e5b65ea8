"""One HTTP exchange on aiohttp: send, read under a cap, inflate. The only module that sends.

Bodies are read raw (``auto_decompress=False``) and inflated in one go, off the event loop when they
are large. Redirects are never followed here: the transport decides about them.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from pi_lakeflow.errors import TooLarge
from pi_lakeflow.flow.gate import Slot
from pi_lakeflow.historians.pi.wire.connection import Connection
from pi_lakeflow.historians.pi.wire.inflate import inflate, too_large
from pi_lakeflow.historians.pi.wire.links import for_logs
from pi_lakeflow.historians.pi.wire.translate import translated

THREAD_ABOVE = 32 * 1024  # compressed bytes: about 256 KB of JSON, half a millisecond


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its body inflated. ``headers`` ignores case. ``elapsed_s`` runs from sending to
    the inflated body, ``first_byte_s`` to its headers, ``inflate_s`` is the last part of it;
    ``wire_bytes`` is what was received, ``url_for_logs`` has no query."""

    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)
    elapsed_s: float
    wire_bytes: int
    url_for_logs: str
    first_byte_s: float = 0.0
    inflate_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request, ready to be sent. ``subject`` names it in errors; ``cap`` bounds the plain body."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    cap: int
    subject: str


def open_session(connection: Connection, *, pool_size: int) -> aiohttp.ClientSession:
    """A session with our limits. No cookies, no proxies or credentials from the environment."""
    secure = connection.root.scheme == "https" or connection.proxy is not None
    ssl: Any = connection.ssl_context() if secure else True
    connector = _Connector(limit=pool_size, ssl=ssl, socket_factory=_keepalive_socket, keepalive_timeout=60.0)
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(
            total=connection.total_timeout.total_seconds(),
            sock_connect=connection.connect_timeout.total_seconds(),
            sock_read=connection.read_timeout.total_seconds(),
        ),
        headers=_standing_headers(connection),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        proxy=connection.proxy,
        read_bufsize=1 << 18,
        trace_configs=[_tell_when_sent()],
    )
    # aiohttp sends a GET again by itself when the connection breaks, past the gate and its rate.
    # There is no public switch; a test counts what a server sees.
    session._retry_connection = False  # noqa: SLF001 (see above)
    return session


class _Connector(aiohttp.TCPConnector):
    """Remembers the server's certificate (DER) of the connection that it handed out last."""

    certificate: bytes | None = None

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        connection = await super().connect(*args, **kwargs)
        transport = connection.transport
        secure = transport.get_extra_info("ssl_object") if transport is not None else None
        self.certificate = secure.getpeercert(binary_form=True) if secure is not None else None
        return connection


def certificate_of(lane: aiohttp.ClientSession) -> bytes | None:
    """The server's certificate (DER) on the one connection of this session; None without TLS."""
    return lane.connector.certificate if isinstance(lane.connector, _Connector) else None


def _standing_headers(connection: Connection) -> dict[str, str]:
    return {
        "User-Agent": connection.user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip" if connection.compression else "identity",
    }


def _keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    """Idle connections through proxies hang for ever unless the kernel probes them."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return made


def _tell_when_sent() -> aiohttp.TraceConfig:
    async def sent(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        slot = context.trace_request_ctx
        if isinstance(slot, Slot):
            slot.sent()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    return trace


async def exchange(
    session: aiohttp.ClientSession, out: Outgoing, *, wire_cap: int, slot: Slot | None = None
) -> Response:
    """Send one request and read its whole answer, whatever its status.

    Raises ``Transient``, ``TooLarge``, ``TlsRefused``, ``SourceUnavailable``.
    """
    started = time.monotonic()
    with translated(out.subject):
        async with session.request(
            out.method,
            out.url,
            headers=out.headers,
            data=out.body,
            allow_redirects=False,
            trace_request_ctx=slot,
        ) as answer:
            began = time.monotonic()
            raw = await _read(answer, wire_cap, out.subject)
    received = time.monotonic()
    encoding = answer.headers.get("Content-Encoding", "")
    if len(raw) > THREAD_ABOVE and encoding:
        body = await asyncio.to_thread(inflate, raw, encoding, cap=out.cap, subject=out.subject)
    else:
        body = inflate(raw, encoding, cap=out.cap, subject=out.subject)
    ended = time.monotonic()
    return Response(
        answer.status,
        answer.headers,
        body,
        ended - started,
        len(raw),
        for_logs(out.url),
        began - started,
        ended - received,
    )


async def _read(answer: aiohttp.ClientResponse, cap: int, subject: str) -> bytes:
    if answer.content_length is not None and answer.content_length > cap:
        raise _over(answer, cap, subject)
    parts: list[bytes] = []
    size = 0
    while part := await answer.content.readany():
        size += len(part)
        if size > cap:
            raise _over(answer, cap, subject)
        parts.append(part)
    return b"".join(parts)


def _over(answer: aiohttp.ClientResponse, cap: int, subject: str) -> TooLarge:
    answer.close()  # the rest is not read: the connection cannot be used again
    return too_large(cap, subject)
