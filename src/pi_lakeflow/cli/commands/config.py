"""``config``: the configuration that is in force, and the keys that there are."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from pi_lakeflow.cli.options import Call, command, plain_command
from pi_lakeflow.settings import explain, schema_doc

SetOnly = Annotated[bool, typer.Option("--set-only", help="Without the keys that have their default.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(rich_markup_mode=None)
    group.callback()(_group)
    group.command()(show)
    group.command()(reference)
    app.add_typer(group, name="config")


def _group() -> None:
    """Show the configuration in force, or all keys that there are."""


@command
def show(call: Call, set_only: SetOnly = False) -> int:
    """Every key with its value and the place that set it; secrets stay hidden."""
    output = call.output
    settings = call.settings()
    rows = [row for row in explain(settings) if not (set_only and row.origin == "default")]
    for row in rows:
        output.event("setting", **row._asdict())
    output.result(file=settings.file, settings=len(rows))
    styled = [(row, "dim" if row.origin == "default" else "") for row in rows]
    output.table(
        ("key", "value…", "from"), [[Text(cell, style=style) for cell in row] for row, style in styled]
    )
    return 0


@plain_command
def reference(call: Call) -> int:
    """All keys with their defaults and meanings, as Markdown."""
    text = schema_doc()
    call.output.event("reference", text=text)
    call.output.text(text)
    return 0
