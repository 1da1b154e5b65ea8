"""The msgspec route: any legal JSON of the usual value types, at about 2 M rows/s a core.

The events become typed structs that the cyclic collector does not track (``gc=False``), so there
is nothing for it to do and no need to switch it off; each column is one comprehension. Whatever
the types do not fit raises ``Misfit`` and is read by the lenient route.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.columns import Rows, ValueArrays, batch, flag_array, value_arrays
from pi_lakeflow.historians.pi.decode.failures import (
    first_text,
    raise_for_envelope,
    stream_failures,
    summarise,
)
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta, StreamRows
from pi_lakeflow.historians.pi.decode.times import ticks_of_all
from pi_lakeflow.historians.pi.decode.values import EXACT_INTEGERS, OddValues, State, point_class

UNKNOWN = StreamMeta()
Flags = tuple[bool | None, bool | None, bool | None, bool | None]

_SAMPLE = 32  # events that are asked for the usual flags
_SLICE = 1 << 18
_DASH, _ZERO, _NINE = b"-09"
_MINUS_ZEROS = (b":-0", b" -0", b"\n-0", b"\t-0", b"\r-0")  # where a member's value may be


class Misfit(Exception):
    """The body does not fit this route; another one reads it, or says what is wrong with it."""


class Event(msgspec.Struct, gc=False):
    """One TimedValue. An integer token is read as a double; see ``_exact_integers``."""

    Timestamp: str
    Value: float | State | str | bool | None = None
    Good: bool | None = None
    Questionable: bool | None = None
    Substituted: bool | None = None
    Annotated: bool | None = None
    Errors: Any = None


class Stream(msgspec.Struct, gc=False):
    """One stream of a streamset. ``Value`` is only there when the stream as a whole failed."""

    WebId: str | None = None
    Items: list[Event] | None | msgspec.UnsetType = msgspec.UNSET
    UnitsAbbreviation: str | None = None
    Errors: Any = None
    Value: Any = None


class Page(msgspec.Struct, gc=False):
    """The envelope."""

    Items: list[Stream] | None
    WebException: Any = None
    Errors: Any = None
    Message: Any = None


class IntegerEvent(msgspec.Struct, gc=False):
    """A TimedValue that keeps integer tokens apart from the others."""

    Value: int | float | State | str | bool | None = None


class IntegerStream(msgspec.Struct, gc=False):
    Items: list[IntegerEvent] | None = None


class IntegerPage(msgspec.Struct, gc=False):
    Items: list[IntegerStream] | None


_pages = msgspec.json.Decoder(Page)
_integer_pages = msgspec.json.Decoder(IntegerPage)


def decode_typed(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The page in ``body``. Raises ``Misfit`` when its shape is not the usual one.

    Raises ``Transient`` when the answer as a whole is a failure.
    """
    try:
        page = _pages.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as unfit:
        raise Misfit(str(unfit)) from unfit
    raise_for_envelope(page.WebException, page.Errors, page.Message)
    streams = page.Items or []
    if not all(stream.WebId for stream in streams):
        raise Misfit("a stream without WebId")
    lists = [stream.Items or [] for stream in streams]
    events = list(chain.from_iterable(lists))
    borders = np.cumsum([0, *map(len, lists)])
    ticks = ticks_of_all([event.Timestamp for event in events])
    if isinstance(ticks, list) and None in ticks:
        raise Misfit("a timestamp that cannot be read")
    point_types = [meta.get(stream.WebId or "", UNKNOWN).point_type for stream in streams]
    usual = _usual_flags(events)
    unusual = _unusual_rows(events, usual)
    failures = {row: first_text(events[row].Errors) for row in unusual if events[row].Errors}
    values = _values(body, events, (borders, point_types), failures)
    rows = batch(ticks, values, _flags(events, usual, unusual, failures))
    return RecordedPage(rows, stream_rows(streams, borders, failures))


def stream_rows(streams: Sequence[Any], borders: Rows, failures: dict[int, str]) -> tuple[StreamRows, ...]:
    """The streams of a page whose rows begin at ``borders``; ``failures`` are texts by row."""
    texts = {
        place: stream_failures(s.Errors, s.Value, has_items=s.Items is not msgspec.UNSET)
        for place, s in enumerate(streams)
        if s.Errors is not None or s.Value is not None or s.Items is msgspec.UNSET
    }
    rows = sorted(failures)
    for row, place in zip(rows, streams_of(rows, borders), strict=True):
        texts.setdefault(place, []).append(failures[row])
    starts = borders.tolist()
    return tuple(
        StreamRows(
            s.WebId,
            starts[n],
            starts[n + 1] - starts[n],
            s.UnitsAbbreviation or None,
            summarise(texts.get(n)),
        )
        for n, s in enumerate(streams)
    )


def streams_of(rows: Sequence[int], borders: Rows) -> list[int]:
    """The stream that each row belongs to."""
    streams: list[int] = (np.searchsorted(borders, rows, "right") - 1).tolist()
    return streams


