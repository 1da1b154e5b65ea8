"""Rows of uniform worlds: all of one width, so that a page is a matrix of bytes.

The times of a page are the same for all tags; they are rendered once, and each tag fills in
the eight bytes of its values (``ddd.dddd``, never ending in 0, so that they are what Json.NET
would print).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pi_lakeflow.simulator.cache import WeighedCache
from pi_lakeflow.simulator.world.events import GOOD, U8
from pi_lakeflow.simulator.world.hashing import U64, countered, stream_at
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.ticks import SECOND
from pi_lakeflow.simulator.world.values import Salt, uniform_numbers

from .render import RowFormat, times

_PAGE = 4096  # rows of one matrix: it stays in the processor's cache
_WIDTH = 8  # bytes of a value


@dataclass(frozen=True, slots=True)
class Page:
    """A matrix of rows whose values are blank from byte ``column`` on, and the hash input of each row."""

    rows: U8
    column: int
    counters: U64


class UniformPages:
    """Renders uniform tags; keeps the pages that all tags share."""

    def __init__(self, limit: int) -> None:
        self._pages: WeighedCache[Page] = WeighedCache(limit, lambda page: page.rows.nbytes)

    @staticmethod
    def fits(tag: TagDef, style: RowFormat) -> bool:
        """Whether the rows of the tag have one width."""
        return tag.period % SECOND == 0 and "Value" in style.properties

    def render(
        self, tag: TagDef, first: int, last: int, style: RowFormat
    ) -> Iterator[tuple[memoryview, int]]:
        """Rows of scans ``first <= counter < last``, page by page, and their number."""
        for start in range(first // _PAGE * _PAGE, last, _PAGE):
            page = self._page(tag.period, start, style)
            low, high = max(first - start, 0), min(last - start, _PAGE)
            if low >= high:  # the span lies ahead of the clock
                continue
            yield _filled(page, tag, low, high), high - low

    def _page(self, period: int, start: int, style: RowFormat) -> Page:
        key = (period, start, style)
        page = self._pages.get(key)
        if page is None:
            page = _blank(period, start, style)
            self._pages.put(key, page)
        return page


def _blank(period: int, start: int, style: RowFormat) -> Page:
    counters = np.arange(start, start + _PAGE, dtype=np.int64)
    head, middle, tail = (np.frombuffer(piece, np.uint8) for piece in style.text(GOOD))
    parts = [head]
    if "Timestamp" in style.properties:
        text = np.frombuffer(times(counters * period).buffers()[2], np.uint8)
        parts.append(text.reshape(_PAGE, -1))
    parts += [middle, np.zeros(_WIDTH, np.uint8), tail]
    wide = [np.broadcast_to(part, (_PAGE, part.shape[-1])) for part in parts]
    column = sum(part.shape[1] for part in wide[:-2])
    return Page(np.concatenate(wide, axis=1), column, countered(counters))


def _filled(page: Page, tag: TagDef, low: int, high: int) -> memoryview:
    rows = page.rows[low:high].copy()
    numbers = uniform_numbers(stream_at(tag.key ^ Salt.VALUE, page.counters[low:high]))
    whole, rest = np.divmod(numbers.astype(np.uint32), np.uint32(10_000))
    leading, trailing = _digits()
    width = rows.shape[1]
    for offset, table, index in ((0, leading, whole), (4, trailing, rest)):
        cells = np.ndarray((len(rows),), "<u4", rows.data, page.column + offset, (width,))
        cells[:] = table[index]
    return rows.reshape(-1).data.cast("B")


@lru_cache(maxsize=1)
def _digits() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """``ddd.`` for 0 to 999 and ``dddd`` for 0 to 9999, four bytes each."""
    leading = b"".join(b"%03d." % n for n in range(1_000))
    trailing = b"".join(b"%04d" % n for n in range(10_000))
    return np.frombuffer(leading, "<u4"), np.frombuffer(trailing, "<u4")
