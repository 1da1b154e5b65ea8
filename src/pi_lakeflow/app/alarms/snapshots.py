"""Event frames and what is about alarms as whole tables, straight from the historian: for Spark.

Event frames are those with any part between ``since`` and ``until``, as a first ``pi-lakeflow alarms`` lands
them. They can be read side by side, in stretches of time. ``pi_alarm_events`` has event frames only: which
tags have annotated events is known from ``pi_timeseries`` alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from pi_lakeflow.app.alarms.derived import summary_of
from pi_lakeflow.app.alarms.framerows import frame_rows, in_chunks, judged
from pi_lakeflow.app.alarms.keep import rows_of
from pi_lakeflow.app.alarms.run import chosen, criteria_of
from pi_lakeflow.app.source import open_source, server_now
from pi_lakeflow.engines.spark.ports import Stretch
from pi_lakeflow.historians.pi.decode.frames import moment
from pi_lakeflow.historians.pi.frames.alarms import AlarmReader
from pi_lakeflow.historians.pi.frames.reader import Database, Details, Item
from pi_lakeflow.historians.pi.tables.alarms import (
    PI_ACTIVE_ALARMS,
    PI_ALARM_EVENTS,
    PI_ALARM_SUMMARY,
    PI_ELEMENT_ALARMS,
)
from pi_lakeflow.historians.pi.tables.eventframes import (
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
    PI_EVENT_FRAMES,
)
from pi_lakeflow.historians.pi.tables.notifications import (
    PI_NOTIFICATION_CONTACTS,
    PI_NOTIFICATION_RULES,
    PI_NOTIFICATION_SUBSCRIBERS,
)
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import from_micros, to_micros
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.settings import Settings, parse_time

_BY_TIME = (
    PI_EVENT_FRAMES,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_ALARM_EVENTS,
)
_DETAILED = (PI_EVENT_FRAME_ATTRIBUTES, PI_EVENT_FRAME_ANNOTATIONS)  # asked for frame by frame


def alarm_tables() -> tuple[TableSpec, ...]:
    """The tables that can be read this way."""
    return (*_BY_TIME, *_QUESTIONS)


async def stretches_of(settings: Settings, spec: TableSpec, count: int) -> list[Stretch]:
    """The span of the settings in ``count`` stretches; none for a table that is read in one go."""
    if spec not in _BY_TIME:
        return []
    async with open_source(settings) as source:
        now = await server_now(source.client)
        start, end = _span(settings, now)
    borders = [start + (end - start) * place // count for place in range(count)] + [end + 1]
    pairs = pairwise(borders)
    return [Stretch(first, last, with_earlier=place == 0) for place, (first, last) in enumerate(pairs)]


async def alarm_snapshot(
    settings: Settings, spec: TableSpec, stretches: Sequence[Stretch] = ()
) -> list[pa.RecordBatch]:
    """All rows of the table; with ``stretches`` those of the event frames that started in them.

    Raises what kept the reading from being complete: a part must not pass for the whole.
    """
    stamp = SystemClock().now()
    async with open_source(settings) as source:
        reader = AlarmReader(source.client, criteria_of(settings))
        now = await server_now(source.client)
        known = await reader.frames.databases()
        databases = chosen(known, settings.alarms.databases)
        rows: list[dict[str, Any]] = []
        if spec in _BY_TIME:
            start, end = _span(settings, now)
            for database in databases:
                for stretch in stretches or [Stretch(start, end + 1, with_earlier=True)]:
                    rows += [row async for row in _rows(reader, settings, spec, database, stretch)]
        else:
            rows = await _QUESTIONS[spec](reader, settings, databases, now)
    batches: list[pa.RecordBatch] = rows_of(spec, rows, ingested_at=stamp).to_batches()
    return batches


def _span(settings: Settings, now: int) -> tuple[int, int]:
    moment_now = from_micros(now)
    end = min(now, parse_time(settings.until, now=moment_now, zone=settings.time_zone))
    return min(end, parse_time(settings.since, now=moment_now, zone=settings.time_zone)), end


# -- event frames ------------------------------------------------------------------------------------


async def _rows(
    reader: AlarmReader, settings: Settings, spec: TableSpec, database: Database, stretch: Stretch
) -> AsyncIterator[dict[str, Any]]:
    listed = reader.frames.listed(database.webid, stretch.start, stretch.end)
    async for items in in_chunks(_started_in(stretch, listed)):
        details = await reader.frames.details(items) if spec in _DETAILED else Details()
        made = frame_rows(items, database, criteria_of(settings), details)
        for _, name, error in made.failures:
            error.add_note(f"event frame {name}")
            raise error
        for row in made.frames if spec is PI_EVENT_FRAMES else made.owned[spec.name]:
            yield row


async def _started_in(stretch: Stretch, items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    async for item in items:
        start = moment(item.get("StartTime"))
        if start is not None and stretch.has(to_micros(start)):
            yield item


# -- the rest ----------------------------------------------------------------------------------------


async def _summary(
    reader: AlarmReader, settings: Settings, databases: Sequence[Database], now: int
) -> list[Any]:
    """Days do not end where stretches do, so all alarms are counted in one go."""
    start, end = _span(settings, now)
    whole = Stretch(start, end + 1, with_earlier=True)
    rows = [
        row
        for database in databases
        async for row in _rows(reader, settings, PI_ALARM_EVENTS, database, whole)
    ]
    events = rows_of(PI_ALARM_EVENTS, rows, ingested_at=now)
    sums: list[Any] = summary_of(events, ingested_at=now).to_pylist()
    return sums


async def _active(reader: AlarmReader, _: Settings, databases: Sequence[Database], __: int) -> list[Any]:
    return [row for database in databases for row in await reader.active(database)]


async def _limits(
    reader: AlarmReader, settings: Settings, databases: Sequence[Database], now: int
) -> list[Any]:
    """The limits of the elements that had an alarm within ``alarms.look_back``."""
    since = to_micros(from_micros(now) - settings.alarms.look_back)
    elements: set[str] = set()
    for database in databases:
        async for item in reader.frames.listed(database.webid, since, now):
            row = judged(item, database, criteria_of(settings))
            if row["is_alarm"] and row["primary_element_id"]:
                elements.add(row["primary_element_id"])
    rows, failures = await reader.limits(sorted(elements))
    for error in failures.values():
        raise error
    return rows


async def _rules(reader: AlarmReader, _: Settings, databases: Sequence[Database], __: int) -> list[Any]:
    return [row for database in databases for row in await reader.rules(database)]


async def _subscribers(
    reader: AlarmReader, settings: Settings, databases: Sequence[Database], now: int
) -> list[Any]:
    rows, failures = await reader.subscribers(await _rules(reader, settings, databases, now))
    for error in failures.values():
        raise error
    return rows


async def _contacts(reader: AlarmReader, _: Settings, databases: Sequence[Database], __: int) -> list[Any]:
    """Contacts belong to the asset server, of which there may be many databases."""
    by_server = {database.server_webid: database for database in databases}
    return [row for database in by_server.values() for row in await reader.contacts(database)]


_Question = Callable[[AlarmReader, Settings, Sequence[Database], int], Awaitable[list[Any]]]
_QUESTIONS: dict[TableSpec, _Question] = {
    PI_ALARM_SUMMARY: _summary,
    PI_ACTIVE_ALARMS: _active,
    PI_ELEMENT_ALARMS: _limits,
    PI_NOTIFICATION_RULES: _rules,
    PI_NOTIFICATION_SUBSCRIBERS: _subscribers,
    PI_NOTIFICATION_CONTACTS: _contacts,
}
