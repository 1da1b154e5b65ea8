"""The lake as Delta tables, written by delta-rs: one directory, no server.

``append`` is where exactly-once is decided. The steps' positions are compared with the log of a
table handle, and the commit goes through that same handle: delta-rs rejects it when an equal
application id was committed meanwhile, so "look, then commit" cannot be raced.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyarrow.fs import FileSystem

from pi_lakeflow.flow.commit import select_due
from pi_lakeflow.flow.difference import Difference
from pi_lakeflow.flow.holding import Holding
from pi_lakeflow.flow.scope import Spans, check_inside
from pi_lakeflow.model.ports import Changed, CommitResult, StepWriter
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks import corrections
from pi_lakeflow.sinks.foreign import refuse_foreign
from pi_lakeflow.sinks.parts import HELD_ROWS, Part
from pi_lakeflow.sinks.properties import PLAIN, commit_properties, writer_properties
from pi_lakeflow.sinks.staged import StagedSteps
from pi_lakeflow.sinks.store import discard, empty, rooted, translated

# A handle slows down with every commit it has seen (10 ms at first, 50 ms after 300 files).
_REOPEN_AFTER = 50
_ATTEMPTS = 20


class DeltaLake:
    """Tables under ``root/catalog/schema/name``; ``root`` is a directory or an object-store URL."""

    def __init__(
        self,
        root: str,
        catalog: str = "main",
        schema: str = "bronze",
        *,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root.rstrip("/")
        self.catalog = catalog
        self.schema = schema
        self._options = dict(storage_options or {})
        self._tables: dict[str, DeltaLakeTable] = {}

    @property
    def storage_options(self) -> Mapping[str, str]:
        """Options of the object store, in clear."""
        return self._options

    def table(self, spec: TableSpec) -> DeltaLakeTable:
        if spec.name not in self._tables:
            self._tables[spec.name] = DeltaLakeTable(self.path_of(spec.name), spec, self._options)
        return self._tables[spec.name]

    def sql(self, query: str, tables: Sequence[TableSpec]) -> pa.Table:
        """The answer of DataFusion SQL over ``tables``, each under its own name."""
        builder = QueryBuilder()
        for spec in tables:
            builder = builder.register(spec.name, self.table(spec).handle())
        with translated(self.path_of(tables[0].name)):
            return pa.table(builder.execute(query))

    def path_of(self, table: str) -> str:
        return f"{self.root}/{self.catalog}/{self.schema}/{table}"


class DeltaLakeTable:
    """One Delta table. Methods may be called from several threads; commits take turns.

    ``storage_options`` may be a function, for keys that expire: the table is opened anew with new ones.
    """

    def __init__(
        self,
        path: str,
        spec: TableSpec,
        storage_options: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.path = path
        self.spec = spec
        self._store = storage_options
        self._opened_with: dict[str, str] = {}
        self._lock = threading.RLock()
        self._open: DeltaTable | None = None
        self._commits = 0

    def exists(self) -> bool:
        with translated(self.path):
            return DeltaTable.is_deltatable(self.path, self._options)

    def handle(self) -> DeltaTable:
        """A handle of its own on the newest version."""
        with translated(self.path):
            return self._opened(self._options)

    def positions(self, app_ids: Iterable[str]) -> dict[str, int | None]:
        with self._lock, translated(self.path):
            wanted = list(app_ids)
            if not wanted or not self.exists():
                return dict.fromkeys(wanted)
            table = self._fresh()
            return {app_id: table.transaction_version(app_id) for app_id in wanted}

    def append(self, steps: Sequence[Step]) -> CommitResult:
        if "://" in self.path and (done := self._append_at_once(steps)) is not None:
            return done
        writer = self._staged(HELD_ROWS)
        try:
            writer.write(steps)
            return writer.commit(steps)
        except BaseException:
            writer.discard()
            raise

    def writer(self, held_rows: int, /) -> StepWriter:
        """Files that are written ahead of the commit; in an object store, where that would keep the
        interpreter waiting for each of them, rows that wait in memory."""
        if "://" in self.path:
            return Holding(self)
        return self._staged(held_rows)

    def _staged(self, held_rows: int) -> StagedSteps:
        return StagedSteps(self.path, self.files(), self.spec, self._commit_staged, held_rows=held_rows)

    def _commit_staged(
        self, steps: Sequence[Step], parts_of: Callable[[Sequence[Step]], Sequence[Part]]
    ) -> CommitResult:
        def attempt(table: DeltaTable) -> CommitResult:
            due, skipped = select_due(steps, table.transaction_version)
            if not due:
                return CommitResult(table.version(), 0, skipped)
            parts = parts_of(due)
            self._commit_parts(table, parts, due)
            return CommitResult(self._counted(table), sum(part.rows for part in parts), skipped)

        return self._persistently(attempt)

    def _append_at_once(self, steps: Sequence[Step]) -> CommitResult | None:
        """Write and commit in one go; None when another commit came between.

        Who corrects the table may do so again and again while the rows are written: it is no use to try
        this way once more.
        """
        with self._lock, translated(self.path):
            table = self._ensure()
            due, skipped = select_due(steps, table.transaction_version)
            if not due:
                return CommitResult(table.version(), 0, skipped)
            try:
                return self._commit(table, due, skipped)
            except CommitFailedError:
                return None

    def files(self) -> FileSystem:
        """The table's folder, for a ``PartWriter``; made when it is not there."""
        with self._lock, translated(self.path):
            self._ensure()
        return rooted(self.path, self._options)

    def commit_parts(self, parts: Sequence[Part], mark: Mark | None = None) -> bool:
        """Name these files in one commit. False: the log is past ``mark`` already, and they are removed."""

        def attempt(table: DeltaTable) -> bool:
            seen = table.transaction_version(mark.app_id) if mark is not None else None
            if mark is not None and seen is not None and seen >= mark.version:
                return False
            self._commit_parts(table, parts, [Step(mark)] if mark is not None else [])
            self._counted(table)
            return True

        done = self._persistently(attempt)
        if not done:
            discard(rooted(self.path, self._options), [part.path for part in parts])
        return done

    def add(self, rows: pa.Table) -> int:
        with self._lock, translated(self.path):
            table = self._ensure()
            # "merge" adds the columns that a newer version of ours has more
            write_deltalake(table, rows, mode="append", schema_mode="merge", writer_properties=PLAIN)
            return self._counted(table)

    def replace_all(self, rows: pa.Table) -> int:
        with self._lock, translated(self.path):
            table = self._ensure()
            write_deltalake(table, rows, mode="overwrite", writer_properties=PLAIN)
            return self._counted(table)

    def merge(self, rows: pa.Table, *, delete: pa.Table | None = None, marks: Sequence[Mark] = ()) -> Changed:
        return self._correct(
            lambda table: corrections.difference_by_key(table, self.spec, rows, delete), marks
        )

    def replace(
        self, spans: Spans, rows: pa.Table, *, seen: int | None = None, marks: Sequence[Mark] = ()
    ) -> Changed:
        check_inside(self.spec, rows, spans)

        def find(table: DeltaTable) -> Difference:
            if seen is not None:
                corrections.refuse_overtaken(table, self.spec, spans, seen)
            return corrections.difference_in_spans(table, self.spec, spans, rows)

        return self._correct(find, marks)

    def compare(self, spans: Spans, rows: pa.Table) -> pa.Table:
        with self._lock, translated(self.path):
            return corrections.difference_in_spans(self._fresh(), self.spec, spans, rows).keys(self.spec)

    def tally(self, subjects: Sequence[str], span: Span, *, step: int, flag: str) -> pa.Table:
        with self._lock, translated(self.path):
            return corrections.tally(self._fresh(), self.spec, subjects, span, step=step, flag=flag)

    def held(self, subjects: Sequence[str], span: Span) -> pa.Table:
        with self._lock, translated(self.path):
            return corrections.held_in(self._ensure(), self.spec, {each: [span] for each in subjects})

    def changes(self, first: int, last: int | None = None) -> pa.Table:
        with self._lock, translated(self.path):
            return corrections.change_feed(self._fresh(), self.spec, first, last)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        with self._lock, translated(self.path):
            table = self._fresh()
            names = list(columns) if columns is not None else [c.name for c in self.spec.columns]
            held = {each.name for each in table.schema().fields}
            found = table.to_pyarrow_table(columns=[name for name in names if name in held])
            return found if len(held.intersection(names)) == len(names) else _widened(found, names, self.spec)

    def version(self) -> int:
        with self._lock, translated(self.path):
            return self._fresh().version()

    def bytes(self) -> int:
        """Size of the live files."""
        with self._lock, translated(self.path):
            return int(pa.table(self._fresh().get_add_actions())["size_bytes"].to_numpy().sum())

    def drop(self) -> None:
        """Remove the table with all its files."""
        with self._lock, translated(self.path):
            self._open = None
            if "://" in self.path:
                empty(self.path, self._options)
            else:
                shutil.rmtree(self.path)

    def maintain(self, work: Callable[[DeltaTable, WriterProperties], R]) -> R:
        """Do ``work`` on the newest version, again when another commit comes between."""
        return self._persistently(lambda table: work(table, writer_properties(self.spec)))

    def beside(self, work: Callable[[DeltaTable, WriterProperties], R]) -> R | None:
        """Do ``work`` once on a handle of its own: commits go on meanwhile. None when one was in its way."""
        with translated(self.path):
            try:
                return work(self.handle(), writer_properties(self.spec))
            except CommitFailedError:
                return None

    def _persistently(self, attempt: Callable[[DeltaTable], R]) -> R:
        """Try on the newest version until no other commit comes between looking and writing."""
        with self._lock, translated(self.path):
            table = self._ensure()
            for number in range(1, _ATTEMPTS + 1):
                try:
                    return attempt(table)
                except CommitFailedError:
                    if number == _ATTEMPTS:
                        raise
                    time.sleep(random.random() * 0.2 * number)
                    table.update_incremental()
        raise AssertionError("unreachable")

    def _correct(self, find: Callable[[DeltaTable], Difference], marks: Sequence[Mark]) -> Changed:
        steps = [Step(mark) for mark in marks]

        def attempt(table: DeltaTable) -> Changed:
            due, skipped = select_due(steps, table.transaction_version)
            if skipped:
                return Changed(table.version())
            found = find(table)
            if found:
                turn = Mark(corrections.CORRECTIONS, None, self._turn(table))
                corrections.merge(
                    table,
                    self.spec,
                    found,
                    properties=commit_properties([*due, Step(turn)]),
                    writer=writer_properties(self.spec),
                )
                self._counted(table)
            elif due:
                self._commit(table, due, ())
            counts = (part.num_rows for part in (found.inserted, found.updated, found.deleted))
            return Changed(table.version(), *counts)

        return self._persistently(attempt)

    @staticmethod
    def _turn(table: DeltaTable) -> int:
        return (table.transaction_version(corrections.CORRECTIONS) or 0) + 1

    def _commit(self, table: DeltaTable, due: Sequence[Step], skipped: tuple[str, ...]) -> CommitResult:
        properties = commit_properties(due)
        batches = [batch for step in due for batch in step.batches if batch.num_rows]
        rows = sum(batch.num_rows for batch in batches)
        if batches:
            reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
            write_deltalake(
                table,
                reader,
                mode="append",
                writer_properties=writer_properties(self.spec),
                commit_properties=properties,
            )
        else:
            self._commit_parts(table, (), due)
        return CommitResult(self._counted(table), rows, skipped)

    def _commit_parts(self, table: DeltaTable, parts: Sequence[Part], steps: Sequence[Step]) -> None:
        table.create_write_transaction(
            [part.action() for part in parts],
            "append",
            table.schema(),
            list(self.spec.partition_by),
            commit_properties=commit_properties(steps),
        )
        table.update_incremental()

    def _counted(self, table: DeltaTable) -> int:
        self._commits += 1
        version = table.version()
        if self._commits % _REOPEN_AFTER == 0:
            self._open = None
        return version

    @property
    def _options(self) -> dict[str, str]:
        return dict(self._store() if callable(self._store) else self._store or {})

    def _ensure(self) -> DeltaTable:
        if self._open is None and not self.exists():
            self._create()
        return self._fresh()

    def _fresh(self) -> DeltaTable:
        options = self._options
        if self._open is None or options != self._opened_with:
            self._open = self._opened(options)
            self._opened_with = options
        else:
            self._open.update_incremental()
        return self._open

    def _opened(self, options: dict[str, str]) -> DeltaTable:
        table = DeltaTable(self.path, storage_options=options)
        refuse_foreign(table, self.spec, self.path)
        return table

    def _create(self) -> None:
        if "://" not in self.path:
            Path(self.path).mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            self.path,
            schema=Schema.from_arrow(self.spec.arrow_schema),
            mode="ignore",
            partition_by=list(self.spec.partition_by),
            name=self.spec.name,
            description=self.spec.doc,
            configuration={corrections.FEED: "true"} if self.spec.changes else None,
            storage_options=self._options,
        )


R = TypeVar("R")


def _widened(rows: pa.Table, names: Sequence[str], spec: TableSpec) -> pa.Table:
    """Columns that the table of an older version lacks are null."""
    lacking = {name: pa.nulls(len(rows), spec.arrow_schema.field(name).type) for name in names}
    held = set(rows.schema.names)
    return pa.table({name: rows[name] if name in held else lacking[name] for name in names})
