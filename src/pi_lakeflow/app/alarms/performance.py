"""The figures of an alarm system over a span, beside what ISA-18.2 and EEMUA 191 ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pi_lakeflow.app.alarms.history import known_spans
from pi_lakeflow.app.alarms.queries import query, texts
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.decode.frames import SEVERITIES
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.model.span import SECOND, Span, from_micros, iso
from pi_lakeflow.sinks.delta import DeltaLake

_TOP = 10
Rows = list[dict[str, Any]]
_NOTHING: Mapping[str, Rows] = {"alarm_per_hour": []}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: ``good`` is None when there is nothing to compare it with."""

    name: str
    value: float
    unit: str
    target: str = ""
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """One asset database over a span. ``tables`` are the answers of the queries by name."""

    database: str
    span: Span
    operators: int
    figures: list[Figure] = field(default_factory=list)
    severities: dict[str, int] = field(default_factory=dict)
    tables: Mapping[str, Rows] = field(default_factory=dict)

    @property
    def alarms(self) -> int:
        return sum(self.severities.values())

    @property
    def bad_actors(self) -> Rows:
        """The ten most frequent alarms."""
        return sorted(self.tables["alarm_bad_actors"], key=lambda row: row["place"])[:_TOP]


def measure(
    lake: DeltaLake, span: Span, *, operators: int = 1, until: int | None = None
) -> list[Performance]:
    """The figures of each database that had alarms in ``span``, over what the lake knows of it. ``until``
    is now (microseconds), where a span that has not ended yet is cut.

    Raises ``SettingsError`` when there are no alarms at all in the lake, or it knows nothing of the span.
    """
    if not lake.table(PI_ALARM_EVENTS).exists():
        raise SettingsError(
            "there are no alarms in the lake yet", subject="lake", hint="run `pi-lakeflow alarms` first"
        )
    whole = span if until is None else Span(min(span.start, until), min(span.end, until))
    known = known_spans(lake)
    _must_know(known, whole)
    spans = {name: _within(each, whole) for name, each in known.items()}
    answers = {each: _answers(lake, each) for each in {whole, *spans.values()} if each.length > 0}
    found = []
    for name in sorted({row["database_name"] for rows in answers.values() for row in rows["alarm_per_hour"]}):
        mine = spans.get(name, whole)
        if any(row["database_name"] == name for row in answers.get(mine, _NOTHING)["alarm_per_hour"]):
            found.append(_measured(name, mine, operators, answers[mine]))
    return found


def _answers(lake: DeltaLake, span: Span) -> dict[str, Rows]:
    seconds = (span.start // SECOND, span.end // SECOND)
    return {
        name: lake.sql(query(name, "datafusion", span=seconds), [PI_ALARM_EVENTS]).to_pylist()
        for name in texts()
    }


def _within(known: Span, whole: Span) -> Span:
    """Rates are over what is known: an alarm that nobody read is not one that did not happen."""
    start, end = max(known.start, whole.start), min(known.end, whole.end)
    return Span(min(start, end), end)


def _must_know(known: Mapping[str, Span], whole: Span) -> None:
    if known and all(_within(each, whole).length <= 0 for each in known.values()):
        first, last = min(each.start for each in known.values()), max(each.end for each in known.values())
        raise SettingsError(
            f"the lake knows event frames from {iso(first)[:19]} to {iso(last)[:19]} UTC only",
            subject="the span of the report",
            hint="`pi-lakeflow alarms --since TIME` reads older ones, `pi-lakeflow alarms` newer ones",
        )


def _measured(database: str, span: Span, operators: int, answers: Mapping[str, Rows]) -> Performance:
    mine = {name: [row for row in rows if row["database_name"] == database] for name, rows in answers.items()}
    severities = {
        SEVERITIES[row["severity"]]: row["alarms"]
        for row in sorted(mine["alarm_standing"], key=lambda row: row["severity"])
    }
    found = Performance(database, span, operators, severities=severities, tables=mine)
    found.figures.extend([*_rates(found), *_troubles(found), *_handling(found)])
    return found


def _rates(found: Performance) -> list[Figure]:
    hours = max(found.span.length / (3600 * SECOND), 1e-9)
    per_hour = found.alarms / hours / found.operators
    busy_hours = sum(row["alarms"] / found.operators > 30 for row in found.tables["alarm_per_hour"]) / hours
    tens = found.tables["alarm_per_10_minutes"]
    busy_tens = sum(row["alarms"] / found.operators > 10 for row in tens) / (hours * 6)
    worst = max((row["alarms"] for row in tens), default=0)
    return [
        Figure("Alarms", found.alarms, ""),
        Figure(
            "Alarms per operator and day", per_hour * 24, "", "about 150, at most 300", per_hour * 24 <= 300
        ),
        Figure("Alarms per operator and hour", per_hour, "", "about 6, at most 12", per_hour <= 12),
        Figure("Alarms per operator and 10 minutes", per_hour / 6, "", "about 1, at most 2", per_hour <= 12),
        Figure("Hours with more than 30 alarms", 100 * busy_hours, "%", "below 1 %", busy_hours < 0.01),
        Figure("10 minutes with more than 10 alarms", 100 * busy_tens, "%", "below 1 %", busy_tens < 0.01),
        Figure("Most alarms in 10 minutes", worst, "", "at most 10", worst <= 10),
    ]


def _troubles(found: Performance) -> list[Figure]:
    floods = found.tables["alarm_floods"]
    flooded = sum(row["end_s"] - row["start_s"] for row in floods) / max(found.span.length / SECOND, 1)
    top = sum(row["share"] for row in found.bad_actors)
    chattering = len(found.tables["alarm_chattering"])
    stale = len(found.tables["alarm_stale"])
    return [
        Figure("Floods", len(floods), ""),
        Figure("Time in flood", 100 * flooded, "%", "below 1 %", flooded < 0.01),
        Figure("Share of the ten most frequent alarms", 100 * top, "%", "below 5 %", top < 0.05),
        Figure("Chattering alarms", chattering, "", "none", chattering == 0),
        Figure("Alarms that stood for more than a day", stale, "", "fewer than 5 on any day"),
    ]


def _handling(found: Performance) -> list[Figure]:
    asked = found.tables["alarm_acknowledging"]
    alarms, done = (sum(row[name] for row in asked) for name in ("alarms", "acknowledged"))
    waited = sum((row["mean_s"] or 0) * row["acknowledged"] for row in asked)
    standing = sum(row["total_s"] or 0 for row in found.tables["alarm_standing"])
    return [
        Figure("Alarms never acknowledged", 100 * (alarms - done) / alarms if alarms else 0, "%"),
        Figure("Mean time to acknowledge", waited / done / 60 if done else 0, "min"),
        Figure("Mean time in alarm", standing / found.alarms / 60 if found.alarms else 0, "min"),
    ]


def period(found: Performance) -> str:
    """The span in words: days in UTC, the last one inclusive when it is whole."""
    start, end = from_micros(found.span.start), from_micros(found.span.end)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
