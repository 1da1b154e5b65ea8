"""Live progress of a run: one line that changes on a terminal, one line per interval elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from rich.live import Live
from rich.text import Text

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.cli.output import Output

T = TypeVar("T")
INTERVAL = 10.0


def line(counters: Counters) -> str:
    """Where a run is, in one line."""
    seconds = max(counters.seconds, 1e-9)
    parts = [
        f"{counters.fraction:4.0%}",
        f"{counters.rows:,} rows",
        f"{counters.rows / seconds:,.0f} rows/s",
        f"{counters.tags_done:,}/{counters.tags:,} tags",
        f"{counters.requests:,} requests",
        f"limit {counters.limit:.0f}",
        f"{counters.retries:,} retries",
        f"{counters.quarantined:,} quarantined",
        f"ETA {eta(counters)}",
    ]
    return "  ".join(parts)


def eta(counters: Counters) -> str:
    """Time left at the pace so far, ``-`` before there is one."""
    if not 0 < counters.fraction < 1:
        return "-"
    left = int(counters.seconds * (1 - counters.fraction) / counters.fraction)
    return f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"


async def watched(output: Output, counters: Counters, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` and show how it goes."""
    task = asyncio.ensure_future(work)
    show = _on_terminal if output.err.is_terminal and not output.json else _in_lines
    watcher = asyncio.ensure_future(show(output, counters))
    try:
        return await task
    finally:
        task.cancel()
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _on_terminal(output: Output, counters: Counters) -> None:
    with Live(console=output.err, refresh_per_second=4, transient=True) as live:
        while True:
            live.update(Text(line(counters)))
            await asyncio.sleep(0.25)


async def _in_lines(output: Output, counters: Counters) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        if output.json:
            output.event(
                "progress",
                fraction=round(counters.fraction, 4),
                rows=counters.rows,
                requests=counters.requests,
                retries=counters.retries,
                quarantined=counters.quarantined,
                seconds=round(counters.seconds, 1),
            )
        else:
            output.note(line(counters))
