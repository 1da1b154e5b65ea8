"""Vectorised looks into the bytes of a body: where events start, whether a literal stands at many
places, and spans of the body as Arrow arrays without copying them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Places = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
WORD = np.dtype("<u8")
Number = TypeVar("Number", np.int32, np.int64, np.float64)
Mask = npt.NDArray[np.bool_]

_SLICE = 1 << 20  # bytes looked through at a time: the mask of a slice stays in the cache
_ONE, _FIFTY_SIX = np.uint64(1), np.uint64(56)
_PLACES = np.uint64(0x0001020304050607)  # times 256 ** k, its highest byte is k
_BRACE = ord("{")


class Body:
    """The bytes of one answer; places are byte offsets."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)
        self.buffer = pa.py_buffer(data)

    def __len__(self) -> int:
        return len(self.data)

    def windows(self, places: Places, width: int) -> npt.NDArray[np.void]:
        """The ``width`` bytes from each of the ascending ``places`` on; zeros beyond the end."""
        limit = len(self.data) - width
        near = (
            int(np.searchsorted(places, limit, "right"))
            if len(places) and places[-1] > limit
            else len(places)
        )
        found = _windows(self.data, places[:near], width)
        if near == len(places):
            return found
        first = max(limit, 0)
        end = self.data[first:] + bytes(width)
        return np.concatenate([found, _windows(end, places[near:] - first, width)])

    def words(self, places: Places, count: int) -> Words:
        """The ``count`` little-endian 64-bit words from each of the ascending ``places`` on, as rows."""
        words: Words = self.windows(places, 8 * count).view(WORD).reshape(-1, count)
        return words

    def holds(self, literal: bytes, places: Places) -> Mask:
        """Whether ``literal`` stands at each of the ascending ``places``."""
        if len(literal) <= 16:
            return begins(self.words(places, 2), literal)
        kind = pa.binary(len(literal))
        windows = pa.py_buffer(self.windows(places, len(literal)))
        found = pa.FixedSizeBinaryArray.from_buffers(kind, len(places), [None, windows])
        same = pc.equal(found, pa.scalar(literal, kind)).buffers()[1]
        bits = np.unpackbits(np.frombuffer(same, np.uint8), count=len(places), bitorder="little")
        mask: Mask = bits.view(np.bool_)
        return mask

    def objects(self) -> Iterator[Places]:
        """Where a ``{`` stands, in order, by stretches of the body that fit the cache."""
        mask = np.zeros(_SLICE, np.bool_)
        eights = mask.view(WORD)  # braces are rare, so eight bytes of the mask are looked at together
        for start in range(0, len(self.data), _SLICE):
            piece = self.bytes[start : start + _SLICE]
            np.equal(piece, _BRACE, out=mask[: len(piece)])
            mask[len(piece) :] = False
            found = np.flatnonzero(eights != 0)
            bits = eights[found]
            if (bits & (bits - _ONE)).any():
                yield np.flatnonzero(mask) + start
            else:
                yield (found << 3) + place_of(bits) + start


def spans(
    buffer: pa.Buffer, starts: Places, ends: Places, kind: pa.DataType, wanted: Mask | None = None
) -> pa.Array:
    """An array of string or binary that reads ``buffer`` in place: span, gap, span, gap, ...

    Even elements are the spans; gaps, and spans that are not ``wanted``, are null. The spans must be
    in order and must not overlap.
    """
    count = len(starts)
    offsets = np.zeros(2 * count + 1, np.int32)
    offsets[0:-1:2] = starts
    offsets[1::2] = ends
    offsets[-1] = offsets[-2] if count else 0
    valid = np.zeros(2 * count, bool)
    valid[::2] = True if wanted is None else wanted
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, 2 * count, [bits, pa.py_buffer(offsets), buffer])


def begins(words: Words, literal: bytes) -> Mask:
    """Whether each row of two or more ``words`` begins with ``literal``, of at most 16 bytes."""
    first, second = np.frombuffer(literal.ljust(16, b"\0"), WORD)
    same: Mask = (words[:, 0] & _low(min(len(literal), 8))) == first
    if len(literal) > 8:
        same &= (words[:, 1] & _low(len(literal) - 8)) == second
    return same


def place_of(bits: npt.NDArray[np.uint64]) -> Places:
    """Which byte of each word is 1; the others are 0."""
    return ((bits * _PLACES) >> _FIFTY_SIX).view(np.int64)


def _low(count: int) -> np.uint64:
    """A mask of the first ``count`` bytes of a word."""
    return np.uint64((1 << 8 * count) - 1)


def even(array: pa.Array, dtype: type[Number]) -> npt.NDArray[Number]:
    """The even elements of a fixed-width array, nulls read as they lie in memory."""
    whole = np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * np.dtype(dtype).itemsize)
    return whole[::2]


def _windows(data: bytes, places: Places, width: int) -> npt.NDArray[np.void]:
    every: npt.NDArray[np.void] = np.ndarray((len(data) - width + 1,), f"V{width}", data, 0, (1,))
    found: npt.NDArray[np.void] = every[places]
    return found
