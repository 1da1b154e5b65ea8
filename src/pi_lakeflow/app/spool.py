"""Rows that wait on disk until their table is whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from pi_lakeflow.model.tables import TableSpec


class Spool:
    """One Arrow file for each table in a temporary folder, which goes with the spool."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pi-lakeflow-")
        self._writers: dict[str, pa.RecordBatchStreamWriter] = {}

    def add(self, spec: TableSpec, batch: pa.RecordBatch) -> None:
        """Keep some rows of a table."""
        if spec.name not in self._writers:
            path = str(self._path(spec))
            self._writers[spec.name] = pa.ipc.new_stream(pa.OSFile(path, "wb"), spec.arrow_schema)
        self._writers[spec.name].write_batch(batch)

    def take(self, spec: TableSpec) -> pa.Table:
        """All rows of a table, mapped from disk rather than copied."""
        writer = self._writers.pop(spec.name, None)
        if writer is None:
            return spec.arrow_schema.empty_table()
        writer.close()
        with pa.memory_map(str(self._path(spec))) as source, pa.ipc.open_stream(source) as reader:
            return reader.read_all()

    def _path(self, spec: TableSpec) -> Path:
        return Path(self._folder.name) / f"{spec.name}.arrows"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        self._folder.cleanup()
