"""Appending a Spark DataFrame to a table of the lake, without collecting it on the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from pi_lakeflow.engines.spark.schema import spark_schema
from pi_lakeflow.engines.spark.source import NAME
from pi_lakeflow.model.tables import TableSpec

Fit = Callable[[pa.Table, TableSpec], pa.Table]


def append_parts(frame: DataFrame, options: Mapping[str, str]) -> None:
    """Tasks write files, the driver commits them once. ``options`` name lake, catalog, schema and table."""
    frame.write.format(NAME).mode("append").options(**options).save()


def append_natively(frame: DataFrame, spec: TableSpec, name: str, fit: Fit) -> int:
    """Append to the catalog's table ``name`` by Spark's own Delta; the version that the table has then.

    ``fit`` gives rows the columns of ``spec``; it runs in tasks.
    """

    def fitted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from fit(pa.Table.from_batches([batch]), spec).to_batches()

    rows: Any = frame.mapInArrow(fitted, spark_schema(spec))
    rows.write.format("delta").mode("append").saveAsTable(name)
    return int(frame.sparkSession.sql(f"DESCRIBE HISTORY {name} LIMIT 1").collect()[0]["version"])
