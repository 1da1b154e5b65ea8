"""``optimize``: fewer, larger files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Lake, command
from pi_lakeflow.errors import SettingsError

Tables = Annotated[
    list[str] | None, typer.Option("--table", metavar="NAME", help="Only this table; may be repeated.")
]
Target = Annotated[int, typer.Option("--target-mb", metavar="MB", min=1, help="Size that files should have.")]
Cluster = Annotated[
    bool,
    typer.Option("--cluster", help="Order events by tag and time (z-order): for queries of few tags."),
]
Keep = Annotated[
    str,
    typer.Option("--keep", metavar="DURATION", help="Remove unused files older than this; all: keep them."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(optimize)


@command
def optimize(
    call: Call,
    table: Tables = None,
    lake: Lake = None,
    target_mb: Target = 128,
    cluster: Cluster = False,
    keep: Keep = "7d",
) -> int:
    """Join small files into large ones, and remove those that no version needs.

    Many small files make every query slow. Runs may go on meanwhile; rows and progress stay as
    they are. Old versions of the tables can be read for as long as their files are kept.
    """
    from pi_lakeflow.app.optimize import optimize_lake
    from pi_lakeflow.settings.durations import parse_duration

    output = call.output
    settings = call.settings(lake__path=lake)
    try:
        kept = None if keep == "all" else parse_duration(keep)
    except ValueError as error:
        raise SettingsError(
            str(error), subject="--keep", hint="write a duration such as 7d, or all"
        ) from error
    rows = []
    for done in optimize_lake(
        settings, table or (), target_bytes=target_mb << 20, cluster=cluster, keep=kept
    ):
        output.event("optimized", **asdict(done))
        files = f"{done.files_before:,} > {done.files_after:,}"
        rows.append((done.table, files, words.size(done.bytes_after), f"{done.removed:,}"))
    output.result(tables=len(rows))
    if rows:
        output.table(("table", "files", "size", "removed"), rows)
    else:
        output.text("There are no tables yet")
    return 0
