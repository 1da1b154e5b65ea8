"""``version``."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import typer

from pi_lakeflow.cli.options import Json, output_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


def version(context: typer.Context, as_json: Json = False) -> None:
    """Say which versions are at work."""
    output = output_of(context)
    found = {name: installed(name) for name in ("pi-lakeflow", "deltalake", "pyarrow", "aiohttp")}
    output.end(0, "done", python=platform.python_version(), **found)
    output.text(f"pi-lakeflow {found['pi-lakeflow']}")
    output.text(
        f"Python {platform.python_version()}, " + ", ".join(f"{k} {v}" for k, v in list(found.items())[1:])
    )
