"""Which events were taken already: what makes repeated messages harmless.

Events are compared by what they say: tag, time, value, state, flags. Equal events *within* one
message (or one answer) are different events, since PI allows them; equal events of different messages are
one event told twice. What is remembered is two 64-bit hashes for each event, in a bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CONTENT = ("value", "value_text", "state_code", "value_kind", "good", "questionable", "substituted")
_PLACE = ("tag_webid", "timestamp")
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


def hashes(rows: pa.Table) -> tuple[U64, U64]:
    """For each row a hash of its tag and time, and one of that and its content.

    Good within this process only.
    """
    place = np.zeros(rows.num_rows, np.uint64)
    for name in _PLACE:
        place = _mixed(place, _codes(rows[name]))
    whole = place
    for name in CONTENT:
        whole = _mixed(whole, _codes(rows[name]))
    return place, whole


def numbered(whole: U64, parts: I64) -> U64:
    """Hashes that also tell equal events of one part (a message, an answer) apart."""
    order = np.lexsort((whole, parts))
    return _mixed(whole, _runs(order, (whole, parts)).astype(np.uint64))


class Recent:
    """Remembers between half of ``keys`` and ``keys`` events, the newest ones."""

    def __init__(self, keys: int = 2_000_000) -> None:
        self._half = max(1, keys // 2)
        self._young, self._old = _Sorted(), _Sorted()

    def known(self, keys: U64) -> Mask:
        """Which of these were taken."""
        return (self._young.count(keys, 0) + self._old.count(keys, 0)) > 0

    def places(self, places: U64) -> I64:
        """How many events were taken at each tag and time."""
        return self._young.count(places, 1) + self._old.count(places, 1)

    def take(self, keys: U64, places: U64) -> None:
        """Remember events."""
        self._young.add(keys, places)
        if self._young.size > self._half:
            self._old, self._young = self._young, _Sorted()

    def sift(self, rows: pa.Table, parts: I64) -> pa.Table:
        """The rows that are new, with ``event_index`` counting on at each tag and time."""
        if not rows.num_rows:
            return rows
        places, whole = hashes(rows)
        keys = numbered(whole, parts)
        fresh = np.zeros(len(keys), bool)
        fresh[np.unique(keys, return_index=True)[1]] = True
        fresh &= ~self.known(keys)
        kept = rows if fresh.all() else rows.filter(pa.array(fresh))
        keys, places = keys[fresh], places[fresh]
        kept = with_index(kept, places, self.places(places))
        self.take(keys, places)
        return kept


def with_index(rows: pa.Table, places: U64, before: I64) -> pa.Table:
    """``event_index``: how many rows of the same tag and time stand before, ``before`` included."""
    order = np.argsort(places, kind="stable")
    index = (_runs(order, (places,)) + before).astype(np.int32)
    return rows.set_column(rows.schema.get_field_index("event_index"), _field(rows), pa.array(index))


def _field(rows: pa.Table) -> pa.Field:
    field: pa.Field = rows.schema.field("event_index")
    return field


def _runs(order: I64, columns: Sequence[npt.NDArray[np.generic]]) -> I64:
    """0, 1, 2, ... within equal values of the columns; ``order`` sorts them, stably."""
    count = len(order)
    fresh = np.zeros(count, bool)
    fresh[:1] = True
    for column in columns:
        ordered = column[order]
        fresh[1:] |= ordered[1:] != ordered[:-1]
    place = np.arange(count)
    result = np.empty(count, np.int64)
    result[order] = place - np.maximum.accumulate(np.where(fresh, place, 0))
    return result


def _mixed(seed: U64, more: U64) -> U64:
    x: U64 = (seed ^ more) * _FACTOR
    x ^= x >> _SHIFT
    return x + (seed << np.uint64(1))


def _codes(column: pa.ChunkedArray) -> U64:
    """A number for each value that is equal for equal values."""
    kind = column.type
    bits: U64
    if pa.types.is_floating(kind):
        bits = column.fill_null(0.0).to_numpy().view(np.uint64)
    elif pa.types.is_string(kind):
        return _texts(column)
    elif pa.types.is_boolean(kind):
        bits = pc.cast(pc.fill_null(column, fill_value=False), pa.int8()).to_numpy().astype(np.uint64)
    else:
        number = pc.cast(column, pa.int64()) if not pa.types.is_int64(kind) else column
        bits = number.fill_null(0).to_numpy().view(np.uint64)
    if column.null_count:
        return np.where(column.is_null().to_numpy(), np.uint64(0x7FF8DEAD), bits)
    return bits


def _texts(column: pa.ChunkedArray) -> U64:
    encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
    chunk = encoded if isinstance(encoded, pa.DictionaryArray) else encoded.chunk(0)
    words = np.array([hash(word) for word in chunk.dictionary.to_pylist()], np.int64).view(np.uint64)
    codes: U64 = words[chunk.indices.to_numpy()]
    return codes


class _Sorted:
    """Two columns of hashes in sorted runs that double in length."""

    def __init__(self) -> None:
        self._runs: list[tuple[U64, U64]] = []
        self.size = 0

    def add(self, keys: U64, places: U64) -> None:
        if not len(keys):
            return
        run = (np.sort(keys), np.sort(places))
        self.size += len(keys)
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            last = self._runs.pop()
            run = (np.sort(np.concatenate([run[0], last[0]])), np.sort(np.concatenate([run[1], last[1]])))
        self._runs.append(run)

    def count(self, wanted: U64, column: int) -> I64:
        # Sorted needles walk through memory once, and most of them are found nowhere.
        order = np.argsort(wanted)
        needles, found = wanted[order], np.zeros(len(wanted), np.int64)
        for run in self._runs:
            values = run[column]
            first = np.searchsorted(values, needles)
            hits = np.flatnonzero(values.take(first, mode="clip") == needles)
            found[hits] += np.searchsorted(values, needles[hits], "right") - first[hits]
        total = np.empty_like(found)
        total[order] = found
        return total
