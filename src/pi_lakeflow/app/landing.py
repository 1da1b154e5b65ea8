"""The lake as Spark's tasks write to it: files by many, one commit by the driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pi_lakeflow.app.tables import table_named
from pi_lakeflow.engines.spark.budget import carried
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.work import Mark

if TYPE_CHECKING:
    from pi_lakeflow.sinks.delta import DeltaLakeTable


class LakeLanding:
    """A table of the configured lake. Fulfils ``engines.spark.ports.Landing``."""

    def __init__(self, options: SparkOptions) -> None:
        self._settings = carried(options.settings)
        self._spec = table_named(options.table)

    @property
    def place(self) -> str:
        lake = self._settings.lake.path.rstrip("/")
        return f"{lake}/{self._settings.catalog}/{self._settings.schema}/{self._spec.name}"

    def prepare(self) -> None:
        self._table().files()

    def write(self, batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
        return self.write_own(
            rows for batch in batches for rows in self._fitted(pa.Table.from_batches([batch])).to_batches()
        )

    def write_own(self, batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
        from pi_lakeflow.sinks.parts import PartWriter

        writer = PartWriter(self._table().files(), self._spec)
        try:
            for batch in batches:
                writer.add(batch)
            return [part.to_dict() for part in writer.close()]
        except BaseException:
            writer.discard()
            raise

    def commit(self, files: Sequence[dict[str, Any]], query: str | None, batch: int) -> None:
        from pi_lakeflow.sinks.parts import Part

        if files:
            mark = None if query is None else Mark(f"pi-lakeflow/spark/{query}", None, batch)
            self._table().commit_parts([Part(**file) for file in files], mark)

    def discard(self, files: Sequence[dict[str, Any]]) -> None:
        from pi_lakeflow.sinks.store import remove

        remove(self._table().files(), [file["path"] for file in files])

    def _fitted(self, rows: pa.Table) -> pa.Table:
        from pi_lakeflow.app.writer import fitted

        names = self._spec.arrow_schema.names
        if {"tag_webid", "timestamp", "date"} <= set(names):
            return fitted(rows, self._spec)
        if missing := [name for name in names if name not in rows.column_names]:
            raise SettingsError(f"columns are missing: {', '.join(missing)}", subject=self._spec.name)
        return rows.select(names).cast(self._spec.arrow_schema)

    def _table(self) -> DeltaLakeTable:
        from pi_lakeflow.app.source import open_lake

        return open_lake(self._settings).table(self._spec)
