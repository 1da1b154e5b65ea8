"""The msgspec route: any legal JSON of the usual value types, at about 2 M rows/s a core.

The events become typed structs that the cyclic collector does not track (``gc=False``), so there
is nothing for it to do and no need to switch it off; each column is one comprehension. Whatever
the types do not fit raises ``Misfit`` and is read by the lenient route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.columns import (
    ValueColumns,
    batch,
    flag_column,
    ticks_array,
)
from pi_lakeflow.historians.pi.decode.failures import (
    first_text,
    raise_for_envelope,
    stream_failures,
    summarise,
)
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta, StreamRows
from pi_lakeflow.historians.pi.decode.times import ticks_of_all
from pi_lakeflow.historians.pi.decode.values import EXACT_INTEGERS, State, cell

UNKNOWN = StreamMeta()
_SLICE = 1 << 18
_GOES_ON = np.isin(np.arange(256), list(b"0123456789.eE"))
NO_WEBID = "a stream of the answer has no WebId"


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
        raise Misfit(NO_WEBID)
    counts = [len(stream.Items) if isinstance(stream.Items, list) else 0 for stream in streams]
    events = list(chain.from_iterable(s.Items for s in streams if isinstance(s.Items, list)))
    borders = np.cumsum([0, *counts])
    point_types = [meta.get(stream.WebId or "", UNKNOWN).point_type for stream in streams]
    values, failures = _values(body, events, borders, point_types)
    ticks = ticks_of_all([event.Timestamp for event in events])
    if isinstance(ticks, list) and None in ticks:
        raise Misfit("a timestamp cannot be read")
    rows = batch(ticks_array(ticks), values.arrays(), _flags(events, failures))
    texts: list[list[str]] = [[] for _ in streams]
    for row, text in sorted(failures.items()):
        texts[int(np.searchsorted(borders, row, "right")) - 1].append(text)
    return RecordedPage(rows, tuple(_stream_rows(*each) for each in zip(streams, borders, counts, texts)))


def _stream_rows(stream: Stream, offset: int, length: int, failures: list[str]) -> StreamRows:
    own = stream_failures(stream.Errors, stream.Value, has_items=stream.Items is not msgspec.UNSET)
    error = summarise(own + failures)
    return StreamRows(stream.WebId or "", int(offset), length, stream.UnitsAbbreviation or None, error)


def _values(
    body: bytes, events: list[Event], borders: npt.NDArray[np.int64], point_types: list[str]
) -> tuple[ValueColumns, dict[int, str]]:
    """The value columns, and the failure texts by row."""
    objects: list[Any] = [event.Value for event in events]
    failures = {row: first_text(event.Errors) for row, event in enumerate(events) if event.Errors}
    odd = [row for row, value in enumerate(objects) if type(value) is not float]
    odd_objects = [objects[row] for row in odd]
    for row in odd:
        objects[row] = np.nan
    numbers = np.fromiter(objects, np.float64, len(objects))
    _refuse_minus_zero(body, numbers)
    integers = _exact_integers(body, numbers)
    odd += integers
    odd_objects += integers.values()
    streams_of = (np.searchsorted(borders, odd, "right") - 1).tolist()
    cells = []
    for row, stream, value in zip(odd, streams_of, odd_objects, strict=True):
        if isinstance(value, State) and value.is_bare:
            raise Misfit("an object that is no state")
        cells.append(cell(value, point_types[stream]))
        if (error := cells[-1].error) is not None:
            failures.setdefault(row, error)
    return ValueColumns(numbers, odd, cells), failures


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
    """Whether ``-0`` occurs with no number going on behind it, in slices that fit the cache."""
    for start in range(0, len(body), _SLICE):
        piece = np.frombuffer(body[start : start + _SLICE + 2], np.uint8)
        hits = np.flatnonzero((piece[:-2] == ord("-")) & (piece[1:-1] == ord("0")))
        if not _GOES_ON[piece[hits + 2]].all():
            return True
    return False


def _flags(events: Sequence[Event], failures: Mapping[int, str]) -> list[pa.BooleanArray]:
    """The four flags. Nearly all events carry those of the first one, so only the others are listed."""
    if not events:
        return [flag_column(0, None, [], [])] * 4
    first = events[0]
    good, questionable, substituted, annotated = (
        first.Good,
        first.Questionable,
        first.Substituted,
        first.Annotated,
    )
    other = [
        row
        for row, event in enumerate(events)
        if event.Good is not good
        or event.Questionable is not questionable
        or event.Substituted is not substituted
        or event.Annotated is not annotated
    ]
    others = [events[row] for row in other]
    rows = [*other, *failures]
    return [
        flag_column(len(events), good, rows, [event.Good for event in others] + [False] * len(failures)),
        flag_column(len(events), questionable, other, [event.Questionable for event in others]),
        flag_column(len(events), substituted, other, [event.Substituted for event in others]),
        flag_column(len(events), annotated, other, [event.Annotated for event in others]),
    ]
