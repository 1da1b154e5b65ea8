"""Alarm performance as the field measures it (ISA-18.2, EEMUA 191): SQL that runs on several engines.

Each ``sql/NAME.sql`` is one query over ``alarm_base`` and other queries by their names. Only
``alarm_base``, which turns times into seconds since 1970 UTC, differs between engines.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS

Dialect = Literal["duckdb", "spark", "datafusion"]
_SECONDS: dict[Dialect, str] = {
    "duckdb": "cast(floor(epoch({})) as bigint)",
    "spark": "unix_timestamp({})",
    "datafusion": "cast(floor(extract(epoch from {})) as bigint)",
}
_BASE = """\
-- Event frames that are alarms, with times as whole seconds since 1970 UTC. until_s is now.
select
  database_name, event_frame_id, tag_webid, alarm_key, alarm_name, template_name,
  coalesce(severity, 0) as severity, severity_name,
  {start} as start_s, {end} as end_s, {acknowledged} as acknowledged_s, {until} as until_s,
  coalesce(can_be_acknowledged, false) as can_be_acknowledged
from {table}
where source = 'event_frame'"""
_NAME = re.compile(r"\balarm_[a-z0-9_]+\b")


@cache
def texts() -> dict[str, str]:
    """Each query by its name, without ``alarm_base``."""
    folder = files("pi_lakeflow.app.alarms").joinpath("sql")
    found = sorted((each.name, each) for each in folder.iterdir() if each.name.endswith(".sql"))
    return {name.removesuffix(".sql"): each.read_text(encoding="utf-8").strip() for name, each in found}


def base(dialect: Dialect, table: str = PI_ALARM_EVENTS.name, span: tuple[int, int] | None = None) -> str:
    """The query below all others. ``span`` keeps the alarms that started in it (seconds, half-open)."""
    second = _SECONDS[dialect]
    start = second.format("start_time")
    text = _BASE.format(
        start=start,
        end=second.format("end_time"),
        acknowledged=second.format("acknowledged_at"),
        until=second.format("current_timestamp") if span is None else str(span[1]),
        table=table,
    )
    return text if span is None else f"{text}\n  and {start} >= {span[0]} and {start} < {span[1]}"


def views(dialect: Dialect, table: str = PI_ALARM_EVENTS.name, schema: str = "") -> list[str]:
    """Statements that create all queries as views, each after those that it needs."""
    place = f"{schema}." if schema else ""
    made = [f"create or replace view {place}alarm_base as\n{base(dialect, table)}"]
    for name in _ordered():
        text = texts()[name]
        for other in sorted(_needs(text), key=len, reverse=True):
            text = re.sub(rf"\b(from\s+){other}\b", rf"\g<1>{place}{other}", text)
        made.append(f"create or replace view {place}{name} as\n{text}")
    return made


def query(name: str, dialect: Dialect, *, span: tuple[int, int], table: str = PI_ALARM_EVENTS.name) -> str:
    """One query by itself, over the alarms that started in ``span`` (seconds since 1970, half-open)."""
    needed = [other for other in _ordered() if other in _all_needs(name)]
    parts = [f"alarm_base as (\n{base(dialect, table, span)}\n)"]
    parts += [f"{other} as (\n{texts()[other]}\n)" for other in [*needed, name]]
    return f"with {', '.join(parts)}\nselect * from {name}"


def _needs(text: str) -> set[str]:
    return {word for word in _NAME.findall(text) if word in texts() or word == "alarm_base"}


def _all_needs(name: str) -> set[str]:
    direct = _needs(texts()[name]) - {"alarm_base", name}
    return direct.union(*(_all_needs(other) for other in direct)) if direct else direct


def _ordered() -> list[str]:
    """Names so that each stands behind those that it needs."""
    return sorted(texts(), key=lambda name: (len(_all_needs(name)), name))
