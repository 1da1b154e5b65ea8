"""What must change so that a table holds what was read again: pure, on Arrow columns.

Rows are told apart by the table's key. A row counts as changed when a column other than the time
of its reading differs; doubles are compared by their bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pi_lakeflow.model.tables import TableSpec

# Columns that say when a row was read, not what it is.
STAMPS = frozenset({"ingested_at", "received_at"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows to insert, rows in their new form, and rows to delete, all in the table's schema.

    ``before`` holds the updated rows in their old form.
    """

    inserted: pa.Table
    updated: pa.Table
    deleted: pa.Table
    before: pa.Table

    def __bool__(self) -> bool:
        return self.rows > 0

    @property
    def rows(self) -> int:
        return int(self.inserted.num_rows + self.updated.num_rows + self.deleted.num_rows)

    def keys(self, spec: TableSpec) -> pa.Table:
        """The keys of all changed rows, with ``_change_type``."""
        parts = (("insert", self.inserted), ("update", self.updated), ("delete", self.deleted))
        return pa.concat_tables(
            rows.select(spec.key).append_column("_change_type", pa.array([kind] * rows.num_rows, pa.string()))
            for kind, rows in parts
        )


def difference(
    spec: TableSpec, held: pa.Table, wanted: pa.Table, *, unwanted: pa.Table | None = None
) -> Difference:
    """From ``held`` (what the table holds of a place) to ``wanted`` (what it should hold there).

    Held rows without a counterpart are deleted; with ``unwanted`` (rows of key columns) only those
    named there are. Of several wanted rows with one key the last one counts.
    """
    held, wanted = _typed(held, spec), _typed(wanted, spec)
    groups = _groups(spec, held, wanted, unwanted)
    places = int(max((int(g.max()) for g in groups if len(g)), default=-1)) + 1
    held_at, wanted_at, unwanted_at = (_places(group, places) for group in groups)
    gone = (held_at >= 0) & (wanted_at < 0)
    if unwanted is not None:
        gone &= unwanted_at >= 0
    new = (held_at < 0) & (wanted_at >= 0)
    both = (held_at >= 0) & (wanted_at >= 0)
    before, after = _changed(spec, held, wanted, held_at[both], wanted_at[both])
    return Difference(
        inserted=wanted.take(pa.array(np.sort(wanted_at[new]))),
        updated=wanted.take(pa.array(after)),
        before=held.take(pa.array(before)),
        deleted=held.take(pa.array(np.sort(held_at[gone]))),
    )


def _typed(rows: pa.Table, spec: TableSpec) -> pa.Table:
    return rows.select(spec.arrow_schema.names).cast(spec.arrow_schema).combine_chunks()


def _groups(
    spec: TableSpec, held: pa.Table, wanted: pa.Table, unwanted: pa.Table | None
) -> list[NDArray[np.int64]]:
    """Each row's number of its key, over the three tables; equal keys have equal numbers."""
    key_schema = pa.schema([spec.arrow_schema.field(name) for name in spec.key])
    parts = [held.select(spec.key), wanted.select(spec.key)]
    parts.append(unwanted.select(spec.key) if unwanted is not None else parts[0].slice(0, 0))
    whole = pa.concat_tables([part.cast(key_schema) for part in parts])
    codes = np.zeros(whole.num_rows, np.int64)
    for name in spec.key if whole.num_rows else ():
        column = pc.dictionary_encode(pa.concat_arrays(whole[name].chunks), null_encoding="encode")
        of_column = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        codes = codes * (int(of_column.max(initial=0)) + 1) + of_column
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return list(np.split(codes, np.cumsum([part.num_rows for part in parts])[:-1]))


def _places(groups: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The last row of each group, -1 where there is none."""
    found = np.full(count, -1, np.int64)
    found[groups] = np.arange(len(groups))
    return found


def _changed(
    spec: TableSpec,
    held: pa.Table,
    wanted: pa.Table,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of the places of rows with one key those that differ; column by column, to copy no table."""
    differs = np.zeros(len(before), bool)
    old, new = pa.array(before), pa.array(after)
    for name in spec.arrow_schema.names:
        if name not in STAMPS and name not in spec.key:
            differs |= _unequal(held[name].take(old), wanted[name].take(new))
    return before[differs], after[differs]


def _unequal(before: pa.ChunkedArray, after: pa.ChunkedArray) -> NDArray[np.bool_]:
    if pa.types.is_nested(before.type):
        pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
        return np.fromiter((a != b for a, b in pairs), bool, len(before))
    a, b = _comparable(before), _comparable(after)
    some_null = pc.or_(pc.is_null(a), pc.is_null(b))
    verdict = pc.if_else(some_null, pc.xor(pc.is_null(a), pc.is_null(b)), pc.not_equal(a, b))
    unequal: NDArray[np.bool_] = verdict.to_numpy()
    return unequal


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Doubles as their bits: -0.0 is not 0.0."""
    if not pa.types.is_float64(column.type):
        return column
    return pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
