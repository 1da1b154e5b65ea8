"""``run``, ``backfill`` and ``plan``: the main job, in three moods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from pi_lakeflow.cli.options import Call, Every, Lake, Since, Tags, Until, command, selection_of
from pi_lakeflow.settings import Settings

if TYPE_CHECKING:
    from pi_lakeflow.app.prepare import Request

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, and read nothing.")]
From = Annotated[str, typer.Option("--since", metavar="TIME", help="Start, inclusive: ISO 8601, or PI time.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(backfill)
    app.command()(plan)


@command
def run(
    call: Call,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    lake: Lake = None,
    dry_run: DryRun = False,
    progress_every: Every = 10.0,
) -> int:
    """Bring each tag up to date. Run it as often as you like: nothing is read twice.

    Tags that were never read start at `since` of the configuration. With --since, exactly the
    span from there is covered.
    """
    settings = call.settings(lake__path=lake)
    if dry_run:
        return _plan(call, settings, tag, since, until)
    return _ingest(call, settings, "run", tag, since, until, progress_every)


@command
def backfill(
    call: Call,
    since: From,
    tag: Tags = None,
    until: Until = None,
    lake: Lake = None,
    progress_every: Every = 10.0,
) -> int:
    """Read any span of any tags. Interrupt it freely: the same command goes on where it stopped.

    What is covered already is not read again. For a year or more, write absolute times, so that
    the command means the same span when it is repeated.
    """
    return _ingest(call, call.settings(lake__path=lake), "backfill", tag, since, until, progress_every)


@command
def plan(call: Call, tag: Tags = None, since: Since = None, until: Until = None, lake: Lake = None) -> int:
    """Show what `run` would read, and read nothing."""
    return _plan(call, call.settings(lake__path=lake), tag, since, until)


def _ingest(
    call: Call,
    settings: Settings,
    kind: str,
    tag: list[str] | None,
    since: str | None,
    until: str | None,
    every: float,
) -> int:
    from pi_lakeflow.app.ingest import ingest
    from pi_lakeflow.app.prepare import Request
    from pi_lakeflow.app.source import open_lake
    from pi_lakeflow.app.together import wanted
    from pi_lakeflow.cli import reports
    from pi_lakeflow.cli.commands.stream import follow_archive
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.cli.progress import Watch, watched
    from pi_lakeflow.engines.embedded import Stop

    output, stop = call.output, Stop()
    watch = Watch(output, limit=settings.performance.max_in_flight)
    interrupts = Interrupts(output, stop)
    request = Request(kind, selection_of(tag), since, until)
    if kind == "run" and wanted(settings, request):
        if settings.streaming.mode == "updates":
            return follow_archive(call, settings, tag, every)
        return _together(call, settings, request, every)
    work = ingest(settings, request, observer=watch, stop=stop)
    report = interrupts.run(watched(output, watch, work, every=every))
    output.result(report.status, **reports.fields(report))
    reports.show(output, report, open_lake(settings).path_of("").rstrip("/"))
    return interrupts.code if report.status == "interrupted" else report.exit_code


def _together(call: Call, settings: Settings, request: Request, every: float) -> int:
    """`enable_streaming`: live values and history at once, until somebody stops it."""
    from pi_lakeflow.app.source import open_lake
    from pi_lakeflow.app.stream import Following
    from pi_lakeflow.app.together import run_and_stream
    from pi_lakeflow.cli import reports
    from pi_lakeflow.cli.commands.stream import beside
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.engines.embedded import Stop

    output, stop = call.output, Stop()

    async def serve(following: Following) -> None:
        await beside(output, following, settings.streaming, every)

    both = Interrupts(output, stop).run(run_and_stream(settings, request, stop=stop, serve=serve))
    live = both.live.pulse.summary() if both.live.pulse is not None else {}
    output.result(both.recorded.status, **reports.fields(both.recorded), live=live)
    reports.show(output, both.recorded, open_lake(settings).path_of("").rstrip("/"))
    output.text(f"Live: {live.get('written', 0):,} rows")
    return both.exit_code


def _plan(call: Call, settings: Settings, tag: list[str] | None, since: str | None, until: str | None) -> int:
    from pi_lakeflow.app.prepare import Prepared, Request, prepare
    from pi_lakeflow.app.source import open_lake, open_source
    from pi_lakeflow.cli.plans import show
    from pi_lakeflow.cli.progress import Watch, watched

    watch = Watch(call.output)

    async def prepared() -> Prepared:
        async with open_source(settings, watch) as source:
            request = Request("plan", selection_of(tag), since, until)
            return (await prepare(settings, request, source, open_lake(settings), "plan"))[0]

    made = asyncio.run(watched(call.output, watch, prepared()))
    show(call.output, made)
    return 1 if made.unresolved else 0
