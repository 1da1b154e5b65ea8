"""How a run goes: a few lines that change on a terminal, one line per interval elsewhere.

``Watch`` is the observer of a run: it counts, tells single events when -v asks for it, and is drawn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.cli import words
from pi_lakeflow.cli.explanations import in_brief
from pi_lakeflow.cli.narration import narrate
from pi_lakeflow.cli.output import Output
from pi_lakeflow.flow.progress import Progress, Stragglers
from pi_lakeflow.model.events import (
    BatchDecoded,
    Committed,
    Event,
    RequestDone,
    RequestRetried,
    RunPlanned,
    UnitRead,
)

T = TypeVar("T")
EVERY = 10.0  # seconds between two lines
_WINDOW = 15.0  # seconds over which the present pace is measured


class Watch:
    """``limit`` is the most requests at once that the settings allow."""

    def __init__(self, output: Output, *, limit: int = 0) -> None:
        self.counters = Counters()
        self.limit = limit
        self.end = 0  # of the run's span, microseconds; 0 while it plans
        self.trouble = ""  # why the last request is tried again
        self._output = output
        self._progress = Progress(1.0, monotonic())  # of a run that is planned
        self._stragglers = Stragglers()
        self._samples: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def __call__(self, event: Event) -> None:
        self.counters(event)
        if isinstance(event, RunPlanned):
            self.end, self.trouble = event.end, ""
            self._progress, self._stragglers = Progress(1.0, monotonic()), Stragglers()
            self._output.event("planned", run_id=event.run_id, tags=event.tags, lanes=event.lanes)
        elif isinstance(event, BatchDecoded | UnitRead | Committed):
            self._progress.reach(self.counters.fraction, monotonic())
        if isinstance(event, UnitRead):
            self._stragglers.read(
                event.lane,
                gained=event.effort,
                left=event.left,
                seconds=event.seconds,
                now=monotonic(),
            )
        if isinstance(event, RequestRetried):
            self.trouble = f"attempt {event.attempt + 1} in {event.wait_seconds:.1f} s, since {event.reason}"
        elif isinstance(event, RequestDone) and event.status < 400:
            self.trouble = ""
        elif isinstance(event, Committed):
            self._output.event("commit", table=event.table, version=event.version, rows=event.rows)
        narrate(self._output, event)

    @property
    def pace(self) -> float:
        """Rows read per second lately."""
        now, rows = monotonic(), self.counters.rows_decoded
        self._samples.append((now, rows))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()
        then, before = self._samples[0]
        return (rows - before) / max(now - then, 1e-3)

    @property
    def left(self) -> float | None:
        """Seconds left at the pace of late, or of the lane that is furthest behind; None when unknown."""
        now = monotonic()
        left = self._progress.left(now) if self.end else None
        return None if left is None else max(left, self._stragglers.left(now))

    @property
    def lag(self) -> float | None:
        """Seconds between the last commit's watermark and the end of the run's span."""
        watermark = self.counters.watermark
        return max(0.0, (self.end - watermark) / 1e6) if self.end and watermark else None

    def fields(self) -> dict[str, object]:
        """For JSON."""
        counted = self.counters
        return {
            "fraction": round(counted.fraction, 4) if self.end else 0.0,
            "rows": counted.rows,
            "rows_read": counted.rows_decoded,
            "rows_per_second": round(self.pace),
            "tags": counted.tags,
            "tags_done": counted.tags_done,
            "requests": counted.requests,
            "limit": round(counted.limit, 1),
            "retries": counted.retries,
            "quarantined": counted.quarantined,
            "lag_seconds": self.lag,
            "seconds_left": self.left,
            "seconds": round(counted.seconds, 1),
            "time": {name: round(spent, 1) for name, spent in counted.time.split().shares_of().items()},
        }


def line(watch: Watch) -> str:
    """Where a run is, in one line."""
    counted = watch.counters
    if not watch.end:
        return f"{words.clock(counted.seconds)}  {_planning(watch)}"
    parts = [
        words.clock(counted.seconds),
        f"{counted.fraction:4.0%}",
        f"{counted.rows:,} rows committed",
        f"{watch.pace:,.0f} rows/s",
        f"{counted.tags_done:,} of {counted.tags:,} tags",
        f"{_allowed(watch)} requests at once",
        f"lag {_or_dash(watch.lag)}",
        f"{counted.retries:,} retries",
        f"{counted.quarantined:,} quarantined",
        f"{'-' if watch.left is None else words.clock(watch.left)} left",
        f"mostly {in_brief(counted.time.split(), 1)}",
    ]
    return "  ".join(parts)


def panel(watch: Watch) -> RenderableType:
    """The same for a terminal: a bar, and aligned numbers below it."""
    counted = watch.counters
    if not watch.end:
        return Text.assemble(
            (f"{words.clock(counted.seconds)}  ", "dim"), _planning(watch), overflow="ellipsis"
        )
    top = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=counted.fraction, width=40)
    left = "" if watch.left is None else f"{words.clock(watch.left)} left"
    top.add_row(f"{counted.fraction:4.0%}", bar, f"{words.clock(counted.seconds)}", left)
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(justify="right", no_wrap=True, min_width=12)
    grid.add_row("rows", f"{counted.rows:,}", "rows/s", f"{watch.pace:,.0f}", "lag", _or_dash(watch.lag))
    done = f"{counted.tags_done:,} of {counted.tags:,}"
    grid.add_row("tags", done, "at once", _allowed(watch), "retries", f"{counted.retries:,}")
    waiting = f"{max(0, counted.rows_decoded - counted.rows):,}"
    grid.add_row(
        "to commit", waiting, "requests", f"{counted.requests:,}", "quarantined", f"{counted.quarantined:,}"
    )
    trouble = (
        [Text(watch.trouble, style="yellow", overflow="ellipsis", no_wrap=True)] if watch.trouble else []
    )
    brief = in_brief(counted.time.split())
    spent = Text.assemble(("time  ", "dim"), brief, overflow="ellipsis", no_wrap=True)
    return Group(top, grid, spent, *trouble)


async def watched(output: Output, watch: Watch, work: Coroutine[Any, Any, T], *, every: float = EVERY) -> T:
    """Await ``work`` and show how it goes, with a line every ``every`` seconds where lines are shown."""
    task = asyncio.ensure_future(work)
    show = _on_terminal(output, watch) if output.err.is_terminal else _in_lines(output, watch, every)
    watcher = asyncio.ensure_future(show)
    try:
        return await task
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _on_terminal(output: Output, watch: Watch) -> None:
    with Live(console=output.err, auto_refresh=False, transient=True) as live:
        while True:
            live.update(panel(watch), refresh=True)
            await asyncio.sleep(0.2)


async def _in_lines(output: Output, watch: Watch, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        if output.json:
            output.event("progress", **watch.fields())
        else:
            output.note(line(watch))


def _planning(watch: Watch) -> str:
    return watch.trouble or f"asking the server ({words.things(watch.counters.requests, 'request')})"


def _allowed(watch: Watch) -> str:
    """How many requests the server bears at the moment, of those that the settings allow."""
    now = min(round(watch.counters.limit), watch.limit) or watch.limit
    return f"{now} of {watch.limit}"


def _or_dash(seconds: float | None) -> str:
    return "-" if seconds is None else words.duration(seconds)
