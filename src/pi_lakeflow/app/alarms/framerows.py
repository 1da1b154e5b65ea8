"""Event frames as rows of the five tables that come from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.historians.pi.decode.frames import alarm_row, frame_row, reference_rows
from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
from pi_lakeflow.historians.pi.frames.reader import Database, Details, Item
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.historians.pi.tables.eventframes import (
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
)

Row = dict[str, Any]
CHUNK = 5_000
"""Frames that are held at once, with their details."""


@dataclass(frozen=True, slots=True)
class FrameRows:
    """``owned``: rows of the other tables by their names. ``failures``: WebId, name, and why its values or
    annotations could not be read."""

    frames: list[Row]
    owned: Mapping[str, list[Row]]
    failures: list[tuple[str, str, PiLakeflowError]]


def judged(item: Item, database: Database, criteria: AlarmCriteria) -> Row:
    """The row of ``pi_event_frames``, but for ``is_complete`` and ``ingested_at``."""
    row = frame_row(item, database.identity)
    row["is_alarm"] = criteria.is_alarm(row)
    return row


def frame_rows(
    items: Sequence[Item], database: Database, criteria: AlarmCriteria, details: Details
) -> FrameRows:
    """All rows of these frames."""
    rows: list[Row] = []
    failures = []
    for item in items:
        failure = details.failures.get(item["WebId"])
        rows.append({**judged(item, database, criteria), "is_complete": failure is None})
        if failure is not None:
            failures.append((item["WebId"], rows[-1]["name"], failure))
    owned = {
        PI_ALARM_EVENTS.name: [alarm_row(row) for row in rows if row["is_alarm"]],
        PI_EVENT_FRAME_ATTRIBUTES.name: details.attributes,
        PI_EVENT_FRAME_REFERENCES.name: [row for item in items for row in reference_rows(item)],
        PI_EVENT_FRAME_ANNOTATIONS.name: details.annotations,
    }
    return FrameRows(rows, owned, failures)


async def in_chunks(items: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
    """So many frames together that their details fit into memory."""
    chunk: list[Item] = []
    async for item in items:
        chunk.append(item)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
