"""Anything that holds rows, as an Arrow table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def rows_of(value: Any) -> pa.Table:
    """Anything that speaks Arrow, a pandas frame, or a list of dicts, as an Arrow table."""
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if hasattr(value, "__arrow_c_stream__"):
        return pa.table(value)
    if isinstance(value, list):
        return pa.Table.from_pylist(value)
    raise TypeError(
        f"cannot read rows from {type(value).__name__}; pass Arrow, polars, pandas or a list of dicts"
    )
