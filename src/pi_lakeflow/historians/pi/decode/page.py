"""The shape that every decoder of recorded events hands out."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pyarrow as pa

VALUE_KINDS = ("number", "text", "digital", "system", "boolean", "timestamp", "blob", "null")
"""What a value is; ``value_kind`` in a row is an index into this tuple."""

NUMBER, TEXT, DIGITAL, SYSTEM, BOOLEAN, TIMESTAMP, BLOB, NULL = range(len(VALUE_KINDS))

RAW_SCHEMA = pa.schema(
    [
        # 100-nanosecond ticks since 1970 UTC: the server's own resolution, so that pages can be
        # stitched exactly. Null only in a stream whose ``error`` is set.
        pa.field("ticks", pa.int64()),
        pa.field("value", pa.float64()),
        pa.field("value_text", pa.string()),
        pa.field("state_code", pa.int32()),
        pa.field("value_kind", pa.int8()),
        pa.field("good", pa.bool_()),
        pa.field("questionable", pa.bool_()),
        pa.field("substituted", pa.bool_()),
        pa.field("annotated", pa.bool_()),
    ]
)
"""One row per event, in answer order. A flag that the server left out is null."""


class StreamMeta(msgspec.Struct, frozen=True, gc=False):
    """What is known of a stream besides the answer. ``point_type`` is PI's own name, "" unknown."""

    point_type: str = ""


class StreamRows(msgspec.Struct, frozen=True, gc=False):
    """One stream of the answer: rows ``[offset, offset + length)`` of ``RecordedPage.rows``.

    ``units`` is the stream's UnitsAbbreviation, None when empty or absent. When ``error`` is set
    the server failed on this stream or on one of its values: quarantine it, store none of its rows.
    """

    webid: str
    offset: int
    length: int
    units: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class RecordedPage:
    """One decoded answer: ``rows`` has ``RAW_SCHEMA``, ``streams`` tile it in answer order."""

    rows: pa.RecordBatch
    streams: tuple[StreamRows, ...]
