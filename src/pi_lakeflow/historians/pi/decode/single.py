"""Streamsets that hold single things for each stream: the value in effect, the last event, counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pi_lakeflow.historians.pi.decode.lenient import items_of, page_of, parse
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta

_NOTHING_KNOWN: Mapping[str, StreamMeta] = {}


def decode_values(body: bytes, meta: Mapping[str, StreamMeta] = _NOTHING_KNOWN) -> RecordedPage:
    """The page of ``GET /streamsets/value`` or ``/end``: one row for each stream, in answer order.

    Rows and failures are those of ``decode_recorded``; a stream that failed as a whole has no row.
    Raises ``Transient`` as that does.
    """
    return page_of([as_recorded(stream) for stream in items_of(parse(body))], meta)


def as_recorded(stream: dict[str, Any]) -> dict[str, Any]:
    """``stream`` as if it came from ``recorded``, with its only event in ``Items``."""
    value = stream.get("Value")
    if value is None or (isinstance(value, dict) and value.get("Errors") and "Timestamp" not in value):
        errors = stream.get("Errors") or ([] if value else "the answer has neither Value nor Errors")
        return {**stream, "Items": [], "Errors": errors}
    return {**stream, "Items": [value], "Value": None}


def decode_counts(body: bytes) -> dict[str, list[float | None]]:
    """Events of each stream in each interval, by WebId, from ``GET /streamsets/summary`` with
    ``summaryType=Count``, in the order of the answer.

    None stands for an interval that the server failed on, and a stream is absent when it failed as a
    whole: unknown is not zero. Counts are numbers of events only when the request asked for an event
    weighted ``calculationBasis``; else they are seconds (PI Web API reference, topic Summary
    Types). Raises ``Transient`` as ``decode_recorded`` does.
    """
    counts = {stream["WebId"]: _counts(stream) for stream in items_of(parse(body))}
    return {webid: each for webid, each in counts.items() if each is not None}


def _counts(stream: dict[str, Any]) -> list[float | None] | None:
    entries = stream.get("Items")
    if stream.get("Errors") or not isinstance(entries, list):
        return None
    return [_number(entry["Value"]) for entry in entries if _is_count(entry)] or None


def _is_count(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("Type") == "Count" and "Value" in entry


def _number(value: object) -> float | None:
    """The number of a TimedValue that is good, or does not say."""
    if not isinstance(value, dict) or value.get("Errors") or value.get("Good") is False:
        return None
    number = value.get("Value")
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return None
    return float(number)
