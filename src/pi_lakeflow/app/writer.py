"""Rows from anywhere into the live table: for callbacks and notebooks.

    writer = DeltaLakeWriter(catalog="main", schema="streaming")
    writer.write_timeseries(rows)

``rows`` may be anything that speaks Arrow (pyarrow, polars, pandas), a list of dictionaries, or a Spark
DataFrame. Columns that are missing are filled in where they follow from the others.

A Spark DataFrame is written by Spark's tasks: on Databricks into the catalog's table, elsewhere as files that
are committed together. Only a Spark Connect client with a lake in a local folder collects the rows first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.tables.timeseries import TIMESTAMP
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.sinks.arrow import rows_of
from pi_lakeflow.sinks.delta import DeltaLake

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
        given = lake or os.environ.get("PI_LAKEFLOW_LAKE")
        root = given or "lake"
        self._native = f"{catalog}.{schema}.{table.name}" if not given and _DATABRICKS in os.environ else None
        self._options = _spark_options(root, catalog, schema, table.name, storage_options or {})
        self._table = DeltaLake(root, catalog, schema, storage_options=storage_options).table(table)
        self.path = self._table.path

    def write_timeseries(self, rows: Any) -> int:
        """Append ``rows`` in one commit; the table's version. Raises ``SettingsError`` for rows that do not
        fit, ``SinkUnavailable`` when the lake cannot be written.
        """
        if _is_frame(rows) and (self._native or _reaches(rows, self.path)):
            return self._by_spark(rows)
        return self._table.add(fitted(arrow_of(rows), self._table.spec))

    def _by_spark(self, frame: Any) -> int:
        from pi_lakeflow.engines.spark import frames

        if self._native is not None:
            return frames.append_natively(frame, self._table.spec, self._native, fitted)
        frames.append_parts(frame, self._options)
        return self._table.version()


_DATABRICKS = "DATABRICKS_RUNTIME_VERSION"  # set on every compute of Databricks


def _is_frame(rows: Any) -> bool:
    """Whether it is a Spark DataFrame; nobody imports Spark for that."""
    return type(rows).__module__.startswith("pyspark.sql.") and hasattr(rows, "write")


def _reaches(frame: Any, path: str) -> bool:
    """Whether Spark's tasks see the place: a URL, or a folder of the machine that the driver runs on."""
    return "://" in path or ".connect." not in type(frame).__module__


def _spark_options(
    root: str, catalog: str, schema: str, table: str, storage: Mapping[str, str]
) -> dict[str, str]:
    place = root if "://" in root else str(Path(root).absolute())
    found = {"lake": place, "catalog": catalog, "schema": schema, "table": table}
    return found | ({"lake.storage_options": json.dumps(dict(storage))} if storage else {})


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
