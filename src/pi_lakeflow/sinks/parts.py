"""Files written apart from the commit that names them: in tasks of an engine, or while a run goes on.

    parts = PartWriter(table.files(), spec)       # in a task
    parts.add(batch) ...; described = parts.close()
    table.commit_parts(described, mark)           # on the driver: one commit, or none when it was there

A file that no commit names is invisible. Descriptions are plain values that pickle and survive JSON.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.transaction import AddAction
from numpy.typing import NDArray
from pyarrow.fs import FileSystem

from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.sinks.partfile import GROUP_ROWS, PartFile, alike, fitted
from pi_lakeflow.sinks.store import discard

HELD_ROWS = 1_000_000
"""Rows in memory before the fullest partition is written, unless told otherwise."""

FILE_BYTES = 192 << 20
"""A file of this size gets no more rows."""

_OPEN = 64  # files that are open at a time

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file below the table's root. ``partition`` holds texts, as the Delta log does."""

    path: str
    size: int
    partition: Mapping[str, str | None]
    modified: int
    stats: str

    @property
    def rows(self) -> int:
        return int(json.loads(self.stats)["numRecords"])

    def action(self) -> AddAction:
        """What the commit says about the file."""
        return AddAction(
            self.path, self.size, self.partition, self.modified, data_change=True, stats=self.stats
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows went: ``count`` rows of a file, from row ``start`` on."""

    path: str
    start: int
    count: int


@dataclass(slots=True)
class _Filling:
    """The file that a partition's rows go to; ``file`` None until the first of them are written."""

    path: str
    schema: pa.Schema
    file: PartFile | None = None
    held: list[pa.RecordBatch] = field(default_factory=list)
    held_rows: int = 0
    rows: int = 0


class PartWriter:
    """Writes Arrow batches into files, one or more per partition value, in the order in which they come.

    At most ``held_rows`` rows are in memory. Texts may come as dictionaries, which saves most of
    the work.
    """

    def __init__(self, files: FileSystem, spec: TableSpec, *, held_rows: int = HELD_ROWS) -> None:
        self._files = files
        self._spec = spec
        self._most = held_rows
        self._group = min(GROUP_ROWS, max(1, held_rows))
        self._filling: dict[Values, _Filling] = {}  # the one written to last comes last
        self._parts: list[Part] = []
        self._paths: list[str] = []
        self.held = 0
        """Rows that are in memory."""

    def add(self, batch: pa.RecordBatch) -> list[Place]:
        """Take the rows of a batch that has the table's columns; where they go."""
        places = []
        for values, rows in self._by_partition(batch):
            target = self._filling.get(values) or self._start(values, rows.schema)
            places.append(Place(target.path, target.rows, rows.num_rows))
            target.held.append(fitted(rows, target.schema))
            target.held_rows += rows.num_rows
            target.rows += rows.num_rows
            self.held += rows.num_rows
            if target.held_rows >= self._group:
                self._write(values)
        while self.held > self._most:
            self._write(max(self._filling, key=lambda each: self._filling[each].held_rows))
        return places

    def close(self) -> list[Part]:
        """Write what is left; the files, all complete."""
        for values in list(self._filling):
            self._finish(values)
        return self._parts

    def discard(self) -> None:
        """Remove what was written: nobody will name it."""
        for target in self._filling.values():
            if target.file is not None:
                target.file.abandon()
        self._filling.clear()
        discard(self._files, self._paths)

    def _by_partition(self, batch: pa.RecordBatch) -> Iterator[tuple[Values, pa.RecordBatch]]:
        names = self._spec.partition_by
        if batch.num_rows == 0:
            return
        codes = [_codes(batch.column(name)) for name in names if _varies(batch.column(name))]
        if not codes:
            yield tuple(_text(batch.column(name)[0].as_py()) for name in names), batch
            return
        order = np.lexsort(codes[::-1])
        borders = np.zeros(batch.num_rows + 1, bool)
        borders[0] = borders[-1] = True
        for code in codes:
            ordered = code[order]
            borders[1:-1] |= ordered[1:] != ordered[:-1]
        for start, end in pairwise(np.flatnonzero(borders).tolist()):
            # taken and not sliced: a day that waits must not keep the memory of all others
            rows = batch.take(pa.array(order[start:end]))
            yield tuple(_text(rows.column(name)[0].as_py()) for name in names), rows

    def _start(self, values: Values, schema: pa.Schema) -> _Filling:
        pairs = zip(self._spec.partition_by, values, strict=True)
        folder = "/".join(f"{name}={value}" for name, value in pairs)
        path = f"{folder}/part-{uuid.uuid4()}.zstd.parquet".lstrip("/")
        wanted = alike(schema, self._spec.arrow_schema, self._spec.partition_by)
        self._filling[values] = _Filling(path, wanted)
        return self._filling[values]

    def _write(self, values: Values) -> None:
        target = self._filling.pop(values)
        self._filling[values] = target
        if target.file is None:
            self._make_room()
            self._paths.append(target.path)
            target.file = PartFile(self._files, target.path, target.schema)
        held, target.held = target.held, []
        self.held, target.held_rows = self.held - target.held_rows, 0
        target.file.write(pa.Table.from_batches(held, target.schema))
        if target.file.bytes >= FILE_BYTES:
            self._finish(values)

    def _make_room(self) -> None:
        opened = [values for values, target in self._filling.items() if target.file is not None]
        for values in opened[: max(0, len(opened) - _OPEN + 1)]:
            self._finish(values)

    def _finish(self, values: Values) -> None:
        if values in self._filling and self._filling[values].held:
            self._write(values)
        target = self._filling.pop(values, None)
        if target is not None and target.file is not None:  # else it was finished to make room, or was full
            partition = dict(zip(self._spec.partition_by, values, strict=True))
            size, modified, stats = target.file.close()
            self._parts.append(Part(target.path, size, partition, modified, stats))


def _varies(column: pa.Array) -> bool:
    """Most batches hold one day only."""
    return bool(column.null_count) or not pc.all(pc.equal(column, column[0])).as_py()


def _codes(column: pa.Array) -> NDArray[Any]:
    """Numbers that are equal where the values are."""
    if pa.types.is_date32(column.type) and not column.null_count:
        days: NDArray[Any] = column.view(pa.int32()).to_numpy()
        return days
    ranks: NDArray[Any] = pc.rank(column, tiebreaker="min").to_numpy()
    return ranks


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
