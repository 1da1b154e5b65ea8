"""Spark's schema of a table, and batches in exactly the Arrow types that Spark wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.tables import TableSpec

# Spark refuses nothing about a batch but its types; larger ones only cost memory.
BATCH_ROWS = 65_536


def spark_schema(spec: TableSpec) -> StructType:
    """The table's columns, with their documentation as comments."""
    schema = from_arrow_schema(spec.arrow_schema)
    for field, column in zip(schema.fields, spec.columns, strict=True):
        field.metadata = {"comment": column.doc}
    return schema


def arrow_schema(spec: TableSpec, schema: StructType) -> pa.Schema:
    """The Arrow types of ``schema``: the table's own, or some of its columns as the query chose them.

    Raises ``SettingsError`` for a column that the table does not have, or has with another type.
    """
    known = spark_schema(spec)
    fields = []
    for field in schema.fields:
        if field.name not in known.fieldNames() or field.dataType != known[field.name].dataType:
            raise SettingsError(
                f"{spec.name} has no column {field.name} of type {field.dataType.simpleString()}",
                subject="schema",
                hint=f"columns: {', '.join(f'{f.name} {f.dataType.simpleString()}' for f in known.fields)}",
            )
        fields.append(spec.arrow_schema.field(field.name).with_nullable(field.nullable))
    return pa.schema(fields)


def conform(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in ``schema``: no dictionaries, small batches joined, none empty.

    Spark compares the first batch's schema with its own and trusts the others.
    """
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        waiting.append(batch.select(schema.names).cast(schema))
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