def _values(
    body: bytes, events: list[Event], layout: tuple[Rows, list[str]], failures: dict[int, str]
) -> ValueArrays:
    """The value columns. Adds to ``failures`` the texts of values that are failures, by row."""
    objects: list[Any] = [event.Value for event in events]
    odd = [row for row, value in enumerate(objects) if type(value) is not float]
    borders, point_types = layout
    rows, values = _usual_odd_values(objects, odd, borders, point_types)
    rest = set(odd).difference(rows) if len(rows) < len(odd) else ()
    others = {row: objects[row] for row in rest}
    for row in odd:
        objects[row] = np.nan
    numbers = np.fromiter(objects, np.float64, len(objects))
    _refuse_minus_zero(body, numbers)
    others |= _exact_integers(body, numbers)
    for (row, value), stream in zip(others.items(), streams_of(list(others), borders), strict=True):
        if isinstance(value, State) and value.is_bare:
            raise Misfit("an object that is no state")
        failure = values.add(value, point_types[stream])
        if failure is not None:
            failures.setdefault(row, failure)
    return value_arrays(numbers, np.array([*rows, *others], np.int64), values)


def _usual_odd_values(
    objects: list[Any], odd: list[int], borders: Rows, point_types: list[str]
) -> tuple[list[int], OddValues]:
    """The states and strings among the ``odd`` rows of ``objects``, many at a time, and their rows."""
    values = OddValues()
    rows = [
        row
        for row in odd
        if type(value := objects[row]) is State and value.Errors is None and value.Name is not None
    ]
    values.add_states([objects[row] for row in rows])
    texts = [row for row in odd if type(objects[row]) is str]
    if texts:
        classes = np.array([point_class(name) for name in point_types])[streams_of(texts, borders)]
        for name in np.unique(classes).tolist():
            of_class = np.array(texts)[classes == name].tolist()
            values.add_texts([objects[row] for row in of_class], name)
            rows += of_class
    return rows, values


def _exact_integers(body: bytes, numbers: npt.NDArray[np.float64]) -> dict[int, int]:
    """The integers beyond 2^53, by row: read once more, because the first reading rounds them."""
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(np.abs(numbers) >= EXACT_INTEGERS)
    if not len(large):
        return {}
    try:
        page = _integer_pages.decode(body)
    except msgspec.MsgspecError as unfit:
        raise Misfit(str(unfit)) from unfit
    again = [event.Value for stream in page.Items or [] for event in stream.Items or []]
    return {row: value for row in large.tolist() if isinstance(value := again[row], int)}


def _refuse_minus_zero(body: bytes, numbers: npt.NDArray[np.float64]) -> None:
    """msgspec reads the token ``-0`` as 0.0, but a server may print a negative zero so."""
    if (numbers == 0.0).any() and _may_hold_minus_zero(body):
        raise Misfit("a -0 must keep its sign")


def _may_hold_minus_zero(body: bytes) -> bool:
    """Whether ``-0`` begins a value, and occurs with no digit or point behind it.

    The latter is looked for in slices that fit the cache.
    """
    if not any(beginning in body for beginning in _MINUS_ZEROS):
        return False
    for start in range(0, len(body), _SLICE):
        piece = np.frombuffer(body[start : start + _SLICE + 2], np.uint8)
        ended = piece[2:] - np.uint8(_DASH) > _NINE - _DASH
        if ((piece[:-2] == _DASH) & (piece[1:-1] == _ZERO) & ended).any():
            return True
    return False


def _usual_flags(events: Sequence[Event]) -> Flags:
    """The flags that most events carry, as far as a few of them tell."""
    some = Counter(_flags_of(event) for event in events[:: len(events) // _SAMPLE + 1])
    return some.most_common(1)[0][0] if some else (None,) * 4


def _unusual_rows(events: Sequence[Event], usual: Flags) -> list[int]:
    """Rows whose flags are not the ``usual`` ones, or that have errors. Nearly always few."""
    good, questionable, substituted, annotated = usual
    return [
        row
        for row, event in enumerate(events)
        if event.Good is not good
        or event.Questionable is not questionable
        or event.Substituted is not substituted
        or event.Annotated is not annotated
        or event.Errors is not None
    ]


def _flags_of(event: Event) -> Flags:
    return event.Good, event.Questionable, event.Substituted, event.Annotated


def _flags(
    events: list[Event], usual: Flags, unusual: list[int], failures: Mapping[int, str]
) -> list[pa.BooleanArray]:
    """The four flag columns; what failed is never good."""
    others = [events[row] for row in unusual]
    columns: list[list[bool | None]] = [
        [event.Good for event in others],
        [event.Questionable for event in others],
        [event.Substituted for event in others],
        [event.Annotated for event in others],
    ]
    rows = [unusual] * len(columns)
    if failures:
        rows[0] = [*unusual, *failures]
        columns[0] += [False] * len(failures)
    return [flag_array(len(events), *each) for each in zip(usual, rows, columns, strict=True)]
