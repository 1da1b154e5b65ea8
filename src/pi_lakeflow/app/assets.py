"""The asset model in the lake: tables about servers, elements, attributes, templates and points."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import pyarrow as pa

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.app.ingest import new_run_id
from pi_lakeflow.app.source import open_lake, open_source
from pi_lakeflow.app.spool import Spool
from pi_lakeflow.app.tables import all_tables, table_named
from pi_lakeflow.errors import PiLakeflowError, Refused, SettingsError
from pi_lakeflow.flow.snapshot import history_of, write_history, write_snapshot
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.historians.pi.assets.fields import AssetTable, Item
from pi_lakeflow.historians.pi.assets.reader import AssetReader, Outcome
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.ports import Changed, Lake
from pi_lakeflow.settings.schema import Settings

_NEVER_EMPTY = frozenset(
    {"asset_servers", "databases", "elements", "attributes", "nested_attributes", "data_servers", "points"}
)


@dataclass(slots=True)
class TableReport:
    """What became of one table. ``error`` says why it was left as it was."""

    name: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    status: str = "unchanged"  # or written, absent (not offered by this server), failed
    error: PiLakeflowError | None = None


@dataclass(slots=True)
class AssetsReport:
    """What a reading of the asset model did."""

    run_id: str
    tables: list[TableReport] = field(default_factory=list)
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> list[TableReport]:
        return [table for table in self.tables if table.error is not None]


def asset_tables(names: Sequence[str] = ()) -> list[AssetTable]:
    """The tables of those names, or all. Raises ``SettingsError`` for a name that is none."""
    if not names:
        return [spec for spec in all_tables() if isinstance(spec, AssetTable)]
    found = []
    for name in names:
        spec = table_named(name)
        if not isinstance(spec, AssetTable):
            raise SettingsError(
                "is not a table of the asset model",
                subject=name,
                hint="`pi-lakeflow assets --list` shows them",
            )
        found.append(spec)
    return found


async def read_assets(
    settings: Settings, names: Sequence[str] = (), observer: Observer = ignore
) -> AssetsReport:
    """Read the asset model and write what changed.

    A table whose reading was not complete stays as it is. Raises ``Unavailable`` when the server or
    the lake is, before anything is written.
    """
    began, counters = time.monotonic(), Counters(observer)
    tables = asset_tables(names)
    if not names:
        tables = [table for table in tables if table.name not in _unwanted(settings)]
    report = AssetsReport(new_run_id())
    now = SystemClock().now()
    with Spool() as spool:
        async with open_source(settings, counters) as source:
            wanted = _databases(settings)
            reader = AssetReader(source.client, tables, ingested_at=now, wanted=wanted)
            outcome = await reader.read(spool.add)
        lake = open_lake(settings)
        for table in tables:
            rows = spool.take(table)
            report.tables.append(
                _written(lake, table, rows, outcome, now=now, history=settings.assets.history)
            )
            del rows
    _log_failures(lake, report, now)
    report.requests, report.retries = counters.requests, counters.retries
    report.seconds = time.monotonic() - began
    return report


async def snapshot_of(settings: Settings, name: str, observer: Observer = ignore) -> list[pa.RecordBatch]:
    """All rows of one table, as they are now.

    Raises what kept the reading from being complete: a part must not pass for the whole.
    """
    [table] = asset_tables([name])
    batches: list[pa.RecordBatch] = []
    async with open_source(settings, observer) as source:
        reader = AssetReader(
            source.client, [table], ingested_at=SystemClock().now(), wanted=_databases(settings)
        )
        outcome = await reader.read(lambda _, batch: batches.append(batch))
    if error := outcome.error_of(table):
        raise error
    return batches


def _written(
    lake: Lake, table: AssetTable, rows: pa.Table, outcome: Outcome, *, now: int, history: bool
) -> TableReport:
    report = TableReport(table.name, rows.num_rows, error=outcome.error_of(table))
    emptied = _emptied(lake, table, rows)
    report.error = report.error or emptied
    if report.error is not None:
        report.status = "failed"
    elif outcome.is_absent(table) and not rows.num_rows:
        report.status = "absent"
    else:
        if history:
            past = history_of(table)
            write_history(lake.table(past), table, rows, now=now)
        changed: Changed = write_snapshot(lake.table(table), rows)
        report.inserted, report.updated, report.deleted = changed.inserted, changed.updated, changed.deleted
        report.status = "written" if changed.rows else "unchanged"
    return report


def _emptied(lake: Lake, table: AssetTable, rows: pa.Table) -> PiLakeflowError | None:
    """An account without rights is shown empty lists: what every plant has is not deleted for that."""
    if rows.num_rows or not _NEVER_EMPTY.intersection(table.listings) or not lake.table(table).exists():
        return None
    held = lake.table(table).read(table.key).num_rows
    if not held:
        return None
    return Refused(
        f"the server lists none any more; the {held:,} rows are kept",
        subject=table.name,
        hint="check the rights of the account and `assets.databases`; if it is so, remove the table's folder",
    )


def _unwanted(settings: Settings) -> set[str]:
    """The tables that are read only on request."""
    chosen = {
        "pi_point_attributes": settings.assets.point_attributes,
        "pi_attribute_values": settings.assets.values,
    }
    return {name for name, wanted in chosen.items() if not wanted}


def _databases(settings: Settings) -> Callable[[Item], bool]:
    """Whether an asset database is one of ``assets.databases``: names, paths or masks."""
    masks = [mask.casefold() for mask in settings.assets.databases]
    if not masks:
        return lambda _: True
    return lambda item: any(
        fnmatchcase(str(item.get(name, "")).casefold(), mask) for name in ("Name", "Path") for mask in masks
    )


def _log_failures(lake: Lake, report: AssetsReport, now: int) -> None:
    failed = [
        {
            "run_id": report.run_id,
            "occurred_at": now,
            "tag_webid": "",
            "tag_name": each.name,
            "status": getattr(each.error, "status", None),
            "message": str(each.error),
            "hint": each.error.hint,
        }
        for each in report.failed
        if each.error is not None
    ]
    if failed:
        schema = PI_INGEST_ERRORS.arrow_schema
        columns = [pa.array([row.get(f.name) for row in failed], _plain(f.type)).cast(f.type) for f in schema]
        lake.table(PI_INGEST_ERRORS).add(pa.Table.from_arrays(columns, schema=schema))


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) else kind
