"""Events that a test or a client brings into the archive."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
from .states import StateSet
from .tags import TagDef
from .ticks import MICRO


@dataclass(frozen=True, slots=True)
class State:
    """A digital state by its code, or a system state."""

    code: int
    system: bool = False


@dataclass(frozen=True, slots=True)
class NewEvent:
    """``time`` is microseconds since 1970 UTC; ``ticks`` (0..9) adds 100-ns steps to it.

    A string given to a digital tag is the name of a state.
    """

    time: int
    value: float | int | str | bool | State | None
    good: bool = True
    questionable: bool = False
    substituted: bool = False
    annotated: bool = False
    ticks: int = 0


def build(tag: TagDef, new: Sequence[NewEvent], sets: Mapping[str, StateSet]) -> Events:
    """The events as columns, in time order."""
    new = sorted(new, key=lambda event: (event.time, event.ticks))
    events = Events.blank(np.array([e.time * MICRO + e.ticks for e in new], np.int64))
    for place, event in enumerate(new):
        _set_value(events, place, event.value, tag, sets)
        good = event.good and events.kind[place] not in (SYSTEM, NULL)
        events.flags[place] = (
            good * GOOD
            | event.questionable * QUESTIONABLE
            | event.substituted * SUBSTITUTED
            | event.annotated * ANNOTATED
        )
    return events


def _set_value(
    events: Events,
    place: int,
    value: float | str | bool | State | None,
    tag: TagDef,
    sets: Mapping[str, StateSet],
) -> None:
    kind, code = NULL, 0
    if isinstance(value, bool):
        kind, code = BOOLEAN, int(value)
    elif isinstance(value, int) and tag.kind in ("integer", "biginteger"):
        kind, code = INTEGER, value
    elif isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no JSON")
        kind = NUMBER
        events.value[place] = value
    elif isinstance(value, State):
        kind, code = SYSTEM if value.system else DIGITAL, value.code
    elif isinstance(value, str) and tag.point_type == "Digital":
        kind, code = DIGITAL, sets[tag.digital_set].states.index(value)
    elif isinstance(value, str):
        kind = TIMESTAMP if tag.point_type == "Timestamp" else TEXT
        events.texts()[place] = value
    events.kind[place], events.code[place] = kind, code
