"""From the raw rows of an answer to rows of ``pi_timeseries``, column by column.

This is the one place where 100-nanosecond ticks become microseconds, where an event belongs to a
half-open span or not, and where events that share a microsecond are numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pi_lakeflow.historians.pi.tables.timeseries import TIMESTAMP
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tags import Tag

TICKS = 10  # per microsecond
_STRINGS = pa.dictionary(pa.int32(), pa.string())
_KINDS = pa.dictionary(pa.int8(), pa.string())

ROW_SCHEMA = pa.schema(
    [
        ("tag_webid", _STRINGS),
        ("tag_name", _STRINGS),
        ("timestamp", TIMESTAMP),
        ("event_index", pa.int32()),
        ("value", pa.float64()),
        ("value_text", pa.string()),
        ("state_code", pa.int32()),
        ("value_kind", _KINDS),
        ("units", _STRINGS),
        ("good", pa.bool_()),
        ("questionable", pa.bool_()),
        ("substituted", pa.bool_()),
        ("annotated", pa.bool_()),
        ("ingested_at", TIMESTAMP),
        ("date", pa.date32()),
    ]
)


class Carry(msgspec.Struct, frozen=True, gc=False):
    """The last microsecond of the page before, and how many events it held so far."""

    micros: int
    count: int


@dataclass(frozen=True, slots=True)
class Streams:
    """Whose rows they are: ``of_row`` gives each row's place in ``tags`` and ``units``."""

    of_row: NDArray[np.int32]
    tags: Sequence[Tag]
    units: Sequence[str | None]


def ticks_of(rows: pa.RecordBatch) -> NDArray[np.int64]:
    """The ticks column without a copy."""
    column: NDArray[np.int64] = rows.column("ticks").to_numpy(zero_copy_only=True)
    return column


def assemble(
    rows: pa.RecordBatch,
    streams: Streams,
    span: Span,
    *,
    kinds: Sequence[str],
    ingested_at: int,
    carry: Carry | None = None,
) -> pa.RecordBatch:
    """Rows of ``span`` in ``ROW_SCHEMA``; ``carry`` continues the numbering of a page before.

    Events of each stream must be in time order and contiguous.
    """
    ticks = ticks_of(rows)
    of_row = streams.of_row
    inside = (ticks >= span.start * TICKS) & (ticks < span.end * TICKS)
    if not inside.all():
        rows = rows.filter(pa.array(inside))
        ticks, of_row = ticks[inside], of_row[inside]
    micros = ticks // TICKS
    count = len(micros)
    columns = [
        _named(of_row, [tag.webid for tag in streams.tags]),
        _named(of_row, [tag.name for tag in streams.tags]),
        pa.array(micros).view(TIMESTAMP),
        pa.array(_event_index(micros, of_row, carry)),
        rows.column("value"),
        rows.column("value_text"),
        rows.column("state_code"),
        pa.DictionaryArray.from_arrays(rows.column("value_kind"), pa.array(kinds, pa.string())),
        _units(of_row, streams),
        rows.column("good"),
        rows.column("questionable"),
        rows.column("substituted"),
        rows.column("annotated"),
        pa.array(np.full(count, ingested_at, np.int64)).view(TIMESTAMP),
        pa.array((micros // DAY).astype(np.int32)).view(pa.date32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ROW_SCHEMA)


def trim(batch: pa.RecordBatch, end: int, without: Sequence[str] = ()) -> pa.RecordBatch:
    """The batch without events at or after ``end`` (microseconds) and without the tags named."""
    micros = batch.column("timestamp").view(pa.int64())
    keep = pc.less(micros, end)
    if without:
        of_row = batch.column("tag_webid")
        unwanted = pc.is_in(of_row.cast(pa.string()), value_set=pa.array(without, pa.string()))
        keep = pc.and_(keep, pc.invert(unwanted))
    return batch.filter(keep)


def _event_index(
    micros: NDArray[np.int64], of_row: NDArray[np.int32], carry: Carry | None
) -> NDArray[np.int32]:
    count = len(micros)
    index = np.zeros(count, np.int32)
    if count == 0:
        return index
    same = (micros[1:] == micros[:-1]) & (of_row[1:] == of_row[:-1])
    if same.any():
        place = np.arange(count)
        first = np.where(np.concatenate(([False], same)), 0, place)
        index = (place - np.maximum.accumulate(first)).astype(np.int32)
    if carry is not None and micros[0] == carry.micros:
        run = int(np.argmax(micros != carry.micros)) if (micros != carry.micros).any() else count
        index[:run] += carry.count
    return index


def _named(of_row: NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(of_row), pa.array(names, pa.string()))


def _units(of_row: NDArray[np.int32], streams: Streams) -> pa.DictionaryArray:
    """The answer's units, else the point's; null where there are none."""
    units = [answered or tag.units or None for answered, tag in zip(streams.units, streams.tags, strict=True)]
    known = sorted({unit for unit in units if unit})
    place = {unit: i for i, unit in enumerate(known)}
    codes = np.array([place[unit] if unit else -1 for unit in units] or [-1], np.int32)
    of_unit = codes[of_row]
    return pa.DictionaryArray.from_arrays(pa.array(of_unit, mask=of_unit < 0), pa.array(known, pa.string()))
