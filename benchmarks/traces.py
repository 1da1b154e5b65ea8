"""How the number of requests at once finds what a server bears, and what a bad time does to it.

A server with eight workers; a client that may have 64 requests under way. After two fifths of the time the
server refuses and slows down for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.simulator import Capacity, SimulatorConfig, start_simulator
from pi_lakeflow.simulator.config import Limits

WORKERS, WORK = 8, 0.1  # of the server: seconds of a worker for each request
ALLOWED = 64  # of the client
EVERY = 0.1  # seconds between two samples
TROUBLE = [
    {"kind": "status", "status": 503, "probability": 0.3, "retry_after": 0.5},
    {"kind": "latency", "seconds": 0.5},
]


@dataclass(frozen=True)
class Trace:
    """Samples are (seconds, requests allowed, requests under way); trouble lasts from ``bad`` to ``good``."""

    samples: list[tuple[float, int, int]]
    answers: int
    bad: float
    good: float


def traced(seconds: float) -> Trace:
    """Ask a simulated server for so long."""
    return asyncio.run(_traced(seconds))


async def _traced(seconds: float) -> Trace:
    limits = Limits(rate_limit_requests=0)
    config = SimulatorConfig(tags=10, limits=limits, capacity=Capacity(workers=WORKERS, per_request=WORK))
    bad, good = 0.4 * seconds, 0.6 * seconds
    async with start_simulator(config) as sim:
        retry = RetryPolicy(attempts=20, backoff=timedelta(seconds=0.2))
        async with AsyncPIWebAPIClient(sim.url, max_in_flight=ALLOWED, retry=retry) as client:
            asking = [asyncio.create_task(_ask(client)) for _ in range(2 * ALLOWED)]
            samples = await _sampled(client, sim.url, seconds, {bad: _on, good: _off})
            for task in asking:
                task.cancel()
            answers = sum(each for each in await asyncio.gather(*asking) if each)
    return Trace(samples, answers, bad, good)


async def _ask(client: AsyncPIWebAPIClient) -> int:
    """Ask until cancelled; how many answers came."""
    answers = 0
    with suppress(asyncio.CancelledError):
        while True:
            with suppress(PiLakeflowError):
                await client.get("system")
                answers += 1
    return answers


async def _sampled(
    client: AsyncPIWebAPIClient, url: str, seconds: float, switches: dict[float, Callable[[str], object]]
) -> list[tuple[float, int, int]]:
    loop, gate = asyncio.get_running_loop(), client.transport.gate
    started, samples, due = loop.time(), [], dict(switches)
    while (now := loop.time() - started) < seconds:
        for moment in [each for each in due if each <= now]:
            await due.pop(moment)(url)
        samples.append((round(now, 2), gate.limit, gate.in_flight))
        await asyncio.sleep(EVERY)
    return samples


async def _on(url: str) -> None:
    await _control(url, {"add": TROUBLE})


async def _off(url: str) -> None:
    await _control(url, {"clear": True})


async def _control(url: str, change: dict[str, object]) -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{url.removesuffix('/piwebapi')}/simulator/faults", json=change)
