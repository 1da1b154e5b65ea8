"""Event frames of one database, kept up to date.

Progress (the moment up to which everything is known) is a transaction in the log of
``pi_event_frames``, in the commit that comes last. What was read again after a kill finds its rows in
place. See docs/alarms.md for what is asked, and when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.app.alarms.framerows import CHUNK, frame_rows, in_chunks, judged
from pi_lakeflow.app.alarms.history import FAR, end_id, start_id, start_of, start_version
from pi_lakeflow.app.alarms.keep import keep, rows_of
from pi_lakeflow.errors import PiLakeflowError, Refused
from pi_lakeflow.historians.pi.decode.frames import moment
from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
from pi_lakeflow.historians.pi.frames.reader import Database, FrameReader, Item, knows_no_such_filter
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.historians.pi.tables.eventframes import (
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
    PI_EVENT_FRAMES,
)
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import SECOND, Span, to_micros
from pi_lakeflow.model.work import Mark, position_of, version_at

_OVERLAP = 600 * SECOND  # by how much clocks may differ, and modifications be visible late
_OWNED = (PI_ALARM_EVENTS, PI_EVENT_FRAME_ATTRIBUTES, PI_EVENT_FRAME_REFERENCES, PI_EVENT_FRAME_ANNOTATIONS)
# What tells a frame that was listed from the one that the lake holds
_COMPARED = tuple(n for n in PI_EVENT_FRAMES.arrow_schema.names if n not in ("ingested_at", "is_complete"))


@dataclass(slots=True)
class FrameCounts:
    """What one database brought. ``read`` are frames that were looked at in full."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    failures: list[tuple[str, str, PiLakeflowError]] = field(default_factory=list)  # id, name, why

    @property
    def changed(self) -> int:
        return self.inserted + self.updated + self.deleted


