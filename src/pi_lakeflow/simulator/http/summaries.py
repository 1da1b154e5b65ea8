"""``summary``: statistics of intervals (PI Web API reference, topics Summary Type, Calculation Basis).

Event-weighted figures use the good numbers among the events of ``[start, end)``; the last interval,
and ``EventWeightedIncludeBothEnds``, include the event at the end. Time-weighted figures integrate
lines between good numbers, or steps; bad periods are left out, and ``Total`` is per day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.events import GOOD, Events, concat

from .call import Call
from .computed import filtered, like
from .errors import ApiError
from .filters import parse_filter
from .interpolate import value_at
from .reads import grid, numbers_of
from .recorded import time_range
from .streams import Stream
from .timeparse import BadTime, add_interval, parse_interval

TYPES = (
    "Total",
    "Average",
    "Minimum",
    "Maximum",
    "Range",
    "StdDev",
    "PopulationStdDev",
    "Count",
    "PercentGood",
)
_ASKABLE = (*TYPES, "TotalWithUOM", "All", "AllForNonNumeric")
BASES = (
    "TimeWeighted",
    "EventWeighted",
    "TimeWeightedContinuous",
    "TimeWeightedDiscrete",
    "EventWeightedExcludeMostRecentEvent",
    "EventWeightedExcludeEarliestEvent",
    "EventWeightedIncludeBothEnds",
)
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Figures:
    """The statistics of one interval; ``at`` has the times of the extremes."""

    values: dict[str, float]
    at: dict[str, int]


def summaries(call: Call, stream: Stream) -> list[dict[str, Any]]:
    """``[{"Type":..., "Value": TimedValue}, ...]``: one for each type and interval."""
    types = _types(call, stream)
    basis = call.choice("calculationBasis", BASES, "TimeWeighted")
    time_type = call.choice("timeType", ("Auto", "EarliestTime", "MostRecentTime"), "Auto")
    stream = _sampled(call, stream)
    items = []
    for start, end, last in _intervals(call, stream):
        if basis.startswith("EventWeighted"):
            figures = _by_event(call, stream, start, end, basis, last=last)
        else:
            figures = _by_time(stream, start, end, basis)
        for name in types:
            moment = _moment(name, figures, time_type, start, end)
            items.append({"Type": name, "Value": _timed(figures.values.get(name), moment, stream)})
    return items


def _sampled(call: Call, stream: Stream) -> Stream:
    """The stream as the statistics see it: sampled, and without what fails ``filterExpression``."""
    sample = call.choice("sampleType", ("ExpressionRecordedValues", "Interval"), "ExpressionRecordedValues")
    condition = parse_filter(call.text("filterExpression"))
    if sample == "Interval":
        moments = sorted(grid(call, stream, name="sampleInterval"))
        events = concat([value_at(stream, moment) for moment in moments])
    elif condition is None:
        return stream
    else:
        first, last, _ = time_range(call, stream)
        events = concat([stream.before(first), *stream.walk(first, last), stream.after(last)])
    return like(stream, events) if condition is None else filtered(stream, events, condition)


def _types(call: Call, stream: Stream) -> list[str]:
    asked = [part.strip() for text in call.texts("summaryType") or ["Total"] for part in text.split(",")]
    known = {name.casefold(): name for name in _ASKABLE}
    wrong = [name for name in asked if name.casefold() not in known]
    if wrong:
        raise ApiError(400, f"The value '{wrong[0]}' is not valid for parameter 'summaryType'.")
    found: list[str] = []
    for name in (known[name.casefold()] for name in asked):
        found += {"All": list(TYPES), "AllForNonNumeric": ["Count", "PercentGood"]}.get(name, [name])
    if not stream.numeric and set(found) - {"Count", "PercentGood"}:
        raise ApiError(409, "The summary type is not supported for a non-numeric stream.", generic=True)
    return list(dict.fromkeys(found))


def _intervals(call: Call, stream: Stream) -> Iterator[tuple[int, int, bool]]:
    """Start, end, and whether it is the last."""
    first, last, _ = time_range(call, stream)
    if not call.given("summaryDuration"):
        yield first, last, True
        return
    try:
        duration = parse_interval(call.text("summaryDuration"))
    except BadTime as error:
        raise ApiError(400, str(error)) from None
    length = add_interval(0, duration, call.zone)
    limit = call.sim.config.limits.max_returned_items
    if length <= 0 or (last - first) // length >= limit:
        text = f"Parameter 'timeRange / intervals' is greater than the maximum allowed ({limit})."
        raise ApiError(400, text)
    start, times = first, 0
    while start < last or start == first:
        times += 1
        end = min(add_interval(first, duration, call.zone, times), last)
        yield start, end, end >= last
        if end >= last:
            return
        start = end


def _by_event(call: Call, stream: Stream, start: int, end: int, basis: str, *, last: bool) -> _Figures:
    both = basis.endswith("IncludeBothEnds") or (last and basis == "EventWeighted")
    low = start + 1 if basis.endswith("ExcludeEarliestEvent") else start
    high = end if both or basis.endswith("ExcludeEarliestEvent") else end - 1
    events = concat(list(stream.walk(low, high))) if high >= low else Events.empty()
    numbers = numbers_of(events)
    numeric = ~np.isnan(numbers)
    good = numeric if stream.numeric else (events.flags & GOOD) != 0
    count = len(events) if call.sim.config.summary_counts_bad else int(good.sum())
    percent = 100.0 * float(good.mean()) if len(events) else 0.0
    values, at = {"Count": float(count), "PercentGood": percent}, {}
    kept, ticks = numbers[numeric], events.ticks[numeric]
    if stream.numeric and len(kept):
        values |= _spread(kept, float(kept.mean()), float(kept.sum()))
        values["PopulationStdDev"] = float(kept.std())
        if len(kept) > 1:
            values["StdDev"] = float(kept.std(ddof=1))
        at = _extremes(kept, ticks)
    return _Figures(values, at)


def _by_time(stream: Stream, start: int, end: int, basis: str) -> _Figures:
    events = concat([value_at(stream, start), *stream.walk(start + 1, end - 1), value_at(stream, end)])
    numbers = numbers_of(events)
    widths = np.diff(events.ticks) / float(t.SECOND)
    left, right = numbers[:-1], numbers[1:]
    step = basis.endswith("Discrete") or (stream.step and not basis.endswith("Continuous"))
    right = np.where(np.isnan(right) | step, left, right)
    if not stream.numeric:
        held = (events.flags[:-1] & GOOD) != 0
        return _Figures(_times(held, widths), {})
    held = ~np.isnan(left)
    values = _times(held, widths)
    seconds = values["Count"]
    if not seconds:
        return _Figures(values, {})
    a, b, w = left[held], right[held], widths[held]
    mean = float(((a + b) / 2 * w).sum()) / seconds
    square = float(((a * a + a * b + b * b) / 3 * w).sum()) / seconds
    values |= _spread(np.concatenate([a, b]), mean, mean * float(widths.sum()) / 86_400)
    values["StdDev"] = values["PopulationStdDev"] = math.sqrt(max(0.0, square - mean * mean))
    moments = events.ticks[:-1][held], events.ticks[1:][held]
    return _Figures(values, _extremes(np.concatenate([a, b]), np.concatenate(moments)))


def _times(held: npt.NDArray[np.bool_], widths: F64) -> dict[str, float]:
    good, whole = float(widths[held].sum()), float(widths.sum())
    return {"Count": good, "PercentGood": 100.0 * good / whole if whole else 0.0}


def _spread(numbers: F64, mean: float, total: float) -> dict[str, float]:
    low, high = float(numbers.min()), float(numbers.max())
    names = ("Average", "Minimum", "Maximum", "Range", "Total", "TotalWithUOM")
    return dict(zip(names, (mean, low, high, high - low, total, total), strict=True))


def _extremes(numbers: F64, ticks: npt.NDArray[np.int64]) -> dict[str, int]:
    return {
        "Minimum": int(ticks[int(numbers.argmin())]),
        "Maximum": int(ticks[int(numbers.argmax())]),
    }


def _moment(name: str, figures: _Figures, time_type: str, start: int, end: int) -> int:
    if time_type == "MostRecentTime":
        return end
    return figures.at.get(name, start) if time_type == "Auto" else start


def _timed(value: float | None, moment: int, stream: Stream) -> dict[str, Any]:
    shown: Any = value if value is not None else {"Name": "No Data", "Value": 248, "IsSystem": True}
    return {
        "Timestamp": t.to_text(moment),
        "Value": shown,
        "UnitsAbbreviation": stream.units,
        "Good": value is not None,
        "Questionable": False,
        "Substituted": False,
        "Annotated": False,
    }
