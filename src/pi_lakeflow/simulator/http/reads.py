"""Single values, values at given times, grids and plots: which events answer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pi_lakeflow.simulator.world.events import GOOD, INTEGER, NUMBER, Events, concat
from pi_lakeflow.simulator.world.ticks import NEVER

from .call import Call
from .errors import ApiError
from .filters import parse_filter
from .interpolate import last_of, no_data, value_at
from .recorded import kept_events, time_range
from .streams import Stream
from .timeparse import BadTime, add_interval, parse_interval, parse_time

MODES = ("Auto", "AtOrBefore", "Before", "AtOrAfter", "After", "Exact")


def current_value(call: Call, stream: Stream) -> Events:
    """``value``: in effect now, or with ``time`` interpolated (held when the stream has steps)."""
    if call.given("time"):
        return value_at(stream, call.time("time"))
    found = last_of(stream, call.now)
    return found if len(found) else no_data(call.now)


def end_value(call: Call, stream: Stream) -> Events:
    """``end``: the latest event, which may lie in the future."""
    found = stream.before(NEVER)
    return found if len(found) else no_data(call.now)


def times_of(call: Call) -> list[int]:
    """The repeated ``time`` of the ``...attimes`` calls, in the order of ``sortOrder``."""
    call.required("time")
    try:
        moments = [parse_time(text, now=call.now, zone=call.zone) for text in call.texts("time")]
    except BadTime as error:
        raise ApiError(400, str(error)) from None
    reverse = call.text("sortOrder").casefold() == "descending"
    return sorted(moments, reverse=reverse)


def recorded_at(stream: Stream, moment: int, mode: str) -> Events:
    """The event that a retrieval mode finds; no event is No Data, for ``Exact`` a 400."""
    here = last_of(stream, moment)
    exact = len(here) > 0 and here.ticks[0] == moment
    if mode == "Exact" and not exact:
        raise ApiError(400, "No recorded value was found at the specified time.", generic=True)
    if mode == "Before":
        here = stream.before(moment)
    elif mode == "After" or (mode == "AtOrAfter" and not exact):
        here = stream.after(moment)
    return here if len(here) else no_data(moment)


def interpolated_at(call: Call, stream: Stream, moments: Iterable[int]) -> Events:
    """Values at given times, filtered when the call has a filter."""
    events = concat([value_at(stream, moment) for moment in moments])
    condition = parse_filter(call.text("filterExpression"))
    if condition is None:
        return events
    return kept_events(events, condition, stream, include=call.flag("includeFilteredValues"))


def grid(call: Call, stream: Stream, *, name: str = "interval") -> list[int]:
    """The times of ``interpolated``: every ``interval`` from the start, or anchored at ``syncTime``.

    ``name`` is the parameter that has the interval, an hour by default.
    """
    first, last, reverse = time_range(call, stream)
    try:
        interval = parse_interval(call.text(name, "1h"))
    except BadTime as error:
        raise ApiError(400, str(error)) from None
    length = add_interval(0, interval, call.zone)
    limit = call.sim.config.limits.max_returned_items
    if length <= 0:
        raise ApiError(400, "The interval must be positive.")
    if (last - first) // length >= limit:
        text = f"Parameter 'timeRange / intervals' is greater than the maximum allowed ({limit})."
        raise ApiError(400, text)
    moments = list(_steps(call, first, last, interval, length))
    return moments[::-1] if reverse else moments


def _steps(call: Call, first: int, last: int, interval: tuple[int, int], length: int) -> Iterator[int]:
    start = first
    if call.given("syncTime"):
        start = first + (call.time("syncTime") - first) % length
        if call.text("syncTimeBoundaryType").casefold() == "outside" and start > first:
            start -= length
    times = 0
    while (moment := add_interval(start, interval, call.zone, times)) <= last:
        yield moment
        times += 1
    outside = call.text("syncTimeBoundaryType").casefold() == "outside"
    if call.given("syncTime") and outside and moment - length < last:
        yield moment


def plot(call: Call, stream: Stream) -> Events:
    """Of each interval the first, last, least and greatest event, and one that is no good number."""
    first, last, reverse = time_range(call, stream)
    intervals = call.integer("intervals", 24, least=1, limit=call.sim.config.limits.max_returned_items)
    events = concat(list(stream.walk(first, last)))
    if not len(events):
        return events
    width = max(1, (last - first) // intervals)
    slots = np.minimum((events.ticks - first) // width, intervals - 1)
    edges = np.flatnonzero(np.diff(slots, prepend=-1, append=-1))
    keep: set[int] = set()
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        keep |= _remarkable(events, low, high)
    order = sorted(keep, reverse=reverse)
    return events.take(np.array(order, np.int64))


def _remarkable(events: Events, low: int, high: int) -> set[int]:
    numbers = numbers_of(events.take(slice(low, high)))
    found = {low, high - 1}
    if not np.isnan(numbers).all():
        found |= {low + int(np.nanargmin(numbers)), low + int(np.nanargmax(numbers))}
    found |= {low + int(place) for place in np.flatnonzero(np.isnan(numbers))[:1]}
    return found


def numbers_of(events: Events) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Good numbers as such, everything else as NaN."""
    values = np.where(events.kind == INTEGER, events.code.astype(np.float64), events.value)
    good = ((events.kind == NUMBER) | (events.kind == INTEGER)) & ((events.flags & GOOD) != 0)
    return np.where(good, values, np.nan)
