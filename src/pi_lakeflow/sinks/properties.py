"""How delta-rs encodes a table's files, and what its commits carry."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, Transaction, WriterProperties

from pi_lakeflow.flow.commit import final_versions
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Step

PLAIN = WriterProperties(compression="ZSTD", compression_level=1)
"""zstd-1 costs no more than snappy and is a third smaller."""

# Split bytes and deltas suit floats and times that rarely repeat.
_EVENTS = WriterProperties(
    compression="ZSTD",
    compression_level=1,
    max_row_group_size=1_000_000,
    column_properties={
        "timestamp": ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED"),
        "value": ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT"),
    },
)


def writer_properties(spec: TableSpec) -> WriterProperties:
    """Encodings for the table's columns; those of events are for numbers."""
    schema = spec.arrow_schema
    numeric = "value" in schema.names and pa.types.is_float64(schema.field("value").type)
    return _EVENTS if numeric else PLAIN


def commit_properties(steps: Sequence[Step]) -> CommitProperties:
    """The positions of these steps and of their riders."""
    now = int(time.time() * 1000)
    versions = final_versions(steps).items()
    return CommitProperties(app_transactions=[Transaction(app_id, v, now) for app_id, v in versions])
