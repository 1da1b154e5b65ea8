"""``alarms``: event frames, annotations, limits and notification rules, brought up to date."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Lake, command

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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
    group.callback()(_alone(command(alarms)))
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
