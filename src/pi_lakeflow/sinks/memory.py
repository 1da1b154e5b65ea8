"""A lake in memory: the same promises as Delta, for tests, notebooks and previews."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pi_lakeflow.flow.commit import final_versions, select_due
from pi_lakeflow.flow.difference import Difference, difference
from pi_lakeflow.flow.holding import Holding
from pi_lakeflow.flow.scope import Spans, check_inside, tally, within
from pi_lakeflow.model.ports import Changed, CommitResult, Overtaken
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Mark, Step


@dataclass(frozen=True, slots=True)
class _Entry:
    """Rows of the change feed, all of one kind and version."""

    version: int
    kind: str
    rows: pa.Table
    correction: bool

    def as_feed(self) -> pa.Table:
        count = self.rows.num_rows
        feed = self.rows.append_column("_change_type", pa.array([self.kind] * count, pa.string()))
        return feed.append_column("_commit_version", pa.array([self.version] * count, pa.int64()))


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
        self._feed: list[_Entry] = []

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
            batches = [batch for step in due for batch in step.batches]
            self._batches += batches
            self._versions.update(final_versions(due))
            self._version += 1
            rows = self._rows(batches)
            self._note("insert", rows)
            return CommitResult(self._version, rows.num_rows, skipped)

    def writer(self, _held_rows: int, /) -> Holding:
        return Holding(self)

    def add(self, rows: pa.Table) -> int:
        with self._lock:
            self._batches += rows.to_batches()
            self._version += 1
            self._note("insert", self._rows(rows.to_batches()))
            return self._version

    def replace_all(self, rows: pa.Table) -> int:
        with self._lock:
            self._version += 1
            self._note("delete", self._rows(self._batches))
            self._batches = rows.to_batches()
            self._note("insert", self._rows(self._batches))
            return self._version

    def merge(self, rows: pa.Table, *, delete: pa.Table | None = None, marks: Sequence[Mark] = ()) -> Changed:
        unwanted = delete if delete is not None else rows.slice(0, 0)
        return self._correct(lambda held: difference(self.spec, held, rows, unwanted=unwanted), marks)

    def replace(
        self, spans: Spans, rows: pa.Table, *, seen: int | None = None, marks: Sequence[Mark] = ()
    ) -> Changed:
        check_inside(self.spec, rows, spans)

        def find(held: pa.Table) -> Difference:
            if seen is not None:
                self._refuse_overtaken(spans, seen)
            return difference(self.spec, held.filter(pa.array(within(self.spec, held, spans))), rows)

        return self._correct(find, marks)

    def compare(self, spans: Spans, rows: pa.Table) -> pa.Table:
        held = self.read()
        inside = held.filter(pa.array(within(self.spec, held, spans)))
        return difference(self.spec, inside, rows).keys(self.spec)

    def tally(self, subjects: Sequence[str], span: Span, *, step: int, flag: str) -> pa.Table:
        return tally(self.spec, self.read(), subjects, span, step=step, flag=flag)

    def held(self, subjects: Sequence[str], span: Span) -> pa.Table:
        rows = self.read()
        return rows.filter(pa.array(within(self.spec, rows, {each: [span] for each in subjects})))

    def changes(self, first: int, last: int | None = None) -> pa.Table:
        with self._lock:
            final = self._version if last is None else last
            parts = [entry.as_feed() for entry in self._feed if first <= entry.version <= final]
        nothing = _Entry(0, "insert", self._rows([]), correction=False).as_feed()
        return pa.concat_tables([nothing, *parts])

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        with self._lock:
            whole = self._rows(self._batches)
        return whole.select(list(columns)) if columns is not None else whole

    def _correct(self, find: Callable[[pa.Table], Difference], marks: Sequence[Mark]) -> Changed:
        with self._lock:
            due, skipped = select_due([Step(mark) for mark in marks], self._versions.get)
            if skipped:
                return Changed(self._version)
            held = self._rows(self._batches)
            found = find(held)
            if found or due:
                self._version += 1
                self._versions.update(final_versions(due))
            if found:
                self._take_over(held, found)
            counts = (part.num_rows for part in (found.inserted, found.updated, found.deleted))
            return Changed(self._version, *counts)

    def _take_over(self, held: pa.Table, found: Difference) -> None:
        gone = pa.concat_tables([found.before, found.deleted])
        stays = difference(self.spec, gone, held).inserted
        self._batches = pa.concat_tables([stays, found.updated, found.inserted]).to_batches()
        self._note("insert", found.inserted, correction=True)
        self._note("update_preimage", found.before, correction=True)
        self._note("update_postimage", found.updated, correction=True)
        self._note("delete", found.deleted, correction=True)

    def _note(self, kind: str, rows: pa.Table, *, correction: bool = False) -> None:
        if rows.num_rows:
            self._feed.append(_Entry(self._version, kind, rows, correction))

    def _refuse_overtaken(self, spans: Spans, seen: int) -> None:
        subjects: set[str] = set()
        for entry in self._feed:
            if entry.version > seen and entry.correction:
                inside = entry.rows.filter(pa.array(within(self.spec, entry.rows, spans)))
                subjects.update(inside[self.spec.key[0]].to_pylist())
        if subjects:
            raise Overtaken(subjects)

    def _rows(self, batches: Sequence[pa.RecordBatch]) -> pa.Table:
        schema = self.spec.arrow_schema
        tables = [pa.Table.from_batches([batch]).cast(schema) for batch in batches]
        return pa.concat_tables(tables) if tables else schema.empty_table()
