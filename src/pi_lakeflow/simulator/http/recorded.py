"""The semantics of ``recorded``: ranges, directions, boundaries, filters, counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pi_lakeflow.simulator.world.events import GOOD, SYSTEM, Events, concat
from pi_lakeflow.simulator.world.states import FILTERED

from .filters import Filter, parse_filter
from .interpolate import value_at
from .streams import Stream

if TYPE_CHECKING:
    from .call import Call

BOUNDARIES = ("Inside", "Outside", "Interpolated")


@dataclass(frozen=True, slots=True)
class RecordedQuery:
    """``first <= last`` in ticks, both inclusive; ``reverse`` when the client named the end first."""

    first: int
    last: int
    reverse: bool
    boundary: str
    max_count: int
    filter: Filter | None
    include_filtered: bool

    @property
    def plain(self) -> bool:
        """Whether the answer is a run of archive rows as they are."""
        return self.boundary == "Inside" and not self.reverse and self.filter is None


def time_range(call: Call, stream: Stream | None = None) -> tuple[int, int, bool]:
    """``startTime`` and ``endTime`` as (first, last, reverse), in ticks."""
    own = stream.default_range if stream is not None else None
    start = own[0] if own and not call.given("startTime") else call.time("startTime", "*-1d")
    end = own[1] if own and not call.given("endTime") else call.time("endTime", "*")
    return (start, end, False) if start <= end else (end, start, True)


def recorded_query(call: Call, stream: Stream | None = None) -> RecordedQuery:
    """The parameters of a call; the limit of ``maxCount`` is checked here."""
    first, last, reverse = time_range(call, stream)
    limits = call.sim.config.limits
    return RecordedQuery(
        first,
        last,
        reverse,
        call.choice("boundaryType", BOUNDARIES, "Inside"),
        call.integer("maxCount", limits.default_max_count, least=1, limit=limits.max_returned_items),
        parse_filter(call.text("filterExpression")),
        call.flag("includeFilteredValues"),
    )


def read_recorded(stream: Stream, query: RecordedQuery) -> Events:
    """The events that answer the query, in the order in which they are sent."""
    parts: list[Events] = []
    have, failing = 0, False
    for piece in _pieces(stream, query):
        kept = piece
        if query.filter is not None and len(piece):
            condition, include = query.filter, query.include_filtered
            kept = kept_events(piece, condition, stream, include=include, failing=failing)
            failing = not condition(piece.take(slice(-1, None)), stream.state_name)[0]
        parts.append(kept)
        have += len(kept)
        if have >= query.max_count:
            break
    whole = concat(parts)
    return whole.take(slice(0, query.max_count)) if len(whole) > query.max_count else whole


def _pieces(stream: Stream, query: RecordedQuery) -> Iterator[Events]:
    yield _border(stream, query, start=not query.reverse)
    for piece in stream.walk(query.first, query.last, reverse=query.reverse):
        yield piece.take(slice(None, None, -1)) if query.reverse else piece
    yield _border(stream, query, start=query.reverse)


def _border(stream: Stream, query: RecordedQuery, *, start: bool) -> Events:
    """What a boundary type adds at the earlier or later end."""
    if query.boundary == "Outside":
        return stream.before(query.first) if start else stream.after(query.last)
    if query.boundary == "Interpolated":
        at = query.first if start else query.last
        known = any(True for _ in stream.walk(at, at))
        return Events.empty() if known else value_at(stream, at)
    return Events.empty()


def kept_events(
    events: Events, condition: Filter, stream: Stream, *, include: bool, failing: bool = False
) -> Events:
    """What passes the filter; ``include`` shows the first of consecutive failures as Filtered.

    ``failing`` says that the event before the first one failed, too.
    """
    keep = condition(events, stream.state_name)
    if not include:
        return events.take(keep)
    first_failure = ~keep
    first_failure[1:] &= keep[:-1]
    first_failure[:1] &= not failing
    shown = events.take(slice(None))
    for column in ("kind", "code", "value", "flags"):
        setattr(shown, column, getattr(events, column).copy())
    shown.kind[first_failure] = SYSTEM
    shown.code[first_failure] = FILTERED
    shown.value[first_failure] = np.nan
    shown.flags[first_failure] &= ~np.uint8(GOOD)
    return shown.take(keep | first_failure)
