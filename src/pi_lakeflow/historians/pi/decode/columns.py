"""Columns of Python values to an Arrow batch: the common end of the object-building routes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.page import NUMBER, RAW_SCHEMA
from pi_lakeflow.historians.pi.decode.values import OddValues

Rows = npt.NDArray[np.int64]
ValueArrays = tuple[pa.DoubleArray, pa.StringArray, pa.Int32Array, pa.Int8Array]


def value_arrays(
    numbers: npt.NDArray[np.float64], rows: Rows, odd: OddValues, *, which: Rows | None = None
) -> ValueArrays:
    """Value, text, code and kind: ``numbers`` everywhere but in ``rows``.

    Those hold the values of ``odd`` one by one, or the value that ``which`` names for each row.
    """
    length = len(numbers)
    if not len(rows):
        nothing = pa.nulls(length, pa.string()), pa.nulls(length, pa.int32())
        return pa.array(numbers), *nothing, pa.array(np.full(length, NUMBER, np.int8))
    which = np.arange(len(rows)) if which is None else which
    empty = np.zeros(length, bool)
    empty[rows] = np.array([value is None for value in odd.numbers])[which]
    numbers = numbers.copy()
    numbers[rows] = np.array([0.0 if value is None else value for value in odd.numbers])[which]
    kinds = np.full(length, NUMBER, np.int8)
    kinds[rows] = np.array(odd.kinds, np.int8)[which]
    source, absent = np.zeros(length, np.int64), np.ones(length, bool)
    source[rows] = which
    absent[rows] = False
    indices = pa.array(source, mask=absent)
    return (
        pa.array(numbers, mask=empty),
        pa.array(odd.texts, pa.string()).take(indices),
        _codes(odd.codes).take(indices),
        pa.array(kinds),
    )


def _codes(codes: Sequence[int | None]) -> pa.Int32Array:
    """The codes of states; one that is no 32-bit integer becomes null."""
    try:
        return pa.array(codes, pa.int32())
    except (pa.ArrowInvalid, OverflowError):
        small = [code if code is not None and -(2**31) <= code < 2**31 else None for code in codes]
        return pa.array(small, pa.int32())


def flag_array(
    length: int, usual: bool | None, rows: Sequence[int], flags: Sequence[bool | None]
) -> pa.BooleanArray:
    """A flag that is ``usual`` everywhere but in ``rows``, where it is ``flags``."""
    if usual is None and not rows:
        return pa.nulls(length, pa.bool_())
    column = np.full(length, usual is True)
    column[rows] = np.fromiter(flags, bool, len(flags))
    if usual is not None and None not in flags:
        return pa.array(column)
    absent = np.full(length, usual is None)
    absent[rows] = [flag is None for flag in flags]
    return pa.array(column, mask=absent)


def batch(
    ticks: Sequence[int | None] | npt.NDArray[np.int64], values: ValueArrays, flags: Sequence[pa.BooleanArray]
) -> pa.RecordBatch:
    """The rows of a page, in ``RAW_SCHEMA``. A missing time is None."""
    return pa.RecordBatch.from_arrays([pa.array(ticks, pa.int64()), *values, *flags], schema=RAW_SCHEMA)
