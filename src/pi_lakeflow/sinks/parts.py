"""Files written by many processes, committed to a Delta table by one: for engines that run in tasks.

    parts = PartWriter(table.files(), spec)       # in a task
    parts.add(batch) ...; described = parts.close()
    table.commit_parts(described, mark)           # on the driver: one commit, or none when it was there

A file that no commit names is invisible. Descriptions are plain values that pickle and survive JSON.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyarrow.fs import FileSystem

from pi_lakeflow.model.span import from_micros
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.sinks.store import remove

_GROUP_ROWS = 250_000  # rows of a row group
_HELD_ROWS = 1_000_000  # rows in memory before the fullest partition is written
_FILE_ROWS = 10_000_000
_LONGEST = 128  # characters of a text that still serves as a bound
_MILLI = 1000


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


class PartWriter:
    """Writes Arrow batches into one file per partition value, with the statistics that readers skip by."""

    def __init__(self, files: FileSystem, spec: TableSpec) -> None:
        self._files = files
        self._spec = spec
        self._held: dict[tuple[str | None, ...], list[pa.RecordBatch]] = {}
        self._rows: dict[tuple[str | None, ...], int] = {}
        self._open: dict[tuple[str | None, ...], _File] = {}
        self._parts: list[Part] = []
        self._written: list[str] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch in the table's schema."""
        for values, rows in self._by_partition(batch):
            self._held.setdefault(values, []).append(rows)
            self._rows[values] = self._rows.get(values, 0) + rows.num_rows
            if self._rows[values] >= _GROUP_ROWS:
                self._write(values)
        while sum(self._rows.values()) > _HELD_ROWS:
            self._write(max(self._rows, key=lambda each: self._rows[each]))

    def close(self) -> list[Part]:
        """Write what is left; the files, all complete."""
        for values in list(self._held):
            self._write(values)
        for values in list(self._open):
            self._finish(values)
        return self._parts

    def discard(self) -> None:
        """Remove what was written: the task has failed."""
        for file in self._open.values():
            file.abandon()
        remove(self._files, self._written)

    def _by_partition(self, batch: pa.RecordBatch) -> Iterable[tuple[tuple[str | None, ...], pa.RecordBatch]]:
        names = self._spec.partition_by
        rest = [name for name in batch.schema.names if name not in names]
        if not names or batch.num_rows == 0:
            return [((), batch)] if batch.num_rows else []
        table = pa.Table.from_batches([batch])
        found = []
        for key in table.select(list(names)).group_by(list(names)).aggregate([]).to_pylist():
            chosen = batch
            for name in names:
                column = chosen.column(name)
                same = pc.is_null(column) if key[name] is None else pc.equal(column, key[name])
                if not pc.all(same).as_py():
                    chosen = chosen.filter(same)
            found.append((tuple(_text(key[name]) for name in names), chosen.select(rest)))
        return found

    def _write(self, values: tuple[str | None, ...]) -> None:
        rows = pa.Table.from_batches(self._held.pop(values))
        del self._rows[values]
        if values not in self._open:
            folder = "/".join(
                f"{name}={value}" for name, value in zip(self._spec.partition_by, values, strict=True)
            )
            path = f"{folder}/part-{uuid.uuid4()}.zstd.parquet".lstrip("/")
            self._written.append(path)
            self._open[values] = _File(self._files, path, rows.schema)
        self._open[values].write(rows)
        if self._open[values].rows >= _FILE_ROWS:
            self._finish(values)

    def _finish(self, values: tuple[str | None, ...]) -> None:
        partition = dict(zip(self._spec.partition_by, values, strict=True))
        self._parts.append(self._open.pop(values).close(partition))


class _File:
    """One Parquet file being written."""

    def __init__(self, files: FileSystem, path: str, schema: pa.Schema) -> None:
        self._files = files
        self._path = path
        self.rows = 0
        self._stats = _Stats()
        if "/" in path:
            files.create_dir(path.rpartition("/")[0], recursive=True)
        self._out = files.open_output_stream(path)
        self._writer = pq.ParquetWriter(
            self._out,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
            column_encoding={
                field.name: encoding
                for field in schema
                if (encoding := _ENCODINGS.get(field.name)) is not None
            }
            or None,
        )

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows, row_group_size=_GROUP_ROWS)
        self._stats.add(rows)
        self.rows += rows.num_rows

    def close(self, partition: Mapping[str, str | None]) -> Part:
        self._writer.close()
        size = self._out.tell()
        self._out.close()
        now = int(datetime.now(UTC).timestamp() * _MILLI)
        return Part(self._path, size, dict(partition), now, self._stats.to_json())

    def abandon(self) -> None:
        self._writer.close()
        self._out.close()


# Split bytes and deltas suit floats and times that rarely repeat.
_ENCODINGS = {"timestamp": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"}


class _Stats:
    """Counts and bounds of a file's columns in the form of the Delta log."""

    def __init__(self) -> None:
        self._rows = 0
        self._nulls: dict[str, int] = {}
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}
        self._unbounded: set[str] = set()

    def add(self, rows: pa.Table) -> None:
        self._rows += rows.num_rows
        for field in rows.schema:
            column = rows[field.name]
            self._nulls[field.name] = self._nulls.get(field.name, 0) + column.null_count
            if field.name not in self._unbounded and column.null_count < len(column):
                self._bound(field, column)

    def to_json(self) -> str:
        bounded = [name for name in self._low if name not in self._unbounded]
        return json.dumps(
            {
                "numRecords": self._rows,
                "minValues": {name: _told(self._low[name], up=False) for name in bounded},
                "maxValues": {name: _told(self._high[name], up=True) for name in bounded},
                "nullCount": self._nulls,
            }
        )

    def _bound(self, field: pa.Field, column: pa.ChunkedArray) -> None:
        kind = field.type
        timed, plain = pa.types.is_timestamp(kind), pa.types.is_integer(kind) or pa.types.is_date(kind)
        if not (timed or plain or pa.types.is_floating(kind) or pa.types.is_string(kind)):
            self._unbounded.add(field.name)
            return
        found = pc.min_max(column.cast(pa.int64()) if timed else column).as_py()
        low, high = found["min"], found["max"]
        if not (_serves(low) and _serves(high)):
            self._unbounded.add(field.name)
            return
        low, high = (_Micros(low), _Micros(high)) if timed else (low, high)
        self._low[field.name] = min(low, self._low.get(field.name, low))
        self._high[field.name] = max(high, self._high.get(field.name, high))


def _serves(bound: Any) -> bool:
    if isinstance(bound, str):
        return len(bound) <= _LONGEST
    return not (isinstance(bound, float) and math.isnan(bound))


class _Micros(int):
    """A time in microseconds, told in whole milliseconds."""


def _told(value: Any, *, up: bool) -> Any:
    if isinstance(value, _Micros):
        millis = -(-value // _MILLI) if up else value // _MILLI
        moment = from_micros(millis * _MILLI).replace(tzinfo=None)
        return moment.isoformat(timespec="milliseconds") + "Z"
    return value if isinstance(value, int | float | str) else str(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
