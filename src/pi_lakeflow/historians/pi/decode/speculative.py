"""The fast route: compact JSON of one layout, read by numpy and Arrow without Python objects.

It guesses that every event is

    {"Timestamp":"<time>","Value":<token><tail>

and checks each byte of that guess, so that what it returns is what the other routes return:

* the literals, and the tail (``tails``), are compared byte by byte; a tail is a known end of an
  object with the usual keys, once each;
* the time is converted by Arrow, which refuses anything but a time;
* the token is a number by JSON's grammar, or is parsed by itself as one JSON value (``tokens``);
* what is left of the body once each run of events is replaced by a marker is parsed as JSON, and
  every marker must be the only item of the ``Items`` of one stream. So the events stood there.

Any surprise raises ``Misfit``, and the typed route reads the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.columns import ValueArrays, batch, flag_array, value_arrays
from pi_lakeflow.historians.pi.decode.events import Events, ends_of, find_events
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta
from pi_lakeflow.historians.pi.decode.spans import Body, Places, begins, spans
from pi_lakeflow.historians.pi.decode.tails import FLAGS, MIDDLE, Tails
from pi_lakeflow.historians.pi.decode.tokens import numbers_and_odd, read_odd
from pi_lakeflow.historians.pi.decode.typed import UNKNOWN, Misfit, stream_rows
from pi_lakeflow.historians.pi.decode.values import OddValues, point_class

SMALLEST = 64 * 1024
"""Bytes below which the fixed costs of this route outweigh what it saves."""

FEWEST = 8
"""Events in a stream, on the average, below which this route is not worth it."""

_TINIEST = 64  # bytes; no answer with an event is shorter, and no window into the body longer
_LARGEST = 2**31 - 1  # offsets of Arrow's strings
_BLOCK = 16384  # events looked at together: about 2 MB of the body
_WINDOW = 4  # words that are looked at from the end of the time on


class _Stream(msgspec.Struct, gc=False):
    """A stream of the body without its events: ``Items`` holds the marker of their run."""

    WebId: str | None = None
    Items: list[int] | None | msgspec.UnsetType = msgspec.UNSET
    UnitsAbbreviation: str | None = None
    Errors: Any = None
    Value: Any = None


class _Page(msgspec.Struct, gc=False):
    Items: list[_Stream]
    WebException: Any = None
    Errors: Any = None
    Message: Any = None


_pages = msgspec.json.Decoder(_Page)


@dataclass(slots=True)
class _Columns:
    """What the blocks fill in."""

    numbers: npt.NDArray[np.float64]
    tails: npt.NDArray[np.uint8]
    odd_rows: list[Places] = field(default_factory=list)
    odd_starts: list[Places] = field(default_factory=list)
    odd_ends: list[Places] = field(default_factory=list)


def decode_speculative(
    data: bytes, meta: Mapping[str, StreamMeta], *, smallest: int = SMALLEST, fewest: int = FEWEST
) -> RecordedPage:
    """The page in ``data``. Raises ``Misfit`` unless all of it keeps to the layout.

    Also when it is not worth it: below ``smallest`` bytes, or ``fewest`` events in a stream on the
    average.
    """
    if not max(smallest, _TINIEST) <= len(data) <= _LARGEST:
        raise Misfit("too small, or too large for this route")
    body = Body(data)
    events = find_events(body)
    runs = np.flatnonzero(events.opens)
    if len(events.starts) < fewest * len(runs):
        raise Misfit("few events in each stream")
    tails = Tails()
    ends = ends_of(body, events, tails)
    borders = np.append(runs, len(ends))
    rest = _rest(body, events.starts[runs], ends[borders[1:] - 1])
    streams, borders = streams_between(rest, np.diff(borders))
    columns = _Columns(np.empty(len(ends)), np.empty(len(ends), np.uint8))
    for first in range(0, len(ends), _BLOCK):
        _read_block(body, events, ends, tails, columns, slice(first, first + _BLOCK))
    point_types = [meta.get(stream.WebId or "", UNKNOWN).point_type for stream in streams]
    values = _values(body, columns, borders, point_types)
    flags = flags_of(columns.tails, tails)
    return RecordedPage(batch(events.ticks, values, flags), stream_rows(streams, borders, {}))


def _rest(body: Body, starts: Places, ends: Places) -> bytes:
    """The body with the number of each run ``[start, end)`` in its place."""
    pieces, done = [], 0
    for marker, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        pieces += [body.data[done:start], b"%d" % marker]
        done = end
    pieces.append(body.data[done:])
    return b"".join(pieces)


def streams_between(rest: bytes | memoryview, counts: Places) -> tuple[list[Any], Places]:
    """The streams, and the row where each begins: from the body with markers instead of runs.

    ``counts`` are the events of the runs. Raises ``Misfit`` unless each marker, in order, is the only
    item of the ``Items`` of a stream.
    """
    try:
        page = _pages.decode(rest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as unfit:
        raise Misfit(str(unfit)) from unfit
    streams = page.Items
    if page.WebException or page.Errors or page.Message or not all(stream.WebId for stream in streams):
        raise Misfit("an answer that failed")
    places = [place for place, stream in enumerate(streams) if stream.Items]
    markers = list(chain.from_iterable([stream.Items for stream in streams if stream.Items]))
    if len(places) != len(counts) or markers != list(range(len(counts))):
        raise Misfit("events in another place than the Items of a stream")
    borders = np.zeros(len(streams) + 1, np.int64)
    borders[np.array(places, np.int64) + 1] = counts
    return streams, np.cumsum(borders)


def _read_block(
    body: Body, events: Events, ends: Places, tails: Tails, columns: _Columns, rows: slice
) -> None:
    """Read the values and flags of the events ``rows``, which end at ``ends``, into ``columns``."""
    windows = body.words(events.times_end[rows], _WINDOW)
    if not begins(windows, MIDDLE).all():
        raise Misfit("an event of another layout")
    columns.tails[rows], tokens_end = tails.match(body, events.starts[rows], ends[rows])
    tokens = events.times_end[rows] + len(MIDDLE)
    lengths = tokens_end - tokens
    if (lengths <= 0).any():
        raise Misfit("an event without a value")
    columns.numbers[rows], odd = numbers_and_odd(windows, lengths)
    columns.odd_rows.append(np.flatnonzero(odd) + rows.start)
    columns.odd_starts.append(tokens[odd])
    columns.odd_ends.append(tokens_end[odd])


def _values(body: Body, columns: _Columns, borders: Places, point_types: list[str]) -> ValueArrays:
    """The value columns; ``borders`` are the first rows of the streams of ``point_types``."""
    odd = [np.concatenate(places) for places in (columns.odd_rows, columns.odd_starts, columns.odd_ends)]
    return values_with_odd(body.buffer, columns.numbers, (odd[0], odd[1], odd[2]), borders, point_types)


def values_with_odd(
    buffer: pa.Buffer,
    numbers: npt.NDArray[np.float64],
    odd: tuple[Places, Places, Places],
    borders: Places,
    point_types: list[str],
) -> ValueArrays:
    """The value columns: ``numbers``, but for the ``odd`` rows whose tokens are from starts to ends.

    ``borders`` are the first rows of the streams of ``point_types``. Raises ``Misfit`` as ``read_odd``.
    """
    rows, starts, ends = odd
    if not len(rows):
        return value_arrays(numbers, rows, OddValues())
    names, of_stream = np.unique([point_class(name) for name in point_types], return_inverse=True)
    classes = of_stream[np.searchsorted(borders, rows, "right") - 1]
    values, which = read_odd(spans(buffer, starts, ends, pa.binary()), classes, names.tolist())
    return value_arrays(numbers, rows, values, which=which)


def flags_of(which: npt.NDArray[np.uint8], tails: Tails) -> list[pa.BooleanArray]:
    """The flags of all rows, from which of the ``tails`` each has."""
    known = [tail.flags for tail in tails.known]
    return [_flag(which, [flags[place] for flags in known]) for place in range(len(FLAGS))]


def _flag(tails: npt.NDArray[np.uint8], says: list[bool | None]) -> pa.BooleanArray:
    """A flag of all rows, from what each tail says."""
    if len(set(says)) == 1:
        return flag_array(len(tails), says[0], [], [])
    column = np.array([bool(flag) for flag in says])[tails]
    return pa.array(column, mask=np.array([flag is None for flag in says])[tails] if None in says else None)
