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

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.columns import ValueArrays, batch, flag_array, value_arrays
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta
from pi_lakeflow.historians.pi.decode.spans import WORD, Body, Mask, Places, begins, even, place_of
from pi_lakeflow.historians.pi.decode.tails import FLAGS, MIDDLE, OPEN, Tails
from pi_lakeflow.historians.pi.decode.times import (
    DIGITS,
    NANOSECONDS_PER_TICK,
    USUAL_CENTURY,
    nanoseconds_of,
)
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
_PLAIN = 20  # characters of a time without fraction
_SHORTEST = len(OPEN) + _PLAIN + len(MIDDLE) + 1
_WINDOW = 4  # words that are looked at from the end of the time on

_OTHER_END = re.compile(rb'(?:true|false|null|")\}\]')
_BEFORE = 6  # bytes before an event that are looked at with it, so that its parts lie in words
_LEAD = 6  # words: those bytes, OPEN, the shortest time, and eight bytes of the longest
_OPEN_WORDS = (
    WORD.type(int.from_bytes(OPEN[:2], "little")),
    WORD.type(int.from_bytes(OPEN[2:10], "little")),
    WORD.type(int.from_bytes(OPEN[10:], "little") << 32),
)
_NEXT, _SIXTEEN_BITS = WORD.type(int.from_bytes(b"},", "little")), WORD.type(0xFFFF)
_CENTURY_PLACE = (_BEFORE + len(OPEN)) // DIGITS.itemsize
_ONE, _SEVEN, _THIRTY_TWO, _FORTY_EIGHT = (WORD.type(number) for number in (1, 7, 32, 48))
_ONES, _HIGHS = WORD.type(0x0101010101010101), WORD.type(0x8080808080808080)
_ZS = _ONES * WORD.type(ord("Z"))


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

    ticks: Places
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
    starts, opens, times_end = _events(body)
    runs = np.flatnonzero(opens)
    if len(starts) < fewest * len(runs):
        raise Misfit("few events in each stream")
    tails = Tails()
    inner = int(np.argmin(opens)) - 1  # the first event that has another one behind it, if any has
    usual = tails.learn(data[starts[inner] : starts[inner + 1] - 1]).literal if inner >= 0 else b"}"
    ends = _ends(body, starts, runs, usual)
    borders = np.append(runs, len(starts))
    streams, counts = _streams(body, starts[runs], ends[borders[1:] - 1], np.diff(borders))
    columns = _Columns(
        np.empty(len(starts), np.int64), np.empty(len(starts)), np.empty(len(starts), np.uint8)
    )
    for first in range(0, len(starts), _BLOCK):
        block = slice(first, first + _BLOCK)
        _read_block(body, (starts[block], times_end[block], ends[block]), tails, columns, first)
    borders = np.cumsum([0, *counts])
    point_types = [meta.get(stream.WebId or "", UNKNOWN).point_type for stream in streams]
    values = _values(body, columns, borders, point_types)
    flags = [_flag(columns.tails, [tail.flags[place] for tail in tails.known]) for place in range(len(FLAGS))]
    return RecordedPage(batch(columns.ticks, values, flags), stream_rows(streams, borders, {}))


def _events(body: Body) -> tuple[Places, Mask, Places]:
    """Where events start, which of them open a run, and where their times end if they are usual.

    Those open a run that are not behind the end of another.
    """
    found, continues, times_end = [], [], []
    for braces in body.objects():
        places = braces[np.searchsorted(braces, _BEFORE) :]
        words = body.words(places - _BEFORE, _LEAD)
        fits = (words[:, 0] >> _FORTY_EIGHT == _OPEN_WORDS[0]) & (words[:, 1] == _OPEN_WORDS[1])
        fits &= words[:, 2] << _THIRTY_TWO == _OPEN_WORDS[2]
        if not (USUAL_CENTURY[words.view(DIGITS)[:, _CENTURY_PLACE]] | ~fits).all():
            raise Misfit("a time beyond what can be read in bulk")
        follows = (words[:, 0] >> _THIRTY_TWO) & _SIXTEEN_BITS == _NEXT
        found.append(places[fits])
        continues.append(follows[fits])
        times_end.append((places + _time_widths(words[:, 5]))[fits] + len(OPEN))
    starts = np.concatenate(found)
    if not len(starts):
        raise Misfit("no event of the usual layout")
    opens = ~np.concatenate(continues)
    opens[0] = True
    return starts, opens, np.concatenate(times_end)


