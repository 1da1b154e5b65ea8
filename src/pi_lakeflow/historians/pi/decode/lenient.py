"""The patient route: the json module, one event at a time, every oddity (0.2 M rows/s a core).

It reads what the typed route refuses: bare ``NaN`` and ``Infinity``, numbers beyond the doubles,
``-0``, arrays, lone surrogates, events of a strange shape; and it says what is wrong when nothing
can be read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.columns import batch, flag_array, value_arrays
from pi_lakeflow.historians.pi.decode.failures import first_text, raise_for_envelope
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta
from pi_lakeflow.historians.pi.decode.times import ticks_of, ticks_of_all
from pi_lakeflow.historians.pi.decode.typed import UNKNOWN, Stream, stream_rows
from pi_lakeflow.historians.pi.decode.values import (
    OddValues,
    Overflow,
    State,
    compact_json,
    without_surrogates,
)

FLAGS = ("Good", "Questionable", "Substituted", "Annotated")

_LONGEST_INTEGER = 4_000  # digits; Python refuses to convert much longer ones
_STATE_KEYS = ("Name", "Value", "Errors")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(slots=True)
class _Rows:
    times: list[Any] = field(default_factory=list)
    values: OddValues = field(default_factory=OddValues)
    flags: list[tuple[Any, ...]] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


def decode_lenient(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The page in ``body``. Raises ``Transient`` when it is not JSON, or not a streamset's answer."""
    return page_of(items_of(parse(body)), meta)


def page_of(streams: list[dict[str, Any]], meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The page of parsed ``streams``, each an object with ``WebId`` and ``Items``."""
    rows, counts = _Rows(), []
    for stream in streams:
        events = stream.get("Items")
        point_type = meta.get(stream["WebId"], UNKNOWN).point_type
        counts.append(len(events) if isinstance(events, list) else 0)
        for event in events if isinstance(events, list) else []:
            _read_event(event, point_type, rows)
    ticks = _ticks(rows)
    flags = list(zip(*rows.flags, strict=True)) or [()] * len(FLAGS)
    length = len(ticks)
    values = value_arrays(np.zeros(length), np.arange(length), rows.values)
    columns = [flag_array(length, None, range(length), [_flag(each) for each in column]) for column in flags]
    borders = np.array([0, *accumulate(counts)])
    about = [_about(stream) for stream in streams]
    return RecordedPage(batch(ticks, values, columns), stream_rows(about, borders, rows.failures))


def parse(body: bytes) -> Any:
    """JSON as the server may print it: number tokens keep what a double would lose."""
    try:
        return json.loads(
            body.decode(),
            parse_float=_number,
            parse_int=_integer,
            object_hook=_repaired if _SURROGATE.search(body) else None,
        )
    except (ValueError, RecursionError) as broken:
        raise Transient(f"the answer is not valid JSON ({len(body)} bytes): {_place(broken)}") from broken


def items_of(page: Any) -> list[dict[str, Any]]:
    """The streams of the envelope. Raises ``Transient`` for a failure or another shape."""
    if not isinstance(page, dict):
        raise Transient(f"the answer is JSON of another kind: a {type(page).__name__}, not an object")
    raise_for_envelope(page.get("WebException"), page.get("Errors"), page.get("Message"))
    if "Items" not in page:
        raise Transient("the answer is JSON of another kind: it has no Items")
    streams = page["Items"] if page["Items"] is not None else []
    if not isinstance(streams, list):
        raise Transient("the answer is JSON of another kind: Items is not a list")
    for stream in streams:
        if not isinstance(stream, dict):
            raise Transient("the answer is JSON of another kind: a stream is not an object")
        if not isinstance(stream.get("WebId"), str) or not stream["WebId"]:
            raise Transient("a stream of the answer has no WebId")
    return streams


def _about(stream: dict[str, Any]) -> Stream:
    """What a stream says about itself as a whole."""
    items, units = stream.get("Items", msgspec.UNSET), stream.get("UnitsAbbreviation")
    errors = stream.get("Errors")
    if not isinstance(items, list | msgspec.UnsetType) and items is not None:
        errors = errors or "Items of the stream is not a list"
    return Stream(
        WebId=stream["WebId"],
        Items=items if items is msgspec.UNSET else [],
        UnitsAbbreviation=units if isinstance(units, str) else None,
        Errors=errors,
        Value=stream.get("Value"),
    )


def _read_event(event: Any, point_type: str, rows: _Rows) -> None:
    """Append one row, and what is wrong with it."""
    row = len(rows.times)
    if not isinstance(event, dict):
        rows.times.append(None)
        rows.values.add(None, point_type)
        rows.flags.append((False, None, None, None))
        rows.failures[row] = "an event is not an object"
        return
    get = event.get
    rows.times.append(get("Timestamp"))
    failure = rows.values.add(_state(get("Value")), point_type)
    errors = get("Errors")
    if errors:
        failure = first_text(errors)
    good = get("Good")
    if failure is not None:
        rows.failures[row] = failure
        good = False
    rows.flags.append((good, get("Questionable"), get("Substituted"), get("Annotated")))


def _ticks(rows: _Rows) -> list[int | None]:
    """The times of all rows. One that cannot be read is None, and a failure."""
    if all(isinstance(text, str) for text in rows.times):
        ticks = list(ticks_of_all(rows.times))
    else:
        ticks = [ticks_of(text) if isinstance(text, str) else None for text in rows.times]
    for row, (tick, text) in enumerate(zip(ticks, rows.times, strict=True)):
        if tick is None:
            rows.failures.setdefault(row, f"a timestamp cannot be read: {first_text(compact_json(text))}")
    return ticks


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _state(value: Any) -> Any:
    """Objects that are states as ``State``; anything else as it is."""
    if not isinstance(value, dict) or all(value.get(key) is None for key in _STATE_KEYS):
        return value
    name, code = value.get("Name"), value.get("Value")
    return State(
        Name=name if name is None or isinstance(name, str) else compact_json(name),
        Value=code if isinstance(code, int) and not isinstance(code, bool) else None,
        IsSystem=value.get("IsSystem") is True,
        Errors=value.get("Errors"),
    )


def _number(token: str) -> float | Overflow:
    value = float(token)
    return value if math.isfinite(value) else Overflow(value, token)


def _integer(token: str) -> int | float | Overflow:
    if token == "-0":
        return -0.0
    if len(token) > _LONGEST_INTEGER:
        return Overflow(float(token), token)
    return int(token)


def _repaired(members: dict[str, Any]) -> dict[str, Any]:
    for key, value in members.items():
        if isinstance(value, str) and not value.isascii():
            members[key] = without_surrogates(value)
    return members


def _place(broken: Exception) -> str:
    if isinstance(broken, json.JSONDecodeError):
        return f"{broken.msg}, character {broken.pos}"
    return "nested too deeply" if isinstance(broken, RecursionError) else str(broken)
