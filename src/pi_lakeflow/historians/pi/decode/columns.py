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

    Those hold the values of ``odd`` one by one, or the value that ``which`` names for each row. The
    array ``numbers`` is used up: it is filled in and becomes the column.
    """
    length = len(numbers)
    if not len(rows):
        nothing = pa.nulls(length, pa.string()), pa.nulls(length, pa.int32())
        return pa.array(numbers), *nothing, pa.array(np.full(length, NUMBER, np.int8))
    which = np.arange(len(rows)) if which is None else which
    if (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows)
        rows, which = rows[order], which[order]
    filled = np.ones(length, bool)
    filled[rows] = np.array([value is not None for value in odd.numbers])[which]
    numbers[rows] = np.array([0.0 if value is None else value for value in odd.numbers])[which]
    kinds = np.full(length, NUMBER, np.int8)
    kinds[rows] = np.array(odd.kinds, np.int8)[which]
    return (
        pa.Array.from_buffers(pa.float64(), length, [_bits(filled), pa.py_buffer(numbers)]),
        _scattered_texts(length, rows, pa.array(odd.texts, pa.string()).take(pa.array(which))),
        _scattered_codes(length, rows, _codes(odd.codes).take(pa.array(which))),
        pa.array(kinds),
    )


def _scattered_texts(length: int, rows: Rows, texts: pa.StringArray) -> pa.StringArray:
    """A column of ``length`` that is null but in the ascending ``rows``, which hold ``texts``."""
    _, places, letters = texts.buffers()
    offsets = np.zeros(length + 1, np.int32)
    offsets[rows + 1] = np.diff(np.frombuffer(places, np.int32, len(texts) + 1))
    buffers = [_bits(_where(length, rows, texts)), pa.py_buffer(np.cumsum(offsets, dtype=np.int32)), letters]
    return pa.Array.from_buffers(pa.string(), length, buffers)


def _scattered_codes(length: int, rows: Rows, codes: pa.Int32Array) -> pa.Int32Array:
    column = np.zeros(length, np.int32)
    column[rows] = codes.fill_null(0).to_numpy()
    return pa.Array.from_buffers(
        pa.int32(), length, [_bits(_where(length, rows, codes)), pa.py_buffer(column)]
    )


def _where(length: int, rows: Rows, values: pa.Array) -> npt.NDArray[np.bool_]:
    """Which of ``length`` elements are there: those of ``rows`` whose value is."""
    there = np.zeros(length, bool)
    there[rows] = values.is_valid().to_numpy(zero_copy_only=False)
    return there


def _bits(mask: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(mask, bitorder="little"))


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
