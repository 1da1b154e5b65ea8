"""Rows in key order without what differs from run to run, and a hash of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pyarrow as pa

from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import Span
from pi_lakeflow.simulator import World

COLUMNS = [name for name in PI_TIMESERIES.arrow_schema.names if name != "ingested_at"]
SCHEMA = pa.schema([PI_TIMESERIES.arrow_schema.field(name) for name in COLUMNS])
KEY = [(name, "ascending") for name in PI_TIMESERIES.key]


def sorted_rows(rows: pa.Table | Iterable[pa.RecordBatch]) -> pa.Table:
    """The rows by key, without ``ingested_at``."""
    if not isinstance(rows, pa.Table):
        rows = pa.Table.from_batches(rows, PI_TIMESERIES.arrow_schema)
    return rows.select(COLUMNS).cast(SCHEMA).sort_by(KEY).combine_chunks()


def true_rows(world: World, webids: Iterable[str], span: Span) -> pa.Table:
    """What the archive holds."""
    parts = [world.truth(webid, span.start, span.end).select(COLUMNS).cast(SCHEMA) for webid in webids]
    return sorted_rows(pa.concat_tables(parts) if parts else SCHEMA.empty_table())


def digest(table: pa.Table) -> str:
    """A hash of every value, doubles bit for bit."""
    sink = pa.BufferOutputStream()
    rows = sorted_rows(table)
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        for batch in rows.to_batches(max_chunksize=10_000):
            columns = [pa.concat_arrays([column]) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=rows.schema))
    return hashlib.sha256(sink.getvalue()).hexdigest()
