"""Ctrl-C once: finish what is under way and commit it. Twice: stop now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from pi_lakeflow.cli.output import Output
from pi_lakeflow.engines.embedded import Stop

T = TypeVar("T")


def run_drained(output: Output, stop: Stop, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` with the two-step interrupt. Raises ``SystemExit`` with 130 or 143 on the second."""
    return asyncio.run(_guarded(output, stop, work))


async def _guarded(output: Output, stop: Stop, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    struck: list[int] = []

    def strike(number: int) -> None:
        struck.append(number)
        if len(struck) == 1:
            stop.drain()
            output.note("finishing what is under way and committing it; interrupt again to stop at once")
        else:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, strike, number)
    try:
        return await task
    except asyncio.CancelledError:
        if struck:
            raise SystemExit(128 + struck[-1]) from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
