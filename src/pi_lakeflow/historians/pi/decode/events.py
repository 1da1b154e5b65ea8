"""Where the events of a compact body are, and when they happened."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.spans import WORD, Body, Mask, Places, Words, even, place_of, spans
from pi_lakeflow.historians.pi.decode.tails import MIDDLE, OPEN, Tails
from pi_lakeflow.historians.pi.decode.times import (
    DIGITS,
    NANOSECONDS_PER_TICK,
    USUAL_CENTURY,
    nanoseconds_of,
)
from pi_lakeflow.historians.pi.decode.typed import Misfit

PROBE = 1 << 16
"""Bytes of a body in which its first event must begin: else the fast routes give up at once."""

_PLAIN = 20  # characters of a time without fraction
_SHORTEST = len(OPEN) + _PLAIN + len(MIDDLE) + 1
_OTHER_END = re.compile(rb'(?:true|false|null|")\}\]')

_BEFORE = 6  # bytes before an event that are looked at with it, so that its parts lie in words
_LEAD = 6  # words: those bytes, OPEN, the shortest time, and eight bytes of the longest
_TIME = _BEFORE + len(OPEN)
_OPEN_WORDS = (
    WORD.type(int.from_bytes(OPEN[:2], "little")),
    WORD.type(int.from_bytes(OPEN[2:10], "little")),
    WORD.type(int.from_bytes(OPEN[10:], "little") << 32),
)
_NEXT, _SIXTEEN_BITS = WORD.type(int.from_bytes(b"},", "little")), WORD.type(0xFFFF)
_ONE, _SEVEN, _THIRTY_TWO, _FORTY_EIGHT = (WORD.type(number) for number in (1, 7, 32, 48))
_ONES, _HIGHS = WORD.type(0x0101010101010101), WORD.type(0x8080808080808080)
_ZS = _ONES * WORD.type(ord("Z"))


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a body, in order: where they start, and what can be told from there.

    ``opens`` are those that open a run: they are not behind the end of another. ``times_end`` are
    the places where the times end, ``ticks`` the times.
    """

    starts: Places
    opens: Mask
    times_end: Places
    ticks: Places


def find_events(body: Body) -> Events:
    """Whatever begins like an event. Raises ``Misfit`` when one has no usual time, or there is none.

    Gives up at once on a body that does not begin with usual events, say because it is indented.
    """
    if body.data.find(OPEN, 0, PROBE) < 0:
        raise Misfit("no event of the usual layout")
    found = [_among(body, braces) for braces in body.objects()]
    starts, follows, times_end, ticks = (np.concatenate(column) for column in zip(*found, strict=True))
    if not len(starts):
        raise Misfit("no event of the usual layout")
    follows[0] = False
    return Events(starts, ~follows, times_end, ticks)


def _among(body: Body, braces: Places) -> tuple[Places, Mask, Places, Places]:
    """The events among what begins with ``braces``, and which of them follow another one."""
    places = braces[np.searchsorted(braces, _BEFORE) :]
    words = body.words(places - _BEFORE, _LEAD)
    fits = (words[:, 0] >> _FORTY_EIGHT == _OPEN_WORDS[0]) & (words[:, 1] == _OPEN_WORDS[1])
    fits &= words[:, 2] << _THIRTY_TWO == _OPEN_WORDS[2]
    if not (USUAL_CENTURY[words.view(DIGITS)[:, _TIME // DIGITS.itemsize]] | ~fits).all():
        raise Misfit("a time beyond what can be read in bulk")
    follows = (words[:, 0] >> _THIRTY_TWO) & _SIXTEEN_BITS == _NEXT
    widths = _time_widths(words[:, 5])
    starts = places[fits]
    return starts, follows[fits], starts + len(OPEN) + widths[fits], _ticks(words, widths, fits)


def _time_widths(words: npt.NDArray[np.uint64]) -> Places:
    """The widths of times of 20 to 28 characters that end in the first ``Z``.

    Looks for it in ``words``, the eight bytes behind the shortest time; no ``Z`` there means that one.
    """
    difference = words ^ _ZS
    zeros = (difference - _ONES) & ~difference & _HIGHS
    lowest = (zeros & (~zeros + _ONE)) >> _SEVEN
    return np.where(zeros == 0, _PLAIN, place_of(lowest) + (_PLAIN + 1))


def _ticks(words: Words, widths: Places, fits: Mask) -> Places:
    """The times of the rows of ``words`` that are events, converted where they lie."""
    starts = np.arange(0, words.nbytes, 8 * _LEAD) + _TIME
    nanoseconds = nanoseconds_of(spans(pa.py_buffer(words), starts, starts + widths, pa.string(), fits))
    if nanoseconds is None or len(nanoseconds) - nanoseconds.null_count != np.count_nonzero(fits):
        raise Misfit("a time that cannot be read in bulk")
    return even(nanoseconds, np.int64)[fits] // NANOSECONDS_PER_TICK


def ends_of(body: Body, events: Events, tails: Tails) -> Places:
    """Where events end: before the comma before the next one, and where ``}]`` closes a run.

    A text may hold ``}]``, but not with the usual tail, which ``tails`` learn here; with another one
    that can hardly be, and it would not pass the checks to come. Raises ``Misfit`` when a run does
    not close.
    """
    starts = events.starts
    inner = int(np.argmin(events.opens)) - 1  # the first event that has another one behind it, if any has
    usual = tails.learn(body.data[starts[inner] : starts[inner + 1] - 1]).literal if inner >= 0 else b"}"
    runs = np.flatnonzero(events.opens)
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
