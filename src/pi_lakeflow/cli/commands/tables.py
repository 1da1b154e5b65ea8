"""``tables``: what the lake will hold."""

from __future__ import annotations

import typer

from pi_lakeflow.app.tables import TABLES, ddl
from pi_lakeflow.cli.options import Json, output_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tables)


def tables(
    context: typer.Context,
    name: str | None = typer.Argument(None, help="One table, with its columns."),
    as_ddl: bool = typer.Option(False, "--ddl", help="As CREATE TABLE statements."),
    as_json: Json = False,
) -> int:
    """List the tables, or the columns of one."""
    output = output_of(context)
    chosen = [spec for spec in TABLES if name in (None, spec.name)]
    if not chosen:
        raise typer.BadParameter(
            f"no table is called {name!r}; there are {', '.join(s.name for s in TABLES)}"
        )
    for spec in chosen:
        output.event(
            "table", name=spec.name, key=spec.key, columns=[c.name for c in spec.columns], doc=spec.doc
        )
    if as_ddl:
        output.text("\n\n".join(ddl(spec) for spec in chosen))
    elif name is None:
        output.table([("table", "left"), ("what it holds", "left")], [(s.name, s.doc) for s in chosen])
    else:
        output.table(
            [("column", "left"), ("type", "left"), ("meaning", "left")],
            [(c.name, c.type, c.doc) for c in chosen[0].columns],
        )
    return 0
