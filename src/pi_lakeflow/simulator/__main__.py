"""``python -m pi_lakeflow.simulator --tags 1000 --port 0 --seed 7``: a simulator as a process.

The first line on standard output is a JSON object with the URL. It runs until interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import signal
import sys
from dataclasses import replace
from datetime import datetime

from pi_lakeflow.simulator.config import Auth, Capacity, Limits, SimulatorConfig
from pi_lakeflow.simulator.launch import serve
from pi_lakeflow.simulator.world import FixedClock, Oddities
from pi_lakeflow.simulator.world.ticks import MICRO, from_datetime

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_PRESETS = {"laptop": Capacity.laptop, "plant": Capacity.plant, "enterprise": Capacity.enterprise}


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments and serve."""
    config = config_from(_parser().parse_args(arguments))
    keep_memory()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_stopped(config))


def keep_memory() -> None:
    """Let the C library keep freed memory: bodies of megabytes come and go, and fresh pages are slow.

    glibc only (mallopt(3)); elsewhere nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        mallopt(_M_ARENA_MAX, 1)


async def _until_stopped(config: SimulatorConfig) -> None:
    task = asyncio.ensure_future(serve(config, announce=_announce))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def config_from(options: argparse.Namespace) -> SimulatorConfig:
    """The configuration that the options describe."""
    now = from_datetime(datetime.fromisoformat(options.now)) // MICRO if options.now else None
    config = SimulatorConfig(
        seed=options.seed,
        tags=options.tags,
        density=options.density,
        uniform=options.uniform,
        oddities=Oddities.none() if options.plain else Oddities(),
        clock=FixedClock(now) if now is not None else None,
        host=options.host,
        port=options.port,
        tls=options.tls,
        web_id_type=options.web_id_type,
        answer_cache_bytes=options.answer_cache,
        capacity=_PRESETS[options.capacity]() if options.capacity else Capacity(),
        auth=_auth(options.auth),
    )
    if options.rate_limit is not None:
        config = replace(config, limits=Limits(rate_limit_requests=options.rate_limit))
    return config


def _auth(methods: list[str] | None) -> Auth:
    return Auth(methods=tuple(methods)) if methods else Auth()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pi_lakeflow.simulator", description=__doc__)
    add = parser.add_argument
    add("--tags", type=int, default=100, help="points on the first data server")
    add("--seed", type=int, default=1)
    add("--density", type=float, default=1.0, help="events per minute of an ordinary tag")
    add("--uniform", action="store_true", help="plain decimals at exactly that pace")
    add("--plain", action="store_true", help="no oddities")
    add("--now", help="hold the clock at this time (ISO 8601 with offset)")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 = any free one")
    add("--tls", action="store_true", help="with a certificate of its own making")
    add("--web-id-type", default="Full")
    add("--capacity", choices=sorted(_PRESETS))
    add("--rate-limit", type=int, help="requests per second and client; 0 = none")
    add("--answer-cache", type=int, default=0, help="bytes of whole answers to keep; wants --now")
    add("--auth", action="append", choices=["basic", "bearer", "negotiate", "anonymous"])
    return parser


if __name__ == "__main__":
    main()
