"""The alarm report on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from pi_lakeflow.cli import words
from pi_lakeflow.cli.output import Output
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import Span, from_micros, iso, to_micros
from pi_lakeflow.settings import Settings
from pi_lakeflow.settings.times import parse_time

if TYPE_CHECKING:
    from pi_lakeflow.app.alarms.performance import Figure, Performance


def chosen_span(
    settings: Settings, now: int, *, year: int | None, since: str | None, until: str | None
) -> tuple[Span, str]:
    """The span of a report and its title. Raises ``SettingsError`` for options that contradict."""
    if year is not None:
        if since or until:
            raise SettingsError(
                "a year is a span already", subject="--year", hint="leave --since and --until out"
            )
        if not 1970 <= year < 9999:
            raise SettingsError(
                "there is no such year",
                subject=f"--year {year}",
                hint="a year from 1970 on, such as --year 2025",
            )
        first, last = (datetime(y, 1, 1, tzinfo=settings.time_zone) for y in (year, year + 1))
        return Span(to_micros(first), to_micros(last)), str(year)
    moment = from_micros(now)
    start, end = (
        parse_time(text, now=moment, zone=settings.time_zone) for text in (since or "*-30d", until or "*")
    )
    if end <= start:
        raise SettingsError("the span is empty", subject="--since", hint="move --since back")
    return Span(start, end), f"{iso(start)[:10]} to {iso(end)[:10]}"


def show(output: Output, found: Sequence[Performance]) -> None:
    """Figures, priorities and bad actors of each database."""
    from pi_lakeflow.app.alarms.performance import period

    output.result(databases=len(found), alarms=sum(each.alarms for each in found))
    if not found:
        output.text("No alarms started in this span.")
    for each in found:
        output.event(
            "alarms",
            database=each.database,
            since=iso(each.span.start),
            until=iso(each.span.end),
            alarms=each.alarms,
            severities=each.severities,
            figures=[asdict(figure) for figure in each.figures],
            priorities=_plain(each, "alarm_priorities"),
            bad_actors=[_without_database(row) for row in each.bad_actors],
            floods=_plain(each, "alarm_floods"),
        )
        output.text(Text.assemble((each.database, "bold"), f"  {period(each)}"))
        output.table(("figure", "value", "wanted"), [_line(figure) for figure in each.figures])
        shares = sorted(each.tables["alarm_priorities"], key=lambda row: -row["recommended"])
        output.table(
            ("priority", "alarms", "share", "recommended"),
            [
                (r["priority"], words.count(r["alarms"]), _percent(r["share"]), _percent(r["recommended"]))
                for r in shares
            ],
        )
        output.table(
            ("most frequent…", "alarms", "share"),
            [
                (row["alarm_key"], words.count(row["alarms"]), _percent(row["share"]))
                for row in each.bad_actors
            ],
        )


def _line(figure: Figure) -> tuple[str, Text, str]:
    from pi_lakeflow.app.alarms.report import number

    style = {None: "", True: "green", False: "red"}[figure.good]
    return figure.name, Text(f"{number(figure.value)} {figure.unit}".rstrip(), style=style), figure.target


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _plain(found: Performance, name: str) -> list[dict[str, object]]:
    return [_without_database(row) for row in found.tables[name]]


def _without_database(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "database_name"}
