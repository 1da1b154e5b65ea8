"""A lake in memory: the same promises as Delta, for tests, notebooks and previews."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import pyarrow as pa

from pi_lakeflow.flow.commit import final_versions, select_due
from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Step


class MemoryLake:
    """Tables that live as long as this object."""

    def __init__(self) -> None:
        self._tables: dict[str, MemoryTable] = {}

    def table(self, spec: TableSpec) -> MemoryTable:
        return self._tables.setdefault(spec.name, MemoryTable(spec))


class MemoryTable:
    """One table: batches and the versions of application ids, changed together under a lock."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self._lock = threading.Lock()
        self._batches: list[pa.RecordBatch] = []
        self._versions: dict[str, int] = {}
        self._version = -1

    def exists(self) -> bool:
        return self._version >= 0

    def version(self) -> int:
        with self._lock:
            return self._version

    def positions(self, app_ids: Iterable[str]) -> dict[str, int | None]:
        with self._lock:
            return {app_id: self._versions.get(app_id) for app_id in app_ids}

    def append(self, steps: Sequence[Step]) -> CommitResult:
        with self._lock:
            due, skipped = select_due(steps, self._versions.get)
            rows = sum(batch.num_rows for step in due for batch in step.batches)
            self._batches += [batch for step in due for batch in step.batches]
            self._versions.update(final_versions(due))
            self._version += 1
            return CommitResult(self._version, rows, skipped)

    def add(self, rows: pa.Table) -> int:
        with self._lock:
            self._batches += rows.to_batches()
            self._version += 1
            return self._version

    def replace_all(self, rows: pa.Table) -> int:
        with self._lock:
            self._batches = rows.to_batches()
            self._version += 1
            return self._version

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        schema = self.spec.arrow_schema
        with self._lock:
            tables = [pa.Table.from_batches([batch]).cast(schema) for batch in self._batches]
        whole = pa.concat_tables(tables) if tables else schema.empty_table()
        return whole.select(list(columns)) if columns is not None else whole
