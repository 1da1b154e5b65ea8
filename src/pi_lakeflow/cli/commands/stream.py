"""``stream``: live values into the lake, as a service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from pi_lakeflow.cli.options import Call, Every, Lake, Tags, command, selection_of

if TYPE_CHECKING:
    from pi_lakeflow.app.stream import Following
    from pi_lakeflow.cli.output import Output

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
    """
    from pi_lakeflow.app.stream import stream as follow
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.engines.embedded import Stop

    output, stop = call.output, Stop()
    given = None if port is None else str(port)
    settings = call.settings(lake__path=lake, streaming__port=given)

    async def serve(following: Following) -> None:
        await beside(output, following, settings.streaming.host, settings.streaming.port, progress_every)

    interrupts = Interrupts(output, stop)
    report = interrupts.run(follow(settings, tags=selection_of(tag), stop=stop, serve=serve))
    summary = report.pulse.summary() if report.pulse is not None else {}
    output.result("quarantined" if report.failures else "done", run_id=report.run_id, **summary)
    output.text(f"{summary.get('written', 0):,} rows of {report.tags:,} tags are in the lake")
    for failure in report.failures:
        output.warn(f"{failure.tag.name or failure.tag.webid}: {failure.message}")
    return report.exit_code


async def beside(output: Output, following: Following, host: str, port: int | None, every: float) -> None:
    """Pages for those who watch, and a line now and then."""
    from pi_lakeflow.engines.metrics import watched

    if port is None:
        await _lines(output, following, every)
    async with watched(following.status, host=host, port=port or 0) as chosen:
        output.note(f"watch it at http://{host}:{chosen}/health, /status and /metrics")
        output.event("watching", host=host, port=chosen)
        await _lines(output, following, every)


async def _lines(output: Output, following: Following, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        now = following.status()
        now.pop("tags")
        output.event("progress", **now)
        lag = now["lag_seconds"]
        parts = [
            f"{now['rows_per_second']:,.0f} rows/s",
            f"{now['written']:,} written",
            f"{now['channels_open']}/{now['channels']} channels",
            *([] if lag is None else [f"lag {lag:,.1f} s"]),
            *now["problems"],
        ]
        if not output.json:
            output.note(", ".join(parts))
