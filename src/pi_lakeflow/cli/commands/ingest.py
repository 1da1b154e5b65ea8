"""``run``, ``backfill`` and ``plan``: the main job, in three moods."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.app.ingest import Prepared, Report, Request, ingest, prepare
from pi_lakeflow.app.source import open_lake, open_source
from pi_lakeflow.cli.interrupts import run_drained
from pi_lakeflow.cli.options import (
    Config,
    Debug,
    Json,
    Lake,
    Since,
    Tags,
    Until,
    Verbose,
    output_of,
    selection_of,
    settings_of,
)
from pi_lakeflow.cli.output import Output
from pi_lakeflow.cli.progress import watched
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.model.span import iso
from pi_lakeflow.settings import Settings

SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(backfill)
    app.command()(plan)


def run(
    context: typer.Context,
    config: Config = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    lake: Lake = None,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only show the plan."),
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Bring each tag up to date. Run it as often as you like: nothing is read twice."""
    output = output_of(context)
    settings = settings_of(output, config, lake__path=lake)
    request = Request("run", selection_of(tag), since, until)
    return _planned(output, settings, request) if dry_run else execute(output, settings, request)


def backfill(
    context: typer.Context,
    since: str = typer.Option(..., "--since", help="Start: ISO 8601 or PI time. Inclusive."),
    config: Config = None,
    tag: Tags = None,
    until: Until = None,
    lake: Lake = None,
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Read any span of any tags. Interrupt it freely: the same command goes on where it stopped."""
    output = output_of(context)
    settings = settings_of(output, config, lake__path=lake)
    return execute(output, settings, Request("backfill", selection_of(tag), since, until))


def plan(
    context: typer.Context,
    config: Config = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    lake: Lake = None,
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Show what `run` would read, and read nothing."""
    output = output_of(context)
    settings = settings_of(output, config, lake__path=lake)
    return _planned(output, settings, Request("plan", selection_of(tag), since, until))


def execute(output: Output, settings: Settings, request: Request) -> int:
    """Ingest with progress, render the report; the exit code."""
    stop, counters = Stop(), Counters()
    work = watched(output, counters, ingest(settings, request, observer=counters, stop=stop))
    report = run_drained(output, stop, work)
    _render(output, settings, report)
    return report.exit_code


def _render(output: Output, settings: Settings, report: Report) -> None:
    fields = {
        k: v for k, v in asdict(report).items() if k not in ("quarantined", "tables", "status", "command")
    }
    for each in report.quarantined:
        output.event(
            "quarantined",
            tag=each.failure.tag.name,
            webid=each.failure.tag.webid,
            status=each.failure.status,
            message=each.failure.message,
        )
    output.end(
        report.exit_code, report.status, command=report.command, quarantined=len(report.quarantined), **fields
    )
    if report.lanes == 0 and not report.quarantined:
        output.text(f"Up to date: {report.tags_selected:,} tags are covered until {iso(report.span_end)}.")
        return
    pace = f"{report.seconds:,.1f} s, {report.rows_per_second:,.0f} rows/s"
    output.text(f"[bold]{report.rows:,} rows[/] of {report.tags:,} tags in {pace}")
    output.text(f"  span      {iso(report.span_start)} to {iso(report.span_end)}")
    output.text(f"  requests  {report.requests:,}, {report.retries:,} of them again")
    output.text(f"  received  {report.wire_bytes / 1e6:,.1f} MB, {report.body_bytes / 1e6:,.1f} MB of JSON")
    output.text(f"  tables    {open_lake(settings).path_of('')} ({report.commits:,} commits)")
    if report.status == "interrupted":
        output.note("Interrupted: what was read is committed. The same command goes on from there.")
    if report.message:
        output.note(report.message)
    if report.quarantined:
        _render_quarantine(output, report)


def _render_quarantine(output: Output, report: Report) -> None:
    output.note(
        f"{len(report.quarantined):,} tags were left behind (see pi_ingest_errors); others are complete:"
    )
    for each in report.quarantined[:SHOWN]:
        output.note(f"  {each.failure.tag.name or each.failure.tag.webid}: {each.failure.message}")
    if len(report.quarantined) > SHOWN:
        output.note(f"  ... and {len(report.quarantined) - SHOWN:,} more")
    output.note("The next run tries them again from where they stopped.")


def _planned(output: Output, settings: Settings, request: Request) -> int:
    prepared = asyncio.run(_prepare(settings, request))
    made = prepared.plan
    output.end(
        0,
        "done",
        command="plan",
        tags=made.tags,
        lanes=len(made.work),
        tag_days=round(made.tag_micros / 86_400e6, 3),
        unresolved=len(prepared.unresolved),
        until=iso(prepared.until),
    )
    if not made.work:
        output.text(f"Nothing to read: {len(prepared.tags):,} tags are covered until {iso(prepared.until)}.")
        return 0
    start = min(item.span.start for item in made.work)
    output.text(f"[bold]{made.tags:,} of {len(prepared.tags):,} tags[/] have something to read")
    output.text(f"  span      {iso(start)} to {iso(prepared.until)}")
    output.text(f"  lanes     {len(made.work):,} ({len(made.joins):,} new)")
    output.text(f"  to read   {made.tag_micros / 86_400e6:,.1f} days of tags")
    for each in prepared.unresolved[:SHOWN]:
        output.note(f"  not found: {each.failure.tag.name}: {each.failure.message}")
    return 1 if prepared.unresolved else 0


async def _prepare(settings: Settings, request: Request) -> Prepared:
    async with open_source(settings) as source:
        prepared, _ = await prepare(settings, request, source, open_lake(settings), "plan")
    return prepared
