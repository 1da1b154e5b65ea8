"""``version``."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import typer

from pi_lakeflow.cli.options import Call, plain_command

_PARTS = ("deltalake", "pyarrow", "aiohttp", "msgspec")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


@plain_command
def version(call: Call) -> int:
    """Say which versions are at work."""
    found = {name: installed(name) for name in _PARTS}
    output, ours = call.output, installed("pi-lakeflow")
    output.result(version=ours, python=platform.python_version(), system=platform.platform(), **found)
    output.text(f"pi-lakeflow {ours}")
    output.facts(("Python", f"{platform.python_version()} on {platform.platform()}"), *found.items())
    return 0
