"""The patient route: the json module, one event at a time, every oddity (0.4 M rows/s a core).

It reads what the typed route refuses: bare ``NaN`` and ``Infinity``, numbers beyond the doubles,
``-0``, arrays, lone surrogates, events of a strange shape; and it says what is wrong when nothing
can be read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.columns import batch, flag_array, value_arrays
from pi_lakeflow.historians.pi.decode.failures import (
    first_text,
    raise_for_envelope,
    stream_failures,
    summarise,
)
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta, StreamRows
from pi_lakeflow.historians.pi.decode.times import ticks_of
from pi_lakeflow.historians.pi.decode.values import (
    OddValues,
    Overflow,
    State,
    compact_json,
    without_surrogates,
)

FLAGS = ("Good", "Questionable", "Substituted", "Annotated")

_LONGEST_INTEGER = 4_000  # digits; Python refuses to convert much longer ones
_UNKNOWN = StreamMeta()
_STATE_KEYS = ("Name", "Value", "Errors")


@dataclass(slots=True)
class _Rows:
    ticks: list[int | None] = field(default_factory=list)
    values: OddValues = field(default_factory=OddValues)
    flags: list[tuple[bool | None, ...]] = field(default_factory=list)

    def batch(self) -> pa.RecordBatch:
        length = len(self.ticks)
        every = range(length)
        columns = list(zip(*self.flags, strict=True)) if length else [()] * len(FLAGS)
        values = value_arrays(np.zeros(length), np.arange(length), self.values)
        return batch(self.ticks, values, [flag_array(length, None, every, column) for column in columns])


def decode_lenient(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The page in ``body``. Raises ``Transient`` when it is not JSON, or not a streamset's answer."""
    streams = items_of(parse(body))
    rows = _Rows()
    read = tuple(_read_stream(stream, meta, rows) for stream in streams)
    return RecordedPage(rows.batch(), read)


def parse(body: bytes) -> Any:
    """JSON as the server may print it: number tokens keep what a double would lose."""
    try:
        return json.loads(body, parse_float=_number, parse_int=_integer, object_hook=_repair)
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


def _read_stream(stream: dict[str, Any], meta: Mapping[str, StreamMeta], rows: _Rows) -> StreamRows:
    webid, offset = stream["WebId"], len(rows.ticks)
    failures = stream_failures(stream.get("Errors"), stream.get("Value"), has_items="Items" in stream)
    events = stream.get("Items")
    if events is not None and not isinstance(events, list):
        failures.append("Items of the stream is not a list")
        events = None
    point_type = meta.get(webid, _UNKNOWN).point_type
    for event in events or []:
        failures += _read_event(event, point_type, rows)
    units = stream.get("UnitsAbbreviation")
    units = units if isinstance(units, str) and units else None
    return StreamRows(webid, offset, len(rows.ticks) - offset, units, summarise(failures))


def _read_event(event: Any, point_type: str, rows: _Rows) -> list[str]:
    """Append one row; the texts of what is wrong with it."""
    if not isinstance(event, dict):
        rows.ticks.append(None)
        rows.values.add(None, point_type)
        rows.flags.append((False, None, None, None))
        return ["an event is not an object"]
    text = event.get("Timestamp")
    ticks = ticks_of(text) if isinstance(text, str) else None
    failure = rows.values.add(_state(event.get("Value")), point_type)
    if event.get("Errors"):
        failure = first_text(event["Errors"])
    good, *others = (flag if isinstance(flag := event.get(name), bool) else None for name in FLAGS)
    rows.ticks.append(ticks)
    rows.flags.append((good if failure is None else False, *others))
    failures = [] if failure is None else [failure]
    if ticks is None:
        failures.append(f"a timestamp cannot be read: {first_text(compact_json(text))}")
    return failures


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


def _repair(members: dict[str, Any]) -> dict[str, Any]:
    for key, value in members.items():
        if isinstance(value, str) and not value.isascii():
            members[key] = without_surrogates(value)
    return members


def _place(broken: Exception) -> str:
    if isinstance(broken, json.JSONDecodeError):
        return f"{broken.msg} at character {broken.pos}"
    return "nested too deeply" if isinstance(broken, RecursionError) else str(broken)
