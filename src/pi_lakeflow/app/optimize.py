"""Optimizes the tables of a lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from pi_lakeflow.app.source import open_lake
from pi_lakeflow.app.tables import all_tables, table_named
from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.model.tables import Grain, TableSpec
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.sinks.maintenance import SAFE, TARGET_BYTES, Optimized, optimize


def optimize_lake(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    target_bytes: int = TARGET_BYTES,
    cluster: bool = False,
    keep: timedelta | None = SAFE,
) -> Iterator[Optimized]:
    """Optimize the named tables, or all that are there, one after the other.

    ``cluster`` orders the events by tag and time. Raises ``SettingsError`` for an unknown name,
    ``SinkUnavailable`` for a named table that is not there.
    """
    specs = [table_named(name) for name in names] or all_tables()
    lake = open_lake(settings)
    for spec in specs:
        table = lake.table(spec)
        if table.exists():
            columns = cluster_columns(spec) if cluster else ()
            yield optimize(table, target_bytes=target_bytes, cluster_by=columns, keep=keep)
        elif names:
            hint = "run `pi-lakeflow run` first"
            raise SinkUnavailable("the table is not there", subject=table.path, hint=hint)


def cluster_columns(spec: TableSpec) -> tuple[str, ...]:
    """What queries of events ask for: a tag, and a stretch of time."""
    return spec.key[:2] if spec.grain is Grain.EVENT else ()
