"""``pi-lakeflow alarms`` and ``extract_alarms: true``: everything about alarms, brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.app.alarms.annotations import keep_annotations
from pi_lakeflow.app.alarms.derived import refresh_active, refresh_summary
from pi_lakeflow.app.alarms.frames import FrameKeeper
from pi_lakeflow.app.alarms.keep import keep, keep_all, rows_of
from pi_lakeflow.app.source import Source, server_now
from pi_lakeflow.errors import PiLakeflowError, Refused, SettingsError, SinkUnavailable
from pi_lakeflow.flow.committer import Failed, error_rows
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.historians.pi.frames.alarms import AlarmReader
from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
from pi_lakeflow.historians.pi.frames.reader import Database
from pi_lakeflow.historians.pi.tables.alarms import PI_ELEMENT_ALARMS
from pi_lakeflow.historians.pi.tables.eventframes import PI_EVENT_FRAMES
from pi_lakeflow.historians.pi.tables.notifications import (
    PI_NOTIFICATION_CONTACTS,
    PI_NOTIFICATION_RULES,
    PI_NOTIFICATION_SUBSCRIBERS,
)
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.ports import Lake, LaneMoved
from pi_lakeflow.model.span import Span, from_micros, iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import APP_ID_PREFIX, Mark, TagFailure, position_of, version_at
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.settings.times import parse_time
from pi_lakeflow.sinks.delta import DeltaLake

_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class AlarmReport:
    """What a run did about alarms. ``frames`` are numbers of event frames, ``active`` the alarms in
    progress, ``left_behind`` what could not be read."""

    databases: int = 0
    frames_read: int = 0
    frames_inserted: int = 0
    frames_updated: int = 0
    frames_deleted: int = 0
    active: int = 0
    annotated_tags: int = 0
    rules: int | None = None  # None: not looked at this time, or not to be had
    until: int = 0
    left_behind: list[Failed] = field(default_factory=list)


async def read_alarms(
    settings: Settings,
    source: Source,
    lake: Lake,
    *,
    run_id: str,
    ingested_at: int,
    since: str | None = None,
    notifications: bool = False,
) -> AlarmReport:
    """Bring all alarm tables up to date. ``since`` reads everything from there again; ``notifications``
    reads the notification rules even if that was done lately.

    Raises ``SettingsError`` for databases that do not exist, ``SinkUnavailable`` when another run was
    faster, and what stops everybody.
    """
    try:
        return await _read(settings, source, lake, run_id, ingested_at, since=since, rules=notifications)
    except LaneMoved as moved:
        raise SinkUnavailable(
            "another run brings the alarm tables up to date at the same time",
            subject=PI_EVENT_FRAMES.name,
            hint="run again when it has ended; what this one has written stays, and nothing is counted twice",
        ) from moved


async def _read(
    settings: Settings,
    source: Source,
    lake: Lake,
    run_id: str,
    ingested_at: int,
    *,
    since: str | None,
    rules: bool,
) -> AlarmReport:
    reader = AlarmReader(source.client, criteria_of(settings))
    now = await server_now(source.client)
    report = AlarmReport(until=now)
    start = parse_time(since or settings.since, now=from_micros(now), zone=settings.time_zone)
    look_back = settings.alarms.look_back // _MICROSECOND
    for database in chosen(await reader.frames.databases(), settings.alarms.databases):
        keeper = FrameKeeper(
            reader.frames, lake, database, criteria_of(settings), until=now, ingested_at=ingested_at
        )
        counts = await keeper.run(start, look_back, again=since is not None)
        report.databases += 1
        report.frames_read += counts.read
        report.frames_inserted += counts.inserted
        report.frames_updated += counts.updated
        report.frames_deleted += counts.deleted
        _left(report, counts.failures, Span(min(start, now), now))
        await _notifications(settings, reader, lake, database, report, ingested_at, force=rules)
    if isinstance(lake, DeltaLake):  # it must be asked with SQL
        noted = await keep_annotations(
            reader, lake, since=start, until=now, look_back=look_back, ingested_at=ingested_at
        )
        report.annotated_tags = noted.tags
        _left(report, noted.failures, Span(min(start, now), now))
    report.active = await asyncio.to_thread(refresh_active, lake, ingested_at=ingested_at)
    await asyncio.to_thread(refresh_summary, lake, ingested_at=ingested_at)
    await _limits(reader, lake, report, now - look_back, ingested_at)
    if report.left_behind:
        errors = error_rows(report.left_behind, run_id)
        await asyncio.to_thread(lake.table(PI_INGEST_ERRORS).add, errors)
    return report


def criteria_of(settings: Settings) -> AlarmCriteria:
    """What an alarm is by the settings."""
    alarms = settings.alarms
    return AlarmCriteria(alarms.templates, alarms.categories, alarms.names, alarms.min_severity)


def chosen(known: Sequence[Database], wanted: Sequence[str]) -> list[Database]:
    """The databases of the settings, all when they name none. ``SettingsError`` for an unknown one."""
    if not wanted:
        return list(known)
    by_name: dict[str, Database] = {}
    for database in known:
        by_name.setdefault(database.name.casefold(), database)
        by_name[f"\\\\{database.server}\\{database.name}".casefold()] = database
    missing = [name for name in wanted if name.casefold() not in by_name]
    if missing:
        near = get_close_matches(missing[0].casefold(), by_name, n=1)
        names = ", ".join(sorted(database.name for database in known)) or "none"
        raise SettingsError(
            f"there is no asset database {missing[0]!r}; there are {names}",
            subject="alarms.databases",
            hint=f"did you mean {by_name[near[0]].name}?" if near else "check the account's rights in AF",
        )
    return list({by_name[name.casefold()].webid: by_name[name.casefold()] for name in wanted}.values())


async def _notifications(
    settings: Settings,
    reader: AlarmReader,
    lake: Lake,
    database: Database,
    report: AlarmReport,
    ingested_at: int,
    *,
    force: bool,
) -> None:
    """Rules have no date of modification: they are read whole, now and then."""
    table = lake.table(PI_NOTIFICATION_RULES)
    app_id = f"{APP_ID_PREFIX}notifications/{database.webid}"
    version = await asyncio.to_thread(lambda: table.positions([app_id])[app_id])
    age = report.until - position_of(version) if version is not None else None
    if not force and age is not None and age < settings.alarms.rules_every // _MICROSECOND:
        return
    try:
        rules = await reader.rules(database)
        contacts = await reader.contacts(database)
    except Refused as error:
        if error.status != 404:
            _left(report, [(database.webid, database.name, error)], Span(0, report.until))
        return
    told, failures = await reader.subscribers(rules)
    names = {rule["rule_id"]: rule["path"] for rule in rules}
    _left(report, [(rule, names[rule], error) for rule, error in failures.items()], Span(0, report.until))
    mark = Mark(app_id, version, version_at(report.until))
    marks = [mark] if age is None or age > 0 else []

    def write() -> None:
        owner, name = "database_name", [database.name]
        if not failures:
            rows = rows_of(PI_NOTIFICATION_SUBSCRIBERS, told, ingested_at=ingested_at)
            keep(lake.table(PI_NOTIFICATION_SUBSCRIBERS), rows, owner=owner, owners=name)
        people = rows_of(PI_NOTIFICATION_CONTACTS, contacts, ingested_at=ingested_at)
        server = [database.server]
        keep(lake.table(PI_NOTIFICATION_CONTACTS), people, owner="asset_server_name", owners=server)
        found = rows_of(PI_NOTIFICATION_RULES, rules, ingested_at=ingested_at)
        keep(table, found, owner=owner, owners=name, marks=marks)

    await asyncio.to_thread(write)
    report.rules = (report.rules or 0) + len(rules)


async def _limits(reader: AlarmReader, lake: Lake, report: AlarmReport, since: int, ingested_at: int) -> None:
    """The limits of the elements that had an alarm lately."""
    elements = await asyncio.to_thread(_alarmed, lake, since)
    rows, failures = await reader.limits(elements)
    _left(report, [(element, element, error) for element, error in failures.items()], Span(0, report.until))
    wanted = rows_of(PI_ELEMENT_ALARMS, rows, ingested_at=ingested_at)
    await asyncio.to_thread(keep_all, lake.table(PI_ELEMENT_ALARMS), wanted)


def _alarmed(lake: Lake, since: int) -> list[str]:
    names = ["is_alarm", "is_active", "end_time", "primary_element_id"]
    frames = lake.table(PI_EVENT_FRAMES).read(names)
    late = pc.fill_null(pc.greater_equal(frames["end_time"].cast(pa.int64()), since), fill_value=True)
    kept = frames.filter(pc.and_(frames["is_alarm"], late))
    return sorted(element for element in pc.unique(kept["primary_element_id"]).to_pylist() if element)


def _left(report: AlarmReport, failures: Iterable[tuple[str, str, Exception]], span: Span) -> None:
    for webid, name, error in failures:
        known = error if isinstance(error, PiLakeflowError) else PiLakeflowError(str(error))
        status = known.status if isinstance(known, Refused) else None
        failure = TagFailure(Tag(webid, name), known.message, status, known.hint)
        report.left_behind.append(Failed(failure, span, SystemClock().now()))


def fields(report: AlarmReport) -> Mapping[str, object]:
    """The report as plain values."""
    names = ("databases", "frames_read", "frames_inserted", "frames_updated", "frames_deleted", "active")
    return {
        **{name: getattr(report, name) for name in (*names, "annotated_tags", "rules")},
        "until": iso(report.until),
        "left_behind": len(report.left_behind),
    }
