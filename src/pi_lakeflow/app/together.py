"""``enable_streaming``: live values from now on, history behind them, and coverage that keeps up.

The stream fills the live table from its first second. Meanwhile the archive is read into
``pi_timeseries`` up to the present, and then again and again: so ``pi_coverage`` has one span for each
tag, from ``since`` to a moment ago, and the live table has what came after.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from pi_lakeflow.app.ingest import Report, ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.app.stream import Following, Serve, StreamReport, stream
from pi_lakeflow.app.tidy import Tidying, keep_tidy
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.errors import Unavailable
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.settings.schema import Settings

_TICK = 0.2  # seconds
_LOOK_BACK_EVERY = 3600.0  # seconds between two readings of ``late_data``, which are long


@dataclass(slots=True)
class Together:
    """What both sides did. ``recorded`` adds up all rounds."""

    recorded: Report
    live: StreamReport
    rounds: int = 1

    @property
    def exit_code(self) -> int:
        """0 done, 1 something was left behind."""
        return max(self.recorded.exit_code, self.live.exit_code)


def wanted(settings: Settings, request: Request) -> bool:
    """Whether a run stays: ``enable_streaming``, unless the command names a span of its own."""
    return settings.enable_streaming and request.since is None and request.until is None


async def run_and_stream(
    settings: Settings,
    request: Request | None = None,
    *,
    observer: Observer = ignore,
    stop: Stop | None = None,
    lake: Lake | None = None,
    live_lake: Lake | None = None,
    serve: Serve | None = None,
) -> Together:
    """Both, until ``stop`` drains. Raises what either of them raises at its start.

    Later, a server that is away is waited for.
    """
    request, stop = request or Request(), stop or Stop()
    opened = asyncio.Event()

    async def beside(following: Following) -> None:
        opened.set()
        if serve is not None:
            await serve(following)

    live = asyncio.create_task(
        stream(settings, tags=request.tags, observer=observer, stop=stop, lake=live_lake, serve=beside)
    )
    recorded = asyncio.create_task(_rounds(settings, request, observer, stop, lake, opened))
    tidy = asyncio.create_task(keep_tidy(settings, lake or open_lake(settings), Tidying()))
    try:
        await asyncio.wait({live, recorded}, return_when=asyncio.FIRST_EXCEPTION)
        for task in (live, recorded):
            if task.done():
                task.result()
        report, rounds = await recorded
        return Together(report, await live, rounds)
    finally:
        for each in (live, recorded, tidy):
            each.cancel()
        await asyncio.gather(live, recorded, tidy, return_exceptions=True)


async def _rounds(
    settings: Settings,
    request: Request,
    observer: Observer,
    stop: Stop,
    lake: Lake | None,
    opened: asyncio.Event,
) -> tuple[Report, int]:
    """Read what is missing, until the stop drains. The first round begins once the channels are opening."""
    await opened.wait()
    total = await ingest(settings, request, observer=observer, stop=stop, lake=lake)
    rounds, looked = 1, monotonic()
    while not stop.draining:
        await _pause(settings.streaming.flush_interval.total_seconds(), stop)
        if stop.draining:
            break
        look_back = monotonic() - looked >= _LOOK_BACK_EVERY
        with suppress(Unavailable):  # the stream tells of it, and the next round tries again
            latest = await ingest(
                settings, request, observer=observer, stop=stop, lake=lake, look_back=look_back
            )
            total.add(latest)
            rounds, looked = rounds + 1, monotonic() if look_back else looked
    total.status = "done" if total.status == "interrupted" else total.status
    return total, rounds


async def _pause(seconds: float, stop: Stop) -> None:
    for _ in range(int(seconds / _TICK) + 1):
        if stop.draining:
            return
        await asyncio.sleep(_TICK)
