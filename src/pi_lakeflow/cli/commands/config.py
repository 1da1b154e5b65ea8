"""``config show``: every value, and where it comes from."""

from __future__ import annotations

import typer

from pi_lakeflow.cli.options import Config, Debug, Json, output_of, settings_of
from pi_lakeflow.settings import explain


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="The configuration.", rich_markup_mode=None)
    group.callback()(_group)
    group.command()(show)
    app.add_typer(group, name="config")


def _group() -> None:
    """The configuration."""


def show(context: typer.Context, config: Config = None, as_json: Json = False, debug: Debug = False) -> None:
    """Every key with its value and the place that set it; secrets stay hidden."""
    output = output_of(context)
    settings = settings_of(output, config)
    rows = explain(settings)
    for row in rows:
        output.event("setting", **row._asdict())
    output.table([(name, "left") for name in ("key", "value", "origin")], rows)
    output.end(0, "done")
