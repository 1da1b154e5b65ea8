"""``alarms``: event frames, annotations, limits and notification rules, brought up to date."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Lake, Since, Until, command, plain_command
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.clock import SystemClock

Again = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Read all event frames from there again, and see which are gone: ISO 8601, or PI time.",
    ),
]
Rules = Annotated[
    bool, typer.Option("--rules", help="Read the notification rules again, however new they are.")
]


Year = Annotated[int | None, typer.Option("--year", metavar="YEAR", help="The year, in `time_zone`.")]
Operators = Annotated[
    int, typer.Option("--operators", min=1, help="Operator positions that share the alarms.")
]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a web page.")]
Engine = Annotated[str, typer.Option("--engine", metavar="ENGINE", help="duckdb or spark.")]
Schema = Annotated[str, typer.Option("--schema", metavar="NAME", help="Schema of the table and the views.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
    group.callback()(_alone(command(alarms)))
    group.command()(report)
    group.command()(sql)
    app.add_typer(group, name="alarms")


def _alone(body: Callable[..., int]) -> Callable[..., int]:
    """The group itself as a command, unless one of its own commands was called."""

    @functools.wraps(body)
    def chosen(context: typer.Context, **given: Any) -> int:
        return 0 if context.invoked_subcommand else body(context, **given)

    return chosen


def alarms(call: Call, since: Again = None, rules: Rules = False, lake: Lake = None) -> int:
    """Bring the alarm tables up to date: event frames, active alarms, limits, notification rules.

    The first time, event frames since `since` of the configuration are read; then what was modified
    or is gone. Run it as often as you like.
    """
    from pi_lakeflow.app.alarms.command import update
    from pi_lakeflow.app.alarms.run import fields
    from pi_lakeflow.cli import reports

    settings = call.settings(lake__path=lake)
    report = asyncio.run(update(settings, since=since, notifications=rules))
    output = call.output
    output.result("quarantined" if report.left_behind else "done", **fields(report))
    output.text(reports.alarms_headline(report))
    if report.rules is not None:
        output.text(words.things(report.rules, "notification rule"))
    reports.left_behind(output, report.left_behind)
    return 1 if report.left_behind else 0


@command
def report(
    call: Call,
    year: Year = None,
    since: Since = None,
    until: Until = None,
    operators: Operators = 1,
    html: Html = None,
    lake: Lake = None,
) -> int:
    """Report on the alarms of a year, or of any span, as ISA-18.2 and EEMUA 191 measure them.

    Asks the lake only, and is over what the lake knows of the span. An alarm counts where it starts.
    Without --year and --since: the last 30 days.
    """
    from pi_lakeflow.app.alarms.performance import measure
    from pi_lakeflow.app.alarms.report import html as page
    from pi_lakeflow.app.source import open_lake
    from pi_lakeflow.cli import alarmreport

    settings, output = call.settings(lake__path=lake), call.output
    now = SystemClock().now()
    span, title = alarmreport.chosen_span(settings, now, year=year, since=since, until=until)
    found = measure(open_lake(settings), span, operators=operators, until=now)
    alarmreport.show(output, found)
    if html is not None:
        html.write_text(page(found, title=title, operators=operators), encoding="utf-8")
        output.note(f"written: {html}")
    return 0


@plain_command
def sql(call: Call, engine: Engine = "duckdb", schema: Schema = "") -> int:
    """The SQL of the report as views over pi_alarm_events, for DuckDB or Spark."""
    from pi_lakeflow.app.alarms.queries import views

    if engine not in ("duckdb", "spark"):
        raise SettingsError(f"no views for {engine!r}", subject="--engine", hint="--engine duckdb, or spark")
    table = f"{schema}.pi_alarm_events" if schema else "pi_alarm_events"
    text = ";\n\n".join(views("spark" if engine == "spark" else "duckdb", table, schema)) + ";"
    call.output.event("sql", engine=engine, text=text)
    call.output.text(text)
    return 0
