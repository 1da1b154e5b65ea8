"""PI behind Spark's data source: what ``engines/spark`` is handed, and how it is registered.

from pi_lakeflow import register
register(spark)                        # only where Spark does not find the source by itself
spark.read.format("pi_lakeflow").option("config", "pi-lakeflow.yaml").load()
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, ClassVar

import pyarrow as pa

from pi_lakeflow import aio
from pi_lakeflow.app.assets import asset_tables, snapshot_of
from pi_lakeflow.app.source import open_lake, open_source, server_now
from pi_lakeflow.app.tables import table_named
from pi_lakeflow.app.writer import fitted
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Plant, Survey
from pi_lakeflow.engines.spark.sink import Landing
from pi_lakeflow.engines.spark.source import HistorianSource, Session
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.density import densities
from pi_lakeflow.historians.pi.recorded.packing import AnswerSize
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import UnitReader
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Mark
from pi_lakeflow.settings import Selection, Selector, SelectorKind, Settings
from pi_lakeflow.sinks.delta import DeltaLakeTable
from pi_lakeflow.sinks.parts import Part, PartWriter
from pi_lakeflow.sinks.store import remove

_TABLES = {spec.name: spec for spec in (PI_TIMESERIES, *asset_tables())}


class PiPlant:
    """A PI Web API as ``engines/spark`` sees it."""

    def specs(self) -> Sequence[TableSpec]:
        return tuple(_TABLES.values())

    def snapshot(self, settings: Settings, spec: TableSpec) -> Iterator[pa.RecordBatch]:
        return iter(aio.run(snapshot_of(settings, spec.name)))

    def spec(self, table: str) -> TableSpec:
        found = _TABLES.get(table.lower())
        if found is None:
            near = get_close_matches(table.lower(), _TABLES, n=1, cutoff=0.3)
            raise SettingsError(
                f"there is no table {table!r} to read",
                subject="option 'table'",
                hint=f"did you mean {near[0]}?" if near else f"tables: {', '.join(_TABLES)}",
            )
        return found

    async def survey(self, settings: Settings, names: Collection[str] | None = None) -> Survey:
        if not settings.tags:
            raise SettingsError(
                "no tags are chosen",
                subject="option 'tags'",
                hint="a name, a mask, all, or a JSON list of these",
            )
        async with open_source(settings) as source:
            resolved = await source.catalog.resolve(_narrowed(settings.tags, names))
            return Survey(resolved.tags, resolved.failures, await server_now(source.client))

    async def densities(self, settings: Settings, tags: Sequence[Tag], span: Span) -> Mapping[str, float]:
        async with open_source(settings) as source:
            return await densities(source.client, tags, span)

    @asynccontextmanager
    async def reader(
        self, settings: Settings, spec: TableSpec, *, ingested_at: int
    ) -> AsyncIterator[UnitReader]:
        if spec.name != PI_TIMESERIES.name:
            raise SettingsError(f"{spec.name} cannot be read by tag and time", subject="option 'table'")
        async with open_source(settings) as source:
            with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
                yield RecordedReader(
                    source.client.transport,
                    ingested_at=ingested_at,
                    pool=pool,
                    size=AnswerSize(tags=settings.performance.base_batch_size),
                )


class LakeLanding:
    """A table of the configured lake, written by tasks and committed by the driver."""

    def __init__(self, options: SparkOptions) -> None:
        self._settings = options.settings
        self._spec = table_named(options.table)

    def prepare(self) -> None:
        self._table().files()

    def write(self, batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
        writer = PartWriter(self._table().files(), self._spec)
        try:
            for batch in batches:
                for rows in self._fitted(pa.Table.from_batches([batch])).to_batches():
                    writer.add(rows)
            return [part.to_dict() for part in writer.close()]
        except BaseException:
            writer.discard()
            raise

    def commit(self, files: Sequence[dict[str, Any]], query: str | None, batch: int) -> None:
        if files:
            mark = None if query is None else Mark(f"pi-lakeflow/spark/{query}", None, batch)
            self._table().commit_parts([Part(**file) for file in files], mark)

    def discard(self, files: Sequence[dict[str, Any]]) -> None:
        remove(self._table().files(), [file["path"] for file in files])

    def _fitted(self, rows: pa.Table) -> pa.Table:
        names = self._spec.arrow_schema.names
        if {"tag_webid", "timestamp", "date"} <= set(names):
            return fitted(rows, self._spec)
        if missing := [name for name in names if name not in rows.column_names]:
            raise SettingsError(f"columns are missing: {', '.join(missing)}", subject=self._spec.name)
        return rows.select(names).cast(self._spec.arrow_schema)

    def _table(self) -> DeltaLakeTable:
        return open_lake(self._settings).table(self._spec)


class DefaultSource(HistorianSource):
    """``format("pi_lakeflow")``."""

    plant: ClassVar[Plant] = PiPlant()
    landing: ClassVar[Callable[[SparkOptions], Landing]] = LakeLanding


def register(spark: Session) -> None:
    """Make ``format("pi_lakeflow")`` known to a session, classic or Connect."""
    spark.dataSource.register(DefaultSource)


def _narrowed(selection: Selection, names: Collection[str] | None) -> Selection:
    """Few names out of all tags are looked up by themselves, instead of listing the server."""
    everything = Selection((Selector(SelectorKind.ALL, "all"),))
    if names is None or selection != everything:
        return selection
    return replace(everything, selectors=tuple(Selector(SelectorKind.NAME, name) for name in sorted(names)))
