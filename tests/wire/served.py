"""Small real servers on loopback, and transports to them that do not wait between attempts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from pi_lakeflow.flow.gate import Gate
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.auth import Auth
from pi_lakeflow.historians.pi.wire.connection import Connection
from pi_lakeflow.historians.pi.wire.transport import Transport

Conversation = Callable[[asyncio.StreamWriter], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = RetryPolicy(attempts=3, backoff=timedelta(0), longest=timedelta(0))


@asynccontextmanager
async def served(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The root URL of a server that answers every path and method with ``handler``."""
    app = web.Application()

    async def entry(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app.router.add_route("*", "/{path:.*}", entry)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/piwebapi"
    finally:
        await runner.cleanup()


class Script:
    """Answers with each given answer once, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: Callable[[], web.StreamResponse]) -> None:
        self.answers = list(answers)
        self.seen: list[web.Request] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.seen.append(request)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


def answer(
    status: int, body: str | bytes = b'{"ok":true}', kind: str = "application/json", **headers: str
) -> Callable[[], web.StreamResponse]:
    """Headers are given as keywords: ``Retry_After="0"``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body.encode() if isinstance(body, str) else body
    return lambda: web.Response(status=status, body=raw, headers={"Content-Type": kind, **named})


@asynccontextmanager
async def raw_served(
    *conversations: Callable[[asyncio.StreamWriter], None],
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server below HTTP: each connection gets the next conversation (the last one for ever) after
    its request came, and is closed. Yields the root and the requests."""
    left, seen = list(conversations), []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            (left.pop(0) if len(left) > 1 else left[0])(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/piwebapi", seen
    finally:
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def transport(root: str, auth: Auth | None = None, **options: Any) -> AsyncIterator[Transport]:
    """A transport with our usual gate; ``options`` are those of ``Connection``."""
    async with Transport(Connection(root, **options), auth, Gate(4), QUICK) as opened:
        yield opened
