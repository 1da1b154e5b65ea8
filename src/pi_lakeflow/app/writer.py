"""Rows from anywhere into the live table: for callbacks and notebooks.

    writer = DeltaLakeWriter(catalog="main", schema="streaming")
    writer.write_timeseries(rows)

``rows`` may be anything that speaks Arrow (pyarrow, polars, pandas), a list of dictionaries, or a Spark
DataFrame. Columns that are missing are filled in where they follow from the others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.tables.timeseries import TIMESTAMP
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.sinks.delta import DeltaLake, rows_of

_NEEDED = ("tag_webid", "timestamp")


class DeltaLakeWriter:
    """Appends to ``lake/catalog/schema``; ``lake`` (a folder or an object-store URL) is PI_LAKEFLOW_LAKE,
    else ``lake``, unless given."""

    def __init__(
        self,
        catalog: str = "main",
        schema: str = "streaming",
        *,
        lake: str | None = None,
        storage_options: Mapping[str, str] | None = None,
        table: TableSpec = PI_TIMESERIES_LIVE,
    ) -> None:
        root = lake or os.environ.get("PI_LAKEFLOW_LAKE") or "lake"
        self._table = DeltaLake(root, catalog, schema, storage_options=storage_options).table(table)
        self.path = self._table.path

    def write_timeseries(self, rows: Any) -> int:
        """Append ``rows`` in one commit; the table's version. Raises ``SettingsError`` for rows that do not
        fit, ``SinkUnavailable`` when the lake cannot be written.
        """
        return self._table.add(fitted(arrow_of(rows), self._table.spec))


def arrow_of(rows: Any) -> pa.Table:
    """``rows`` as an Arrow table. Spark DataFrames are told by their methods."""
    for method in ("toArrow", "toPandas"):
        if hasattr(rows, method) and hasattr(rows, "schema"):
            return rows_of(getattr(rows, method)())
    if hasattr(rows, "columns") and hasattr(rows, "iloc"):
        return pa.Table.from_pandas(rows, preserve_index=False)
    try:
        return rows_of(rows)
    except TypeError as error:
        raise SettingsError(str(error), subject="rows") from None
    except pa.ArrowException as error:
        raise SettingsError(f"the rows do not fit together: {error}", subject="rows") from None


def fitted(rows: pa.Table, spec: TableSpec) -> pa.Table:
    """The rows in the types of ``spec``, with what follows from them filled in."""
    missing = [name for name in _NEEDED if name not in rows.column_names]
    unknown = sorted(set(rows.column_names) - set(spec.arrow_schema.names))
    if missing or unknown:
        text = f"columns are missing: {', '.join(missing)}" if missing else f"unknown: {', '.join(unknown)}"
        raise SettingsError(
            text, subject=spec.name, hint=f"its columns are {', '.join(spec.arrow_schema.names)}"
        )
    known = {name: rows[name] for name in rows.column_names}
    try:
        known["timestamp"] = _times(rows["timestamp"])
        columns = [_column(field, known, rows.num_rows) for field in spec.arrow_schema]
        made = pa.Table.from_arrays(columns, schema=spec.arrow_schema)
    except (pa.ArrowException, OverflowError) as error:
        raise SettingsError(f"the rows do not fit: {error}", subject=spec.name) from None
    empty = [f.name for f in spec.arrow_schema if not f.nullable and made[f.name].null_count]
    if empty:
        raise SettingsError(f"must not be null: {', '.join(empty)}", subject=spec.name)
    return made


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC microseconds; naive times are UTC, texts are ISO 8601."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.timestamp("ns", tz="UTC"))
    return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(TIMESTAMP)


def _column(field: pa.Field, known: Mapping[str, pa.ChunkedArray], count: int) -> Any:
    if field.name in known:
        return known[field.name].cast(field.type)
    if field.name == "date":
        return known["timestamp"].cast(pa.date32())
    if field.name == "value_kind":
        return _kinds(known, count)
    defaults: dict[str, Any] = {
        "tag_name": known["tag_webid"],
        "event_index": 0,
        "ingested_at": SystemClock().now(),
        "received_at": known.get("ingested_at", SystemClock().now()),
        "origin": "channel",
    }
    value = defaults.get(field.name)
    if isinstance(value, pa.ChunkedArray):
        return value.cast(field.type)
    if value is None:
        return pa.nulls(count, field.type)
    plain = pa.array([value] * count, pa.int64() if isinstance(value, int) else pa.string())
    return plain.cast(field.type)


def _kinds(known: Mapping[str, pa.ChunkedArray], count: int) -> Any:
    kinds: Any = pa.array(["null"] * count, pa.string())
    for name, kind in (("value_text", "text"), ("state_code", "digital"), ("value", "number")):
        if name in known:
            kinds = pc.if_else(pc.is_valid(known[name]), kind, kinds)
    return kinds
