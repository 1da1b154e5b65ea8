"""Half-open spans of UTC time in whole microseconds: the one place where borders are decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC. A naive datetime is an error: its zone is anybody's guess."""
    if moment.tzinfo is None:
        raise ValueError(f"a time zone is missing in {moment!r}; use datetime(..., tzinfo=UTC)")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of ``micros`` microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def iso(micros: int) -> str:
    """ISO 8601 in UTC with ``Z``, six digits when there is a fraction: what PI Web API reads."""
    return from_micros(micros).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``start <= t < end``, both in microseconds since 1970 UTC. Empty spans are allowed."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a span cannot end before it starts: {iso(self.start)} .. {iso(self.end)}")

    @classmethod
    def of(cls, start: datetime, end: datetime) -> Span:
        return cls(to_micros(start), to_micros(end))

    def __bool__(self) -> bool:
        return self.end > self.start

    def __contains__(self, micros: int) -> bool:
        return self.start <= micros < self.end

    def __str__(self) -> str:
        return f"[{iso(self.start)}, {iso(self.end)})"

    @property
    def length(self) -> int:
        return self.end - self.start


def union(spans: Iterable[Span]) -> list[Span]:
    """The same instants as sorted, disjoint, non-touching spans."""
    merged: list[Span] = []
    for span in sorted(s for s in spans if s):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(whole: Span, parts: Iterable[Span]) -> Iterator[Span]:
    """What of ``whole`` no part covers, in order."""
    position = whole.start
    for part in union(parts):
        if part.end <= position:
            continue
        if part.start >= whole.end:
            break
        if part.start > position:
            yield Span(position, part.start)
        position = part.end
    if position < whole.end:
        yield Span(position, whole.end)
