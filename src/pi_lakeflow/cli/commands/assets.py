"""``assets``: the asset model, as tables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Lake, command
from pi_lakeflow.cli.output import Output

if TYPE_CHECKING:
    from pi_lakeflow.app.assets import AssetsReport

Tables = Annotated[
    list[str] | None, typer.Option("--table", metavar="TABLE", help="Only this table. Repeatable.")
]
_STYLES = {"failed": "red", "written": "green", "absent": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(assets)


@command
def assets(call: Call, table: Tables = None, lake: Lake = None) -> int:
    """Read the asset model: elements, attributes with their tags, templates, points ...

    About forty tables, each replaced by what the server has now; what is unchanged is not written
    again, and a table that could not be read whole stays as it is. `pi-lakeflow tables` lists them.
    """
    from pi_lakeflow.app.assets import read_assets
    from pi_lakeflow.cli.progress import Watch, watched

    output = call.output
    settings = call.settings(lake__path=lake)
    watch = Watch(output)
    report = asyncio.run(watched(output, watch, read_assets(settings, tuple(table or ()), watch)))
    _events(output, report)
    _show(output, report)
    return 1 if report.failed else 0


def _events(output: Output, report: AssetsReport) -> None:
    for each in report.tables:
        output.event(
            "table",
            name=each.name,
            status=each.status,
            rows=each.rows,
            inserted=each.inserted,
            updated=each.updated,
            deleted=each.deleted,
            error=str(each.error) if each.error else None,
        )
    output.result(
        run_id=report.run_id,
        tables=len(report.tables),
        failed=len(report.failed),
        rows=sum(each.rows for each in report.tables),
        changed=sum(each.inserted + each.updated + each.deleted for each in report.tables),
        requests=report.requests,
        retries=report.retries,
        seconds=round(report.seconds, 3),
    )


def _show(output: Output, report: AssetsReport) -> None:
    rows = []
    for each in report.tables:
        changes = [f"{count:,}" if count else "" for count in (each.inserted, each.updated, each.deleted)]
        what = Text(str(each.error) if each.error else each.status, style=_STYLES.get(each.status, "dim"))
        rows.append((each.name, f"{each.rows:,}", *changes, what))
    output.table(("table", ">rows", ">new", ">changed", ">gone", "what happened…"), rows)
    output.note(
        f"{words.things(report.requests, 'request')} in {words.duration(report.seconds)}"
        + (f", {words.things(len(report.failed), 'table')} left as they were" if report.failed else "")
    )
