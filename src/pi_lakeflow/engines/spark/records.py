"""Arrow batches as the JSON-like records that Lakeflow's framework parses by the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def records(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Rows as dicts: times as ISO 8601 in UTC with six digits, dates as ISO 8601, the rest as it is.

    The framework reads a time without an offset in the driver's zone, and one with seven digits not at
    all on Python 3.10 (its ``parse_value``).
    """
    for batch in batches:
        texts = [_text(column) for column in batch.columns]
        yield from pa.RecordBatch.from_arrays(texts, names=batch.schema.names).to_pylist()


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%S+00:00")
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    return column
