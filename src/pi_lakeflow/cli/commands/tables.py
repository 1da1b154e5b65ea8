"""``tables``: what the lake holds, or will hold."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from pi_lakeflow.cli.options import Call, plain_command

Name = Annotated[str | None, typer.Argument(metavar="TABLE", help="One table, with its columns.")]
Ddl = Annotated[bool, typer.Option("--ddl", help="As CREATE TABLE statements.")]
Schema = Annotated[
    str, typer.Option("--schema", metavar="NAME", help="Schema, or catalog.schema, in the statements.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tables)


@plain_command
def tables(call: Call, name: Name = None, as_ddl: Ddl = False, schema: Schema = "bronze") -> int:
    """List the tables, or the columns of one."""
    from pi_lakeflow.app.tables import all_tables, ddl, sql_type, table_named

    output = call.output
    chosen = all_tables() if name is None else (table_named(name),)
    for spec in chosen:
        columns = [{"name": c.name, "type": sql_type(c.type), "doc": c.doc} for c in spec.columns]
        key, partition = list(spec.key), list(spec.partition_by)
        output.event("table", name=spec.name, doc=spec.doc, key=key, partition_by=partition, columns=columns)
    output.result(tables=len(chosen))
    if as_ddl:
        output.text("\n\n".join(ddl(spec, schema) for spec in chosen))
    elif name is None:
        listed = [(Text(s.name, style="bold"), str(s.grain), ", ".join(s.key), s.doc) for s in chosen]
        output.table(("table", "grain", "key…", "what it holds…"), listed)
    else:
        spec = chosen[0]
        output.text(spec.doc)
        output.facts(
            ("key", ", ".join(spec.key)),
            ("partitions", ", ".join(spec.partition_by) or "none"),
            ("source", spec.source or "-"),
        )
        output.text()
        rows = [(c.name, sql_type(c.type), "" if c.nullable else "not null", c.doc) for c in spec.columns]
        output.table(("column", "type", "", "meaning…"), rows)
    return 0
