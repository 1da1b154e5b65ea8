"""What the events of a tag hold: numbers of several styles, states, strings, flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from . import ticks as t
from .events import (
    ANNOTATED,
    BOOLEAN,
    DIGITAL,
    GOOD,
    INTEGER,
    NULL,
    NUMBER,
    QUESTIONABLE,
    SUBSTITUTED,
    SYSTEM,
    TEXT,
    TIMESTAMP,
    Events,
)
from .hashing import F64, I64, U64, below, chance, stream, unit
from .states import COMMON_SYSTEM, StateSet
from .tags import NUMERIC, Recipe, TagDef


class Salt(IntEnum):
    """One stream of random numbers for each decision; apart from those of ``generate``."""

    VALUE = 101
    SYSTEM = 102
    NULL = 103
    BAD = 104
    QUESTIONABLE = 105
    SUBSTITUTED = 106
    ANNOTATED = 107


_COMMON = np.array(COMMON_SYSTEM, np.int64)
_POWERS = np.array([float(f"1e{n}") for n in range(-20, 20)])
STRINGS = (
    "Batch {}",
    "naïve café №{}",
    'he said "stop {}"',
    "C:\\recipes\\r{}.xml",
    '{{"Value":{{"Name":"decoy {}","Value":1}}}}',
    '"],"Items":[{{"Timestamp":"{}',
    "line {}\nnext\ttab",
    "",
    "246",
    "I/O Timeout",
    "NaN",
    "完了 {} ✓ 🚂",
    "null",
    "</script><b>{}</b>",
    "a" * 300 + " {}",
    "  blanks {}  ",
)


def fill(events: Events, tag: TagDef, counters: I64, recipe: Recipe, sets: Mapping[str, StateSet]) -> None:
    """Write values, kinds and flags into blank events; ``counters`` name them for the hash."""
    if not len(events):
        return
    hashes = stream(tag.key ^ Salt.VALUE, counters)
    if recipe.uniform:
        events.value[:] = uniform_numbers(hashes) / 10_000.0
        return
    _fill_kind(events, tag, hashes, tag.kind, tag.digital_set, sets)
    for since, kind, _, digital_set in tag.retyped:
        first = int(np.searchsorted(events.ticks, since))
        if first < len(events):
            rest = events.take(slice(first, None))
            _fill_kind(rest, tag, hashes[first:], kind, digital_set, sets)
            _write_back(events, first, rest)
    _spoil(events, tag, counters, recipe)


def uniform_numbers(hashes: U64) -> U64:
    """Numbers of seven digits that do not end in 0: value times 10,000, from 100.0001 to 999.9999."""
    tens = ((hashes >> np.uint64(40)) * np.uint64(900_000)) >> np.uint64(24)
    last = ((hashes & np.uint64(0xFFFF)) * np.uint64(9)) >> np.uint64(16)
    return tens * np.uint64(10) + last + np.uint64(1_000_001)


def _write_back(events: Events, first: int, rest: Events) -> None:
    for column in ("kind", "value", "code"):
        getattr(events, column)[first:] = getattr(rest, column)
    if rest.text is not None or events.text is not None:
        events.texts()[first:] = rest.texts()


def _fill_kind(
    events: Events,
    tag: TagDef,
    hashes: U64,
    kind: str,
    digital_set: str,
    sets: Mapping[str, StateSet],
) -> None:
    events.kind[:], events.value[:], events.code[:] = NUMBER, np.nan, 0
    if events.text is not None:
        events.text[:] = None
    if kind == "digital":
        events.kind[:] = DIGITAL
        events.code[:] = _states(events.ticks, hashes, sets[digital_set])
    else:
        _FILLERS[kind](events, tag, hashes)


def _number(events: Events, tag: TagDef, hashes: U64) -> None:
    scale = 10.0**tag.decimals
    events.value[:] = np.rint(_wave(events, tag, hashes) * scale) / scale


def _float32(events: Events, tag: TagDef, hashes: U64) -> None:
    events.value[:] = _wave(events, tag, hashes).astype(np.float32)


def _double17(events: Events, tag: TagDef, hashes: U64) -> None:
    value = _wave(events, tag, hashes)
    odd = (hashes & np.uint64(15)) == 0
    value[odd] *= _POWERS[below(hashes[odd], len(_POWERS))]
    value[(hashes & np.uint64(31)) == 1] *= -1.0
    events.value[:] = value


def _wave(events: Events, tag: TagDef, hashes: U64) -> F64:
    """A triangle over some hours, with noise: no sine, which differs between machines."""
    length = t.HOUR * (4 + tag.key % 44)
    phase = ((events.ticks + tag.key % length) % length) / float(length)
    span = tag.high - tag.low
    triangle = 1.0 - np.abs(2.0 * phase - 1.0)
    wave: F64 = tag.low + span * (0.15 + 0.65 * triangle + 0.1 * unit(hashes))
    return wave


def _integer(events: Events, _tag: TagDef, hashes: U64) -> None:
    events.kind[:] = INTEGER
    events.code[:] = below(hashes, 32_000) - 200


def _big_integer(events: Events, _tag: TagDef, hashes: U64) -> None:
    big = (hashes >> np.uint64(1)).astype(np.int64)
    events.kind[:] = INTEGER
    events.code[:] = np.where(hashes & np.uint64(1), big, -(big >> 8))


def _string(events: Events, _tag: TagDef, hashes: U64) -> None:
    number = below(hashes, 9_000) + 1_000
    which = (hashes & np.uint64(15)).astype(np.int64)
    events.kind[:] = TEXT
    events.texts()[:] = [STRINGS[w].format(n) for w, n in zip(which.tolist(), number.tolist(), strict=True)]


def _boolean(events: Events, _tag: TagDef, hashes: U64) -> None:
    events.kind[:] = BOOLEAN
    events.code[:] = (hashes >> np.uint64(40)).astype(np.int64) & 1


def _timestamp(events: Events, _tag: TagDef, hashes: U64) -> None:
    earlier = events.ticks - below(hashes, 2**31) * 1_000
    coarse = (hashes & np.uint64(1)) == 0
    earlier[coarse] -= earlier[coarse] % t.SECOND
    events.kind[:] = TIMESTAMP
    events.texts()[:] = [t.to_text(value) for value in earlier.tolist()]


def _blob(events: Events, _tag: TagDef, _hashes: U64) -> None:
    events.kind[:] = NULL


_FILLERS: dict[str, Callable[[Events, TagDef, U64], None]] = {
    "number": _number,
    "float32": _float32,
    "double17": _double17,
    "integer": _integer,
    "biginteger": _big_integer,
    "string": _string,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _states(ticks: I64, hashes: U64, states: StateSet) -> I64:
    if not states.added:
        return below(hashes, len(states.states))
    since = np.array(sorted(when for when, _ in states.added), np.int64)
    known = states.initial + np.searchsorted(since, ticks, "right")
    return ((hashes >> np.uint64(32)) % known.astype(np.uint64)).astype(np.int64)


def _spoil(events: Events, tag: TagDef, counters: I64, recipe: Recipe) -> None:
    odd = recipe.oddities

    def some(salt: Salt, rate: float) -> npt.NDArray[np.bool_]:
        if not rate:
            return np.zeros(len(counters), bool)
        return chance(stream(tag.key ^ salt, counters), rate)

    for salt, rate, bit in (
        (Salt.QUESTIONABLE, odd.questionable_events, QUESTIONABLE),
        (Salt.SUBSTITUTED, odd.substituted_events, SUBSTITUTED),
        (Salt.ANNOTATED, odd.annotated_events, ANNOTATED),
    ):
        events.flags[some(salt, rate)] |= bit
    if tag.kind in NUMERIC:
        events.flags[some(Salt.BAD, odd.bad_number_events)] &= ~np.uint8(GOOD)
    empty = some(Salt.NULL, odd.null_events)
    system = some(Salt.SYSTEM, odd.system_events)
    events.code[system] = _COMMON[
        below(stream(tag.key ^ Salt.SYSTEM ^ 1 << 20, counters[system]), len(_COMMON))
    ]
    events.kind[empty], events.kind[system] = NULL, SYSTEM
    spoilt = empty | system
    events.value[spoilt] = np.nan
    events.flags[spoilt] &= ~np.uint8(GOOD)
    if events.text is not None:
        events.text[spoilt] = None
