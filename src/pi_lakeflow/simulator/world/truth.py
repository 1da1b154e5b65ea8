"""The rows that a correct lake holds, made without HTTP or JSON."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from .events import (
    ANNOTATED,
    BOOLEAN,
    DIGITAL,
    GOOD,
    INTEGER,
    KIND_NAMES,
    NUMBER,
    QUESTIONABLE,
    SUBSTITUTED,
    SYSTEM,
    TEXT,
    TIMESTAMP,
    Events,
)
from .states import StateSet, system_name
from .tags import TagDef
from .ticks import MICRO

TRUTH_SCHEMA = pa.schema(
    [
        ("tag_webid", pa.string()),
        ("tag_name", pa.string()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("event_index", pa.int32()),
        ("value", pa.float64()),
        ("value_text", pa.string()),
        ("state_code", pa.int32()),
        ("value_kind", pa.string()),
        ("units", pa.string()),
        ("good", pa.bool_()),
        ("questionable", pa.bool_()),
        ("substituted", pa.bool_()),
        ("annotated", pa.bool_()),
        ("date", pa.date32()),
    ]
)
_EXACT = 1 << 53


def truth_table(webid: str, tag: TagDef, events: Events, sets: Mapping[str, StateSet]) -> pa.Table:
    """One row for each event, with the columns of :data:`TRUTH_SCHEMA`."""
    n = len(events)
    micros = events.ticks // MICRO
    integer = events.kind == INTEGER
    number = (events.kind == NUMBER) | integer
    state = (events.kind == DIGITAL) | (events.kind == SYSTEM)
    value = np.where(integer, events.code.astype(np.float64), events.value)
    columns = [
        pa.array([webid] * n, pa.string()),
        pa.array([tag.name] * n, pa.string()),
        pa.array(micros).cast(pa.timestamp("us", tz="UTC")),
        pa.array(event_index(micros)),
        pa.array(value, pa.float64(), mask=~number),
        pa.array(_texts(tag, events, sets), pa.string()),
        pa.array(events.code.astype(np.int32), pa.int32(), mask=~state),
        pa.array(np.array(KIND_NAMES, object)[events.kind], pa.string()),
        pa.array([tag.units or None] * n, pa.string()),
        *(pa.array((events.flags & bit) != 0) for bit in (GOOD, QUESTIONABLE, SUBSTITUTED, ANNOTATED)),
        pa.array((micros // 86_400_000_000).astype(np.int32)).cast(pa.date32()),
    ]
    return pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA)


def event_index(
    micros: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """0, 1, 2, ... within runs of equal times."""
    place = np.arange(len(micros))
    fresh = np.ones(len(micros), bool)
    fresh[1:] = micros[1:] != micros[:-1]
    return (place - np.maximum.accumulate(np.where(fresh, place, 0))).astype(np.int32)


def _texts(tag: TagDef, events: Events, sets: Mapping[str, StateSet]) -> list[str | None]:
    if not (events.kind != NUMBER).any():
        return [None] * len(events)
    texts = events.texts().tolist()
    return [
        _text(kind, code, text, tag, sets)
        for kind, code, text in zip(events.kind.tolist(), events.code.tolist(), texts, strict=True)
    ]


def _text(kind: int, code: int, text: str | None, tag: TagDef, sets: Mapping[str, StateSet]) -> str | None:
    if kind in (TEXT, TIMESTAMP):
        return text
    if kind == SYSTEM:
        return system_name(code)
    if kind == DIGITAL:
        return state_name(tag, code, sets)
    if kind == BOOLEAN:
        return "true" if code else "false"
    if kind == INTEGER and abs(code) > _EXACT:
        return str(code)
    return None


def state_name(tag: TagDef, code: int, sets: Mapping[str, StateSet]) -> str:
    """The name of a state of the tag's set; PI prints the code of one it does not know."""
    states = sets[tag.digital_set].states if tag.digital_set else ()
    return states[code] if 0 <= code < len(states) else str(code)
