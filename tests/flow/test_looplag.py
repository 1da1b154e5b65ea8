"""The watch over the event loop sees what blocks it, and nothing else."""

from __future__ import annotations

import asyncio
import time

from pi_lakeflow.flow.looplag import ALLOWED, LoopLag


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_a_callback_that_computes_is_seen() -> None:
    async with LoopLag() as lag:
        await asyncio.sleep(0.03)
        busy(3 * ALLOWED)
        await asyncio.sleep(0.03)
    assert lag.longest >= 2 * ALLOWED
    assert lag.over == 1


async def test_work_in_threads_and_waiting_are_not() -> None:
    async with LoopLag() as lag:
        await asyncio.to_thread(time.sleep, 3 * ALLOWED)
    assert lag.over == 0
