"""``stream``: live values into the lake, as a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pi_lakeflow.cli.options import Call, Every, Lake, Tags, command, selection_of
from pi_lakeflow.settings import Settings

if TYPE_CHECKING:
    from pi_lakeflow.app.stream import Following
    from pi_lakeflow.cli.output import Output
    from pi_lakeflow.settings.schema import Streaming

Status = Callable[[], Mapping[str, Any]]
Line = Callable[[Mapping[str, Any]], str]

Port = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", help="Answer /health, /status and /metrics on this port."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stream)


@command
def stream(
    call: Call, tag: Tags = None, lake: Lake = None, port: Port = None, progress_every: Every = 10.0
) -> int:
    """Follow live values into `streaming.pi_timeseries_live`, until it is stopped.

    Channels that break are opened again, and what nobody heard is read from the archive. Ctrl-C or
    SIGTERM: what has arrived is committed first. Start it again, and the gap is filled.

    With `streaming.mode: updates` it follows the archive instead: new, late, edited and deleted
    events reach `pi_timeseries`.
    """
    settings = call.settings(lake__path=lake, streaming__port=None if port is None else str(port))
    if settings.streaming.mode == "updates":
        return follow_archive(call, settings, tag, progress_every)
    return _channels(call, settings, tag, progress_every)


def follow_archive(call: Call, settings: Settings, tag: list[str] | None, every: float) -> int:
    """Mode `updates`: new events and corrections, until somebody stops it."""
    from pi_lakeflow.app.follow import FollowReport, follow
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.engines.embedded import Stop

    output, stop = call.output, Stop()

    async def beside(report: FollowReport) -> None:
        await _watched(output, report.status, _follow_line, settings.streaming, every)

    work = follow(settings, tags=selection_of(tag), stop=stop, beside=beside)
    report = Interrupts(output, stop).run(work)
    now = report.status()
    now.pop("tags")
    output.result("quarantined" if report.failures else "done", run_id=report.run_id, **now)
    output.text(f"{report.tags:,} tags: {_follow_line(now)}")
    for failure in report.failures:
        output.warn(f"{failure.tag.name or failure.tag.webid}: {failure.message}")
    return report.exit_code


def _channels(call: Call, settings: Settings, tag: list[str] | None, every: float) -> int:
    from pi_lakeflow.app.stream import stream as follow
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.engines.embedded import Stop

    output, stop = call.output, Stop()

    async def serve(following: Following) -> None:
        await beside(output, following, settings.streaming, every)

    interrupts = Interrupts(output, stop)
    report = interrupts.run(follow(settings, tags=selection_of(tag), stop=stop, serve=serve))
    summary = report.pulse.summary() if report.pulse is not None else {}
    output.result("quarantined" if report.failures else "done", run_id=report.run_id, **summary)
    output.text(f"{summary.get('written', 0):,} rows of {report.tags:,} tags are in the lake")
    for failure in report.failures:
        output.warn(f"{failure.tag.name or failure.tag.webid}: {failure.message}")
    return report.exit_code


async def beside(output: Output, following: Following, streaming: Streaming, every: float) -> None:
    """What goes on beside a stream of channels: pages for those who watch, and a line now and then."""
    await _watched(output, following.status, _stream_line, streaming, every)


async def _watched(output: Output, status: Status, line: Line, streaming: Streaming, every: float) -> None:
    from pi_lakeflow.engines.metrics import watched

    if streaming.port is None:
        await _lines(output, status, line, every)
    async with watched(status, host=streaming.host, port=streaming.port or 0) as chosen:
        output.note(f"watch it at http://{streaming.host}:{chosen}/health, /status and /metrics")
        output.event("watching", host=streaming.host, port=chosen)
        await _lines(output, status, line, every)


async def _lines(output: Output, status: Status, line: Line, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        now = dict(status())
        now.pop("tags", None)
        output.event("progress", **now)
        if not output.json:
            output.note(", ".join([line(now), *now["problems"]]))


def _stream_line(now: Mapping[str, Any]) -> str:
    lag = now["lag_seconds"]
    parts = [
        f"{now['rows_per_second']:,.0f} rows/s",
        f"{now['written']:,} written",
        f"{now['channels_open']}/{now['channels']} channels",
        *([] if lag is None else [f"lag {lag:,.1f} s"]),
    ]
    return ", ".join(parts)


def _follow_line(now: Mapping[str, Any]) -> str:
    return (
        f"{now['followed']:,} followed, {now['polls']:,} polls, {now['rows']:,} new rows, corrected "
        f"{now['inserted']:,} late, {now['updated']:,} edited, {now['deleted']:,} deleted"
    )
