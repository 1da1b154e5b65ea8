"""Values of events as JSON, kind by kind, for whole columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.simulator.world.events import (
    BOOLEAN,
    DIGITAL,
    INTEGER,
    NULL,
    NUMBER,
    SYSTEM,
    TEXT,
    TIMESTAMP,
    Events,
)
from pi_lakeflow.simulator.world.hashing import F64, I64
from pi_lakeflow.simulator.world.states import system_name

from .reply import encode

Names = Callable[[int], str]  # of digital states, by code


def json_values(events: Events, names: Names) -> pa.Array:
    """The JSON of each value, as large_binary; ``names`` gives the name of a digital state."""
    kinds = np.flatnonzero(np.bincount(events.kind)).tolist()
    if len(kinds) == 1:
        return _KINDS[kinds[0]](events, names)
    out = pa.repeat(_scalar(b""), len(events))
    for kind in kinds:
        mask = events.kind == kind
        out = pc.replace_with_mask(out, pa.array(mask), _KINDS[kind](events.take(mask), names))
    return out


def plain_value(events: Events, place: int, names: Names) -> Any:
    """The decoded JSON of one value."""
    kind, code = int(events.kind[place]), int(events.code[place])
    if kind == NUMBER:
        return float(events.value[place])
    if kind == INTEGER:
        return code
    if kind in (TEXT, TIMESTAMP):
        return events.texts()[place]
    if kind == BOOLEAN:
        return bool(code)
    if kind in (DIGITAL, SYSTEM):
        name = system_name(code) if kind == SYSTEM else names(code)
        return {"Name": name, "Value": code, "IsSystem": kind == SYSTEM}
    return None


def number_text(value: float) -> str:
    """A double as Json.NET writes it: ``72.0``, ``1E-07``, ``1.5E+20``."""
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    sign, digits = exponent[0], exponent[1:]
    return f"{mantissa}E{sign}{int(digits):02d}"


def _numbers(events: Events, _: Names) -> pa.Array:
    """Shortest digits that read back as the same double, with ``.0`` on whole numbers."""
    values: F64 = events.value
    text = pa.array(values).cast(pa.large_string()).cast(pa.large_binary())
    size = np.abs(values)
    special = (values == np.rint(values)) | (size < 1e-4) | (size >= 1e15)
    if not special.any():
        return text
    fixed = [number_text(value).encode() for value in values[special].tolist()]
    return pc.replace_with_mask(text, pa.array(special), pa.array(fixed, pa.large_binary()))


def _integers(events: Events, _: Names) -> pa.Array:
    return pa.array(events.code).cast(pa.large_string()).cast(pa.large_binary())


def _digital(events: Events, names: Names) -> pa.Array:
    return _from_table(events.code, lambda code: _state(names(code), code, system=False))


def _system(events: Events, _: Names) -> pa.Array:
    return _from_table(events.code, lambda code: _state(system_name(code), code, system=True))


def _booleans(events: Events, _: Names) -> pa.Array:
    return _from_table(events.code, lambda code: b"true" if code else b"false")


def _nulls(events: Events, _: Names) -> pa.Array:
    return pa.repeat(_scalar(b"null"), len(events))


def _texts(events: Events, _: Names) -> pa.Array:
    return pa.array([encode(text) for text in events.texts().tolist()], pa.large_binary())


def _from_table(codes: I64, text: Callable[[int], bytes]) -> pa.Array:
    known, place = np.unique(codes, return_inverse=True)
    return pa.array([text(code) for code in known.tolist()], pa.large_binary()).take(pa.array(place))


@lru_cache(maxsize=4096)
def _state(name: str, code: int, *, system: bool) -> bytes:
    value = {"Name": name, "Value": code, "IsSystem": system}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _scalar(text: bytes) -> pa.Scalar:
    return pa.scalar(text, pa.large_binary())


_KINDS: dict[int, Callable[[Events, Names], pa.Array]] = {
    NUMBER: _numbers,
    TEXT: _texts,
    DIGITAL: _digital,
    SYSTEM: _system,
    BOOLEAN: _booleans,
    TIMESTAMP: _texts,
    NULL: _nulls,
    INTEGER: _integers,
}