def _time_widths(words: npt.NDArray[np.uint64]) -> Places:
    """The widths of times of 20 to 28 characters that end in the first ``Z``.

    Looks for it in ``words``, the eight bytes behind the shortest time; no ``Z`` there means that one.
    """
    difference = words ^ _ZS
    zeros = (difference - _ONES) & ~difference & _HIGHS
    lowest = (zeros & (~zeros + _ONE)) >> _SEVEN
    return np.where(zeros == 0, _PLAIN, place_of(lowest) + (_PLAIN + 1))


def _ends(body: Body, starts: Places, runs: Places, usual: bytes) -> Places:
    """Where events end: before the comma before the next one, and where ``}]`` closes a run.

    ``runs`` are the events that open a run. A text may hold ``}]``, but not with the ``usual`` tail;
    with another one that can hardly be, and it would not pass the checks to come.
    """
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:] - 1
    last = np.append(runs[1:], len(starts)) - 1
    bounds = [*starts[runs[1:]].tolist(), len(body)]
    for event, place, bound in zip(last.tolist(), starts[last].tolist(), bounds, strict=True):
        close = body.data.find(usual + b"]", place, bound) + len(usual)
        if close < len(usual):
            other = _OTHER_END.search(body.data, place + _SHORTEST, bound)
            close = other.end() - 1 if other else 0
        if not close:
            raise Misfit("a run of events that does not close")
        ends[event] = close
    return ends


def _streams(body: Body, starts: Places, ends: Places, counts: Places) -> tuple[list[Any], list[int]]:
    """The streams, and how many events each has: from the body without the runs ``[start, end)``."""
    pieces, done = [], 0
    for marker, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        pieces += [body.data[done:start], b"%d" % marker]
        done = end
    pieces.append(body.data[done:])
    try:
        page = _pages.decode(b"".join(pieces))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as unfit:
        raise Misfit(str(unfit)) from unfit
    if page.WebException or page.Errors or page.Message or not all(stream.WebId for stream in page.Items):
        raise Misfit("an answer that failed")
    markers = [stream.Items or [] for stream in page.Items]
    if [marker for own in markers for marker in own] != list(range(len(starts))) or max(
        map(len, markers)
    ) > 1:
        raise Misfit("events in another place than the Items of a stream")
    return page.Items, [int(counts[own[0]]) if own else 0 for own in markers]


def _read_block(
    body: Body, events: tuple[Places, Places, Places], tails: Tails, columns: _Columns, first: int
) -> None:
    """Read events, given by their starts, ends of times and ends, into the rows from ``first`` on."""
    starts, times_end, ends = events
    rows = slice(first, first + len(starts))
    times = starts + len(OPEN)
    windows = body.words(times_end, _WINDOW)
    if not begins(windows, MIDDLE).all():
        raise Misfit("an event of another layout")
    columns.tails[rows], tokens_end = tails.match(body, starts, ends)
    tokens = times_end + len(MIDDLE)
    if (tokens_end <= tokens).any():
        raise Misfit("an event without a value")
    nanoseconds = nanoseconds_of(body.spans(times, times_end, pa.string()))
    if nanoseconds is None or nanoseconds.null_count != len(times):
        raise Misfit("a time that cannot be read in bulk")
    columns.ticks[rows] = even(nanoseconds, np.int64) // NANOSECONDS_PER_TICK
    columns.numbers[rows], odd = numbers_and_odd(body, tokens, tokens_end, windows)
    columns.odd_rows.append(np.flatnonzero(odd) + first)
    columns.odd_starts.append(tokens[odd])
    columns.odd_ends.append(tokens_end[odd])


def _values(body: Body, columns: _Columns, borders: Places, point_types: list[str]) -> ValueArrays:
    """The value columns; ``borders`` are the first rows of the streams of ``point_types``."""
    rows = np.concatenate(columns.odd_rows)
    if not len(rows):
        return value_arrays(columns.numbers, rows, OddValues())
    starts, ends = np.concatenate(columns.odd_starts), np.concatenate(columns.odd_ends)
    names, of_stream = np.unique([point_class(name) for name in point_types], return_inverse=True)
    classes = of_stream[np.searchsorted(borders, rows, "right") - 1]
    odd, which = read_odd(body.spans(starts, ends, pa.binary()), classes, names.tolist())
    return value_arrays(columns.numbers, rows, odd, which=which)


def _flag(tails: npt.NDArray[np.uint8], says: list[bool | None]) -> pa.BooleanArray:
    """A flag of all rows, from what each tail says."""
    if len(set(says)) == 1:
        return flag_array(len(tails), says[0], [], [])
    column = np.array([bool(flag) for flag in says])[tails]
    return pa.array(column, mask=np.array([flag is None for flag in says])[tails] if None in says else None)
