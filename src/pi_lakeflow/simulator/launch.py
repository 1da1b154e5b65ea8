"""Starting a simulator: in this event loop, in a thread, or for ever."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from .config import SimulatorConfig
from .http.front import Front
from .simulator import Simulator

_LINE = 1 << 20  # the simulator judges long requests itself


class Missing(RuntimeError):
    """A package that an option needs is not installed."""


def need(package: str, what: str) -> None:
    """Raise :class:`Missing` when ``package`` is not there."""
    if find_spec(package) is None:
        raise Missing(f"{what} needs the package {package}, which is part of pi-lakeflow[simulator]")


@asynccontextmanager
async def start_simulator(config: SimulatorConfig | None = None) -> AsyncIterator[Simulator]:
    """A listening simulator; it stops at the end of the block."""
    config = config or SimulatorConfig()
    if "negotiate" in config.auth.methods:
        need("spnego", "Negotiate")
    sim = Simulator(config)
    server = web.Server(
        Front(sim).handle,
        request_factory=_request,
        max_line_size=_LINE,
        max_field_size=_LINE,
        access_log=None,
        keepalive_timeout=120,
    )
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    try:
        tls = _tls(sim) if config.tls else None
        site = web.TCPSite(runner, config.host, config.port, ssl_context=tls, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        sim.url = f"{'https' if tls else 'http'}://{config.host}:{port}{config.base_path}"
        yield sim
    finally:
        await runner.cleanup()
        sim.close()


@contextmanager
def run_in_thread(config: SimulatorConfig | None = None) -> Iterator[Simulator]:
    """A listening simulator with an event loop of its own, for code that has none."""
    ready = threading.Event()
    box: list[Simulator | BaseException] = []
    stop: list[Callable[[], object]] = []

    async def main() -> None:
        async with start_simulator(config) as sim:
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(done.set))
            box.append(sim)
            ready.set()
            await done.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
            box.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    ready.wait()
    if isinstance(box[0], BaseException):
        raise box[0]
    try:
        yield box[0]
    finally:
        stop[0]()
        thread.join(10)


async def serve(config: SimulatorConfig, *, announce: Callable[[str], None] = print) -> None:
    """Run until cancelled. ``announce`` gets one line of JSON with the URL first."""
    async with start_simulator(config) as sim:
        line = {"url": sim.url, "ca_file": str(sim.ca_file) if sim.ca_file else None, "tags": config.tags}
        announce(json.dumps(line))
        await asyncio.Event().wait()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Requests without the library's own limit of their size."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=0)


def _tls(sim: Simulator) -> ssl.SSLContext:
    need("cryptography", "TLS")
    from .tls import make_certificate

    context, sim.ca_file = make_certificate(sim.config.host)
    return context
