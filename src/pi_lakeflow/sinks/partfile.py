"""One Parquet file being written, and what the Delta log says about its columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from pi_lakeflow.model.span import from_micros

GROUP_ROWS = 250_000  # rows of a row group

_LONGEST = 128  # characters of a text that still serves as a bound
_MILLI = 1000

# Split bytes and deltas suit floats and times that rarely repeat.
_ENCODINGS = {"timestamp": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"}
# Few different values each: a dictionary makes next to nothing of them, and of the work.
_FEW = ("event_index", "state_code", "ingested_at")
# Bounds of these skip nothing, and finding them costs a quarter of the writing.
_UNBOUNDED = ("value_kind", "units", "questionable", "substituted", "annotated")


class PartFile:
    """Rows of one partition, compressed row group by row group; nothing of them stays in memory."""

    def __init__(self, files: FileSystem, path: str, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._nulls = dict.fromkeys(schema.names, 0)
        self._written: list[pq.FileMetaData] = []
        if "/" in path:
            files.create_dir(path.rpartition("/")[0], recursive=True)
        self._out = files.open_output_stream(path)
        self._writer = pq.ParquetWriter(
            self._out,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[field.name for field in schema if _repeats(field)] or False,
            column_encoding={name: _ENCODINGS[name] for name in schema.names if name in _ENCODINGS} or None,
            write_statistics=[name for name in schema.names if name not in _UNBOUNDED],
            store_schema=False,  # else readers would see our dictionaries instead of texts
            metadata_collector=self._written,
        )

    @property
    def bytes(self) -> int:
        """Written so far."""
        return int(self._out.tell())

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.unify_dictionaries(), row_group_size=GROUP_ROWS)
        self.rows += rows.num_rows
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            self._nulls[name] += column.null_count

    def close(self) -> tuple[int, int, str]:
        """Size in bytes, time of the last change in milliseconds, statistics as the log has them."""
        try:
            self._writer.close()
        except BaseException:
            self.abandon()
            raise
        size = self.bytes
        self._out.close()
        now = int(datetime.now(UTC).timestamp() * _MILLI)
        return size, now, _statistics(self._written[0], self.rows, self._nulls)

    def abandon(self) -> None:
        """Let go of the file as it is; that the disk takes no more is no news any longer."""
        # else it tries to end the file when it is collected, and tells that it failed
        self._writer.is_open = False
        with suppress(OSError):
            self._out.close()


def _repeats(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    return pa.types.is_string(kind) or field.name in _FEW


def _statistics(written: pq.FileMetaData, rows: int, nulls: dict[str, int]) -> str:
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    groups = [written.row_group(place) for place in range(written.num_row_groups)]
    for place in range(written.num_columns):
        name = written.schema.column(place).path
        found = _bounds([group.column(place).statistics for group in groups])
        if found is not None:
            low[name], high[name] = found
    return json.dumps({"numRecords": rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def _bounds(groups: Sequence[pq.Statistics | None]) -> tuple[Any, Any] | None:
    """The column's bounds over all row groups; None where one of them cannot tell."""
    if any(group is None or (group.num_values and not group.has_min_max) for group in groups):
        return None
    filled = [group for group in groups if group is not None and group.num_values]
    if not filled:
        return None
    kind = filled[0].physical_type, filled[0].logical_type.type
    if kind == ("INT64", "TIMESTAMP"):
        low, high = min(group.min_raw for group in filled), max(group.max_raw for group in filled)
        return _millis(low // _MILLI), _millis(-(-high // _MILLI))
    low, high = min(group.min for group in filled), max(group.max for group in filled)
    if kind[0] == "BOOLEAN" or not all(_serves(bound) for bound in (low, high)):
        return None
    return (low, high) if isinstance(low, int | float | str) else (str(low), str(high))


def _serves(bound: Any) -> bool:
    return not isinstance(bound, bytes) and (not isinstance(bound, str) or len(bound) <= _LONGEST)


def _millis(millis: int) -> str:
    moment = from_micros(millis * _MILLI).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def alike(schema: pa.Schema, wanted: pa.Schema, without: Iterable[str] = ()) -> pa.Schema:
    """``wanted`` in order and nullability, but texts that ``schema`` has as dictionaries stay that."""
    left_out = set(without)
    fields = []
    for field in wanted:
        kind = schema.field(field.name).type
        keeps = pa.types.is_dictionary(kind) and kind.value_type == field.type
        if field.name not in left_out:
            fields.append(pa.field(field.name, kind if keeps else field.type, field.nullable))
    return pa.schema(fields)


def fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch's columns of ``schema``, in its types."""
    columns = [_as(batch.column(field.name), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        return column.dictionary_encode().cast(kind)
    return column.cast(kind)
