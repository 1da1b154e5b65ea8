"""``status``: what the lake holds."""

from __future__ import annotations

import typer

from pi_lakeflow.app.status import Status
from pi_lakeflow.app.status import status as lake_status
from pi_lakeflow.cli.options import Config, Debug, Json, Lake, Tags, Verbose, output_of, settings_of
from pi_lakeflow.cli.output import Output
from pi_lakeflow.model.span import iso


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    context: typer.Context,
    config: Config = None,
    tag: Tags = None,
    lake: Lake = None,
    limit: int = typer.Option(10, help="Most tags to list; 0 lists all."),
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Show coverage with its gaps, the last runs and the last errors. Asks the lake only."""
    output = output_of(context)
    found = lake_status(settings_of(output, config, lake__path=lake))
    chosen = [t for t in found.tags if not tag or t.name in tag or t.webid in tag]
    for each in chosen:
        spans = [[iso(span.start), iso(span.end)] for span in each.spans]
        output.event("tag", name=each.name, webid=each.webid, covered=spans, gaps=each.gaps)
    output.end(0, "done", tags=len(found.tags), waiting=found.waiting)
    if not found.tags:
        output.text(f"Nothing is covered yet in {found.path}")
        return 0
    gappy = sum(1 for each in found.tags if each.gaps)
    output.text(f"[bold]{len(found.tags):,} tags[/] in {found.path}")
    output.text(
        f"  all covered until {iso(found.behind or 0)}, {gappy:,} with gaps, {found.waiting:,} waiting\n"
    )
    first = sorted(chosen, key=lambda each: (-each.gaps, each.spans[-1].end, each.name))
    output.table(
        [("tag", "left"), ("covered from", "left"), ("until", "left"), ("gaps", "right")],
        [(t.name, iso(t.spans[0].start), iso(t.spans[-1].end), t.gaps) for t in first[: limit or None]],
    )
    _history(output, found)
    return 0


def _history(output: Output, found: Status) -> None:
    if found.runs:
        output.text("\n[bold]Last runs[/]")
        output.table(
            [
                ("run", "left"),
                ("command", "left"),
                ("status", "left"),
                ("rows", "right"),
                ("requests", "right"),
            ],
            [
                (r["run_id"], r["command"], r["status"], f"{r['rows']:,}", f"{r['requests']:,}")
                for r in found.runs
            ],
        )
    if found.errors:
        output.text("\n[bold]Last errors[/]")
        output.table(
            [("run", "left"), ("tag", "left"), ("message", "left")],
            [(e["run_id"], e["tag_name"], e["message"]) for e in found.errors],
        )
