"""``connector``: the files of a Lakeflow community or custom connector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pi_lakeflow.cli.options import Call, plain_command

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connector)


@plain_command
def connector(call: Call, out: Out = Path("connector"), force: Force = False) -> int:
    """Write the Lakeflow connector: its specification, and the connector as one Python file."""
    from pi_lakeflow.app.deploy.single import build

    files = build(out, overwrite=force)
    call.output.result(folder=str(out), files=files)
    call.output.text(f"Wrote {' and '.join(files)} to {out}.")
    return 0
