"""The accelerated route: what the fast route does, in one loop of machine code over the bytes.

Its guesses and checks are those of ``speculative``, made by ``kernel``: events of one layout, tails that
are learned, tokens that are numbers or parsed by themselves, and the rest of the body parsed as JSON with
a marker for each run of events. Any surprise raises ``Misfit``, and the other routes read the body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode import kernel
from pi_lakeflow.historians.pi.decode.columns import batch
from pi_lakeflow.historians.pi.decode.events import PROBE
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta
from pi_lakeflow.historians.pi.decode.spans import WORD
from pi_lakeflow.historians.pi.decode.speculative import flags_of, streams_between, values_with_odd
from pi_lakeflow.historians.pi.decode.tails import OPEN, Tail, Tails
from pi_lakeflow.historians.pi.decode.typed import UNKNOWN, Misfit, stream_rows

Letters = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Scan = Callable[..., int]

_LARGEST = 2**31 - 1  # offsets of Arrow's strings
_BRACE = ord("}")


class _Columns:
    """What the loop fills in, long enough for any number of events in ``size`` bytes."""

    def __init__(self, size: int) -> None:
        most = size // kernel.SHORTEST + 1
        self.state = np.zeros(kernel.DAY + 1, np.int64)
        self.seen = np.zeros(2, np.uint64)
        self.ticks = np.empty(most, np.int64)
        self.numbers = np.empty(most, np.float64)
        self.tails = np.empty(most, np.uint8)
        self.odd = np.empty((3, most), np.int64)
        self.runs = np.empty(most, np.int64)
        self.rest = np.empty(size + most, np.uint8)

    @property
    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], Words, Letters]:
        """The columns of a row, the numbers also as words."""
        return self.ticks, self.numbers, self.numbers.view(np.uint64), self.tails


def decode_compiled(data: bytes, meta: Mapping[str, StreamMeta], scan: Scan) -> RecordedPage:
    """The page in ``data``, read with ``scan``, the compiled loop.

    Raises ``Misfit`` unless all of it keeps to the layout.
    """
    if not kernel.SHORTEST < len(data) <= _LARGEST or data[-1] != _BRACE:
        raise Misfit("too small, too large, or no object")
    if data.find(OPEN, 0, PROBE) < 0:
        raise Misfit("no event of the usual layout")
    columns, tails = _Columns(len(data)), Tails()
    _read(data, scan, columns, tails)
    _, count, runs, others, rest, *_ = columns.state.tolist()
    if not count:
        raise Misfit("no event of the usual layout")
    streams, borders = streams_between(columns.rest[:rest].data, columns.runs[:runs])
    point_types = [meta.get(stream.WebId or "", UNKNOWN).point_type for stream in streams]
    odd = columns.odd[0, :others], columns.odd[1, :others], columns.odd[2, :others]
    numbers = columns.numbers[:count].copy()  # the rest of the memory goes back at once
    values = values_with_odd(pa.py_buffer(data), numbers, odd, borders, point_types)
    flags = flags_of(columns.tails[:count], tails)
    return RecordedPage(batch(columns.ticks[:count], values, flags), stream_rows(streams, borders, {}))


def _read(data: bytes, scan: Scan, columns: _Columns, tails: Tails) -> None:
    """Fill ``columns`` with the events of ``data``, learning ``tails`` where the loop stops for one."""
    letters = np.frombuffer(data, np.uint8)
    words: Words = np.ndarray((len(data) - 7,), WORD, data, 0, (1,))
    state = columns.state
    arguments = state, columns.seen, columns.rows, columns.odd, columns.runs, columns.rest
    while (ended := scan(letters, words, _table(tails.known), *arguments)) == kernel.UNKNOWN_TAIL:
        tails.learn(data[state[kernel.PLACE] : state[kernel.END]])
    if ended != kernel.DONE:
        raise Misfit("an event of another layout")


def _table(tails: Sequence[Tail]) -> tuple[Letters, Words, npt.NDArray[np.int64]]:
    """The tails as the loop wants them: letters, the same as words, lengths."""
    longest = max((len(tail.literal) for tail in tails), default=0)
    width = longest + -longest % 8
    letters = np.frombuffer(b"".join(tail.literal.ljust(width) for tail in tails), np.uint8)
    letters = letters.reshape(len(tails), width)
    return letters, letters.view(WORD), np.array([len(tail.literal) for tail in tails], np.int64)