class FrameKeeper:
    """Brings one database up to date. ``since`` is where its history starts, ``until`` the run's now."""

    def __init__(
        self,
        reader: FrameReader,
        lake: Lake,
        database: Database,
        criteria: AlarmCriteria,
        *,
        until: int,
        ingested_at: int,
    ) -> None:
        self._reader, self._lake = reader, lake
        self._database, self._criteria = database, criteria
        self._until, self._ingested_at = until, ingested_at
        self._app_id, self._history_id = end_id(database.webid), start_id(database.webid)
        self.counts = FrameCounts()

    async def run(self, since: int, look_back: int, *, again: bool = False) -> FrameCounts:
        """Everything since ``since`` the first time (and ``again``); then what was modified, and in the
        last ``look_back`` microseconds what is gone.
        """
        stood = await asyncio.to_thread(self._positions)
        version, start = stood[self._app_id], start_of(stood[self._history_id])
        if version is None or start is None or again:
            await self._all(since)
            start = since if start is None else min(start, since)
        else:
            await self._news(position_of(version), look_back, start)
        await self._finish(stood, start)
        return self.counts

    async def _all(self, since: int) -> None:
        span = Span(min(since, self._until), self._until)
        listed: set[str] = set()
        async for chunk in in_chunks(self._reader.listed(self._database.webid, span.start, span.end)):
            listed.update(item["WebId"] for item in chunk)
            await self._write(chunk)
        held = await asyncio.to_thread(self._held, span)
        await self._remove(set(held["event_frame_id"].to_pylist()) - listed)

    async def _news(self, position: int, look_back: int, start: int) -> None:
        window = Span(min(max(position - look_back, start), self._until), self._until)
        try:
            changed = await self._modified(position - _OVERLAP, start)
        except Refused as error:
            if not knows_no_such_filter(error):
                raise
            await self._compared(window)
            return
        names = self._reader.listed(self._database.webid, window.start, window.end, ids=True)
        listed = {item["WebId"] async for item in names}
        held = await asyncio.to_thread(self._held, window)
        known = set(held["event_frame_id"].to_pylist())
        lacking = (listed - known) | (_incomplete(held) & listed)
        changed += await self._reader.by_webid(sorted(lacking - {item["WebId"] for item in changed}))
        for place in range(0, len(changed), CHUNK):
            await self._write(changed[place : place + CHUNK])
        await self._remove(known - listed - {item["WebId"] for item in changed})

    async def _modified(self, since: int, start: int) -> list[Item]:
        """Not those that had ended before the history that was asked for."""
        found = self._reader.modified(self._database.webid, max(0, since))
        return [item async for item in found if _end_of(item) >= start]

    async def _compared(self, window: Span) -> None:
        """Without a search for modifications: the window's frames are compared with the lake's."""
        held = await asyncio.to_thread(self._held, window, _COMPARED)
        rows = {row["event_frame_id"]: row for row in held.to_pylist()}
        incomplete = _incomplete(held)
        listed: set[str] = set()
        async for chunk in in_chunks(self._reader.listed(self._database.webid, window.start, window.end)):
            listed.update(item["WebId"] for item in chunk)
            await self._write([item for item in chunk if self._differs(item, rows, incomplete)])
        await self._remove(rows.keys() - listed)

    def _differs(self, item: Item, held: Mapping[str, Mapping[str, Any]], incomplete: set[str]) -> bool:
        """Whether a frame must be read in full: values of open ones move, annotations are not dated."""
        row = self._row(item)
        known = held.get(item["WebId"])
        same = known is not None and all(known[name] == row[name] for name in _COMPARED)
        return not same or row["is_active"] or bool(row["annotated"]) or item["WebId"] in incomplete

    # -- rows ------------------------------------------------------------------------------------

    def _row(self, item: Item) -> dict[str, Any]:
        return judged(item, self._database, self._criteria)

    async def _write(self, items: Sequence[Item]) -> None:
        if not items:
            return
        details = await self._reader.details(items)
        made = frame_rows(items, self._database, self._criteria, details)
        self.counts.failures += made.failures
        self.counts.read += len(items)
        await asyncio.to_thread(self._commit, made.frames, made.owned)

    def _commit(self, rows: Sequence[Mapping[str, Any]], owned: Mapping[str, Sequence[Any]]) -> None:
        """What belongs to the frames, then the frames: the next run makes good a kill in between."""
        ids = [row["event_frame_id"] for row in rows]
        whole = [row["event_frame_id"] for row in rows if row["is_complete"]]
        for spec in _OWNED:
            table = rows_of(spec, owned[spec.name], ingested_at=self._ingested_at)
            partial = spec in (PI_EVENT_FRAME_ATTRIBUTES, PI_EVENT_FRAME_ANNOTATIONS)
            owners = whole if partial else ids
            keep(self._lake.table(spec), table, owner="event_frame_id", owners=owners)
        frames = self._lake.table(PI_EVENT_FRAMES)
        done = frames.merge(rows_of(PI_EVENT_FRAMES, rows, ingested_at=self._ingested_at))
        self.counts.inserted += done.inserted
        self.counts.updated += done.updated

    async def _remove(self, gone: Iterable[str]) -> None:
        ids = sorted(gone)
        if ids:
            await asyncio.to_thread(self._delete, ids)

    def _delete(self, ids: Sequence[str]) -> None:
        for spec in (*_OWNED, PI_EVENT_FRAMES):
            nothing = spec.arrow_schema.empty_table()
            done = keep(self._lake.table(spec), nothing, owner="event_frame_id", owners=ids)
            self.counts.deleted += done.deleted if spec is PI_EVENT_FRAMES else 0

    # -- progress --------------------------------------------------------------------------------

    def _positions(self) -> Mapping[str, int | None]:
        return self._lake.table(PI_EVENT_FRAMES).positions([self._app_id, self._history_id])

    async def _finish(self, stood: Mapping[str, int | None], start: int) -> None:
        """Progress moves when all is written: the end forward, the start back."""
        wanted = {self._app_id: version_at(self._until), self._history_id: start_version(start)}
        marks = [
            Mark(app_id, stood[app_id], version)
            for app_id, version in wanted.items()
            if version > (stood[app_id] or 0)
        ]
        if marks:
            nothing = PI_EVENT_FRAMES.arrow_schema.empty_table()
            table = self._lake.table(PI_EVENT_FRAMES)
            await asyncio.to_thread(lambda: table.merge(nothing, marks=marks))

    def _held(self, window: Span, columns: Sequence[str] = ("event_frame_id",)) -> pa.Table:
        """The database's frames in the lake with any part in the window."""
        table = self._lake.table(PI_EVENT_FRAMES)
        needed = ("database_id", "start_time", "end_time", "is_complete")
        names = list(dict.fromkeys([*columns, *needed]))
        if not table.exists():
            schema = PI_EVENT_FRAMES.arrow_schema
            return pa.schema([schema.field(name) for name in names]).empty_table()
        held = table.read(names)
        starts, ends = (held[name].cast(pa.int64()) for name in ("start_time", "end_time"))
        mine = pc.equal(held["database_id"], self._database.webid)
        lasting = pc.fill_null(pc.greater_equal(ends, window.start), fill_value=True)
        inside = pc.and_(pc.less_equal(starts, window.end), lasting)
        return held.filter(pc.and_(mine, inside))


def _end_of(item: Item) -> int:
    """Microseconds; a frame without an end that can be read is taken for open."""
    end = moment(item.get("EndTime"))
    return FAR if end is None else to_micros(end)


def _incomplete(held: pa.Table) -> set[str]:
    return set(held.filter(pc.invert(held["is_complete"]))["event_frame_id"].to_pylist())
