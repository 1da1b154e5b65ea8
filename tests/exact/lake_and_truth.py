"""Compares a lake with a simulated world, row for row and column for column."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.flow.plan import coverage
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span
from pi_lakeflow.simulator import World

COLUMNS = [name for name in PI_TIMESERIES.arrow_schema.names if name != "ingested_at"]
KEY = [("tag_webid", "ascending"), ("timestamp", "ascending"), ("event_index", "ascending")]


def lake_rows(lake: Lake) -> pa.Table:
    """All rows of ``pi_timeseries`` in key order."""
    return _bits(lake.table(PI_TIMESERIES).read(COLUMNS)).sort_by(KEY)


def true_rows(world: World, webids: Iterable[str], span: Span) -> pa.Table:
    """What the archive holds for the tags over the span, in the table's types and key order."""
    schema = pa.schema([PI_TIMESERIES.arrow_schema.field(name) for name in COLUMNS])
    parts = [world.truth(webid, span.start, span.end).select(COLUMNS).cast(schema) for webid in webids]
    return _bits(pa.concat_tables(parts) if parts else schema.empty_table()).sort_by(KEY)


def assert_exact(lake: Lake, world: World, webids: Iterable[str], span: Span) -> None:
    """The lake equals the truth, and coverage claims exactly the span."""
    webids = list(webids)
    held, true = lake_rows(lake), true_rows(world, webids, span)
    if not held.equals(true):
        raise AssertionError(_difference(held, true))
    lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES)).load()
    assert all(coverage(lanes, webid) == [span] for webid in webids)


def _bits(table: pa.Table) -> pa.Table:
    """Doubles as their bits, so that equal means equal."""
    column = table["value"].combine_chunks()
    chunk = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)
    bits = pa.Array.from_buffers(pa.int64(), len(chunk), chunk.buffers(), offset=chunk.offset)
    bits = pc.if_else(chunk.is_valid(), bits, pa.scalar(None, pa.int64()))
    return table.set_column(table.schema.get_field_index("value"), "value", bits).combine_chunks()


def _difference(held: pa.Table, true: pa.Table) -> str:
    lines = [f"lake {held.num_rows} rows, truth {true.num_rows} rows"]
    for place in range(0, max(held.num_rows, true.num_rows), 1000):
        some, others = held.slice(place, 1000), true.slice(place, 1000)
        if not some.equals(others):
            pairs = zip_longest(some.to_pylist(), others.to_pylist())
            row, other = next((row, other) for row, other in pairs if row != other)
            return "\n".join([*lines, f"lake  {row}", f"truth {other}"])
    return lines[0]
