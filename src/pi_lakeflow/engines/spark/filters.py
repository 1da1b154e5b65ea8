"""Filters that Spark hands over, as a narrower span and fewer tags. Exact, or not taken at all."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
)

from pi_lakeflow.model.span import DAY, Span, to_micros
from pi_lakeflow.model.tags import Tag

_EPOCH = date(1970, 1, 1)
_LAST = 1 << 62


class Wanted:
    """What is left of a query's rows: everything, until a filter is taken."""

    def __init__(self) -> None:
        self._start = -_LAST
        self._end = _LAST
        self._webids: frozenset[str] | None = None
        self._names: frozenset[str] | None = None

    @property
    def names(self) -> Collection[str] | None:
        """The only tag names that matter, None when all may."""
        return self._names

    def within(self, span: Span) -> Span:
        """What of ``span`` is wanted; may be empty."""
        start = min(max(span.start, self._start), span.end)
        return Span(start, max(start, min(span.end, self._end)))

    def has(self, tag: Tag) -> bool:
        """Whether rows of this tag are wanted; a tag without WebId is judged by its name."""
        by_id = self._webids is None or not tag.webid or tag.webid in self._webids
        return by_id and (self._names is None or tag.name in self._names)

    def take(self, given: Filter) -> bool:
        """Take the filter over. False: Spark must do it, nothing has changed."""
        path: tuple[str, ...] = getattr(given, "attribute", ())
        column = path[0] if len(path) == 1 else None
        if column in ("timestamp", "date"):
            return self._take_time(given)
        if column in ("tag_webid", "tag_name"):
            return self._take_tags(given, column)
        return False

    def _take_time(self, given: Filter) -> bool:
        if not isinstance(
            given, GreaterThan | GreaterThanOrEqual | LessThan | LessThanOrEqual | EqualTo | EqualNullSafe
        ):
            return False
        unit = _unit(given.value)
        if unit is None:
            return False
        first, after = unit
        if isinstance(given, GreaterThan):
            self._start = max(self._start, after)
        elif isinstance(given, LessThan):
            self._end = min(self._end, first)
        else:
            if not isinstance(given, LessThanOrEqual):
                self._start = max(self._start, first)
            if not isinstance(given, GreaterThanOrEqual):
                self._end = min(self._end, after)
        return True

    def _take_tags(self, given: Filter, column: str) -> bool:
        if isinstance(given, EqualTo | EqualNullSafe):
            chosen = frozenset([given.value])
        elif isinstance(given, In):
            chosen = frozenset(given.value)
        else:
            return False
        if not all(isinstance(each, str) for each in chosen):
            return False
        if column == "tag_webid":
            self._webids = chosen if self._webids is None else self._webids & chosen
        else:
            self._names = chosen if self._names is None else self._names & chosen
        return True


def _unit(value: Any) -> tuple[int, int] | None:
    """The first microsecond that ``value`` stands for, and the one after its last."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return None
        micros = to_micros(value)
        return micros, micros + 1
    if isinstance(value, date):
        midnight = (value - _EPOCH).days * DAY
        return midnight, midnight + DAY
    return None
