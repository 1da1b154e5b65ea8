"""The value of a stream at a moment between its events."""

from __future__ import annotations

import numpy as np

from pi_lakeflow.simulator.world.events import GOOD, INTEGER, NUMBER, SYSTEM, Events
from pi_lakeflow.simulator.world.states import NO_DATA

from .streams import Stream


def value_at(stream: Stream, moment: int) -> Events:
    """One event at exactly ``moment``: recorded there, interpolated, or held from the one before.

    Two good numbers are joined by a line unless the stream has steps. Before the first event the
    value is the system state No Data.
    """
    here = last_of(stream, moment)
    if len(here) and here.ticks[0] == moment:
        return here
    if not len(here):
        return no_data(moment)
    after = stream.after(moment)
    held = here.take(slice(None))
    held.ticks = np.array([moment], np.int64)
    if stream.step or not len(after) or not _good_number(here) or not _good_number(after):
        return held
    share = (moment - int(here.ticks[0])) / (int(after.ticks[0]) - int(here.ticks[0]))
    low, high = number(here), number(after)
    made = Events.blank(held.ticks)
    made.value[:] = low + (high - low) * share
    made.flags[:] = here.flags
    return made


def last_of(stream: Stream, moment: int) -> Events:
    """The last event at or before ``moment``: one or none."""
    return stream.before(moment + 1)


def no_data(moment: int) -> Events:
    """The system state that stands where there is nothing."""
    event = Events.blank(np.array([moment], np.int64), kind=SYSTEM)
    event.code[:] = NO_DATA
    event.flags[:] = 0
    return event


def number(event: Events) -> float:
    """The number of the first event."""
    return float(event.code[0]) if event.kind[0] == INTEGER else float(event.value[0])


def _good_number(event: Events) -> bool:
    return event.kind[0] in (NUMBER, INTEGER) and bool(event.flags[0] & GOOD)
