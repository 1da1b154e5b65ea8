"""Annotations of archived events as alarms. Which events have some is known from ``pi_timeseries``, so
that only tags with annotated events are asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pyarrow as pa

from pi_lakeflow.app.alarms.keep import Row, rows_of
from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.historians.pi.frames.alarms import AlarmReader
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import DAY, Span, iso
from pi_lakeflow.model.work import APP_ID_PREFIX, Mark, position_of, version_at
from pi_lakeflow.sinks.delta import DeltaLake

_APP_ID = f"{APP_ID_PREFIX}annotations"
_AT_ONCE = 16
_ANNOTATED = """\
select tag_webid, min(tag_name) as tag_name, min(timestamp) as first, max(timestamp) as last
from pi_timeseries
where annotated and ((date >= date '{day}' and timestamp >= timestamp '{since}')
                     or ingested_at >= timestamp '{seen}')
group by tag_webid"""
_HELD = """\
select annotation_id, tag_webid, source, timestamp from pi_alarm_events where source = 'annotation'"""


@dataclass(slots=True)
class AnnotationCounts:
    """``tags`` were asked; ``rows`` changed."""

    tags: int = 0
    rows: int = 0
    failures: list[tuple[str, str, PiLakeflowError]] = field(default_factory=list)


async def keep_annotations(
    reader: AlarmReader, lake: DeltaLake, *, since: int, until: int, look_back: int, ingested_at: int
) -> AnnotationCounts:
    """Read the annotations of what came into ``pi_timeseries`` since the last time, and of the last
    ``look_back`` microseconds; nothing when there is no such table."""
    counts = AnnotationCounts()
    if not lake.table(PI_TIMESERIES).exists():
        return counts
    table = lake.table(PI_ALARM_EVENTS)
    version = await asyncio.to_thread(lambda: table.positions([_APP_ID])[_APP_ID])
    position = None if version is None else position_of(version)
    first = since if position is None else max(0, position - look_back)
    spans = await asyncio.to_thread(_annotated, lake, first, position or 0)
    found = await _read(reader, spans, counts)
    rows = [row for tag_rows in found.values() for row in tag_rows]
    wanted = rows_of(PI_ALARM_EVENTS, rows, ingested_at=ingested_at)
    gone = await asyncio.to_thread(_gone, lake, {tag: spans[tag][1] for tag in found}, rows)
    marks = [Mark(_APP_ID, version, version_at(until))] if position is None or until > position else []
    done = await asyncio.to_thread(lambda: table.merge(wanted, delete=gone, marks=marks))
    counts.tags, counts.rows = len(spans), done.rows
    return counts


def _annotated(lake: DeltaLake, since: int, seen: int) -> dict[str, tuple[str, Span]]:
    """Name and span of the annotated events of each tag."""
    text = iso(since // DAY * DAY)[:10]
    query = _ANNOTATED.format(day=text, since=iso(since), seen=iso(seen))
    found = lake.sql(query, [PI_TIMESERIES])
    micros = [found[name].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()) for name in ("first", "last")]
    columns = (found["tag_webid"], found["tag_name"], *micros)
    return {
        tag: (name, Span(first, last + 1))
        for tag, name, first, last in zip(*(column.to_pylist() for column in columns), strict=True)
    }


async def _read(
    reader: AlarmReader, spans: dict[str, tuple[str, Span]], counts: AnnotationCounts
) -> dict[str, list[Row]]:
    """The rows of each tag that could be read."""
    slots = asyncio.Semaphore(_AT_ONCE)
    found: dict[str, list[Row]] = {}

    async def one(tag: str, name: str, span: Span) -> None:
        async with slots:
            try:
                found[tag] = list(await reader.annotations(tag, span.start, span.end))
            except PiLakeflowError as error:
                if error.exit_code == 3:  # nobody can be asked
                    raise
                counts.failures.append((tag, name, error))

    async with asyncio.TaskGroup() as group:
        for tag, (name, span) in spans.items():
            group.create_task(one(tag, name, span))
    return found


def _gone(lake: DeltaLake, spans: dict[str, Span], rows: list[Row]) -> pa.Table | None:
    """Keys of annotations that the lake holds of these tags and spans, and that are no more."""
    if not lake.table(PI_ALARM_EVENTS).exists() or not spans:
        return None
    held = lake.sql(_HELD, [PI_ALARM_EVENTS])
    known = {(row["tag_webid"], row["annotation_id"]) for row in rows}
    moments = held["timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    pairs = zip(held["tag_webid"].to_pylist(), held["annotation_id"].to_pylist(), moments, strict=True)
    nothing = Span(0, 0)
    stale = [
        (tag, note) for tag, note, at in pairs if at in spans.get(tag, nothing) and (tag, note) not in known
    ]
    schema = pa.schema([PI_ALARM_EVENTS.arrow_schema.field(name) for name in PI_ALARM_EVENTS.key])
    return pa.Table.from_pylist(
        [{"source": "annotation", "tag_webid": tag, "annotation_id": note} for tag, note in stale],
        schema=schema,
    )
