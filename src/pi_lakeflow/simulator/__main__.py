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

from pi_lakeflow.simulator.config import SimulatorConfig
from pi_lakeflow.simulator.launch import Missing, serve
from pi_lakeflow.simulator.texts import PRESETS, config_of

SHORTHANDS = {
    "capacity": "capacity",
    "rate_limit": "limits.rate_limit_requests",
    "release": "version",
    "web_id_type": "web_id_type",
    "answer_cache": "answer_cache_bytes",
}
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments and serve."""
    options = parser()
    try:
        config = config_from(options.parse_args(arguments))
    except ValueError as error:
        options.error(str(error))
    keep_memory()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_until_stopped(config))
    except Missing as error:
        options.error(str(error))


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
    """The configuration that the options describe; :class:`ValueError` says what does not fit."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    short = {key: given.pop(name) for name, key in SHORTHANDS.items() if name in given}
    return config_of(shorthands=short, **given)


def parser() -> argparse.ArgumentParser:
    """The options; their names are those of the configuration's fields."""
    found = argparse.ArgumentParser(prog="python -m pi_lakeflow.simulator", description=__doc__)
    add = found.add_argument
    add("--tags", type=int, default=100, help="points on the first data server")
    add("--seed", type=int, default=1)
    add("--density", type=float, default=1.0, help="events per minute of an ordinary tag")
    add("--uniform", action="store_true", help="plain decimals at exactly that pace")
    add("--plain", action="store_true", help="no oddities")
    add("--now", help="hold the clock at this time (ISO 8601 with offset)")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 = any free one")
    add("--tls", action="store_true", help="with a certificate of its own making")
    add("--auth", action="append", choices=["basic", "bearer", "kerberos", "negotiate", "anonymous"])
    add("--user", action="append", dest="users", metavar="NAME:PASSWORD")
    add("--capacity", choices=sorted(PRESETS), help="be no stronger than such a server")
    add("--rate-limit", type=int, help="requests per second and client; 0 = none")
    add("--release", help="of PI Web API: 2017 R2, 2018 SP1, 2021 SP3, 2023, or a number")
    add("--web-id-type")
    add("--answer-cache", type=int, help="bytes of whole answers to keep; wants --now")
    add("--fault", action="append", dest="faults", metavar="KIND:FIELD=VALUE,...")
    add("--set", action="append", dest="changes", metavar="KEY=VALUE", help="any other setting")
    return found


if __name__ == "__main__":
    main()
