"""Columns of Python values to an Arrow batch: the common end of the object-building routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.page import NUMBER, RAW_SCHEMA
from pi_lakeflow.historians.pi.decode.values import Cell

Floats = npt.NDArray[np.float64]

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time where a null cannot."""


@dataclass(slots=True)
class ValueColumns:
    """The four value columns of ``length`` rows: numbers everywhere but in the odd rows.

    ``numbers`` has a NaN wherever a row is odd. ``odd`` maps a row to what it holds instead.
    """

    numbers: Floats
    odd_rows: list[int] = field(default_factory=list)
    odd_cells: list[Cell] = field(default_factory=list)

    def arrays(self) -> tuple[pa.DoubleArray, pa.StringArray, pa.Int32Array, pa.Int8Array]:
        length = len(self.numbers)
        if not self.odd_rows:
            return (
                pa.array(self.numbers),
                pa.nulls(length, pa.string()),
                pa.nulls(length, pa.int32()),
                pa.array(np.full(length, NUMBER, np.int8)),
            )
        rows = np.array(self.odd_rows, np.int64)
        kinds, values, texts, codes, _ = zip(*self.odd_cells, strict=True)
        return self._scatter(rows, kinds, values, texts, codes)

    def _scatter(
        self,
        rows: npt.NDArray[np.int64],
        kinds: Sequence[int],
        values: Sequence[float | None],
        texts: Sequence[str | None],
        codes: Sequence[int | None],
    ) -> tuple[pa.DoubleArray, pa.StringArray, pa.Int32Array, pa.Int8Array]:
        length = len(self.numbers)
        numbers, empty = self.numbers, np.zeros(length, bool)
        empty[rows] = [value is None for value in values]
        numbers[rows] = [0.0 if value is None else value for value in values]
        kind = np.full(length, NUMBER, np.int8)
        kind[rows] = kinds
        return (
            pa.array(numbers, mask=empty),
            spread(pa.array(texts, pa.string()), rows, length),
            spread(pa.array(codes, pa.int32()), rows, length),
            pa.array(kind),
        )


def spread(values: pa.Array, rows: npt.NDArray[np.int64], length: int) -> pa.Array:
    """A column of ``length`` that holds ``values`` at ``rows`` and null elsewhere."""
    source = np.zeros(length, np.int32)
    absent = np.ones(length, bool)
    source[rows] = np.arange(len(rows), dtype=np.int32)
    absent[rows] = False
    return values.take(pa.array(source, mask=absent))


def flag_column(length: int, usual: bool | None, rows: Sequence[int], values: Sequence[bool | None]) -> pa.BooleanArray:
    """A flag that is ``usual`` everywhere but in ``rows``."""
    flags = np.full(length, bool(usual))
    absent = np.full(length, usual is None)
    if rows:
        flags[rows] = [bool(value) for value in values]
        absent[rows] = [value is None for value in values]
    return pa.array(flags, mask=absent) if absent.any() else pa.array(flags)


def ticks_array(ticks: Sequence[int | None] | npt.NDArray[np.int64]) -> pa.Int64Array:
    """The ticks column; None becomes null."""
    return pa.array(ticks, pa.int64())


def batch(
    ticks: pa.Int64Array,
    values: tuple[pa.DoubleArray, pa.StringArray, pa.Int32Array, pa.Int8Array],
    flags: Sequence[pa.BooleanArray],
) -> pa.RecordBatch:
    """The rows of a page, in ``RAW_SCHEMA``."""
    return pa.RecordBatch.from_arrays([ticks, *values, *flags], schema=RAW_SCHEMA)
