"""How far a lane goes in one step: pure arithmetic on what earlier steps brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pi_lakeflow.model.span import DAY, SECOND, Span
from pi_lakeflow.model.work import LaneWork

USUAL_PACE = 1 / (60 * SECOND)
"""Events per tag and microsecond, before anything is known."""

ROWS_OF_A_TAG = 200
"""Rows that cost the client about as much as asking for one tag: 100 microseconds of processor time, measured
with 20,000 tags over 6 minutes and over 2 hours."""


def expected_pace(webids: Iterable[str], rates: Mapping[str, float]) -> float:
    """Events per microsecond of all these tags together."""
    return sum(rates.get(webid, USUAL_PACE) for webid in webids)


def effort(rows: float, tags: int) -> float:
    """What reading costs, in rows: those that are expected, and some for each tag, which is asked for and
    answered even when it has none."""
    return rows + ROWS_OF_A_TAG * tags


@dataclass(frozen=True, slots=True)
class StepSize:
    """``rows`` a step should bring; ``longest`` bounds how many date partitions it touches."""

    rows: int = 150_000
    longest: int = 366 * DAY


@dataclass(slots=True)
class LaneRun:
    """A lane under way: where it is read up to (``position``) and what the log will say (``version``)."""

    work: LaneWork
    version: int | None
    position: int
    webids: tuple[str, ...]
    pace: float  # rows per microsecond, all tags together
    effort: float  # of all the work
    ended: bool = False

    @classmethod
    def of(cls, work: LaneWork, rates: Mapping[str, float] | None = None) -> LaneRun:
        """``rates`` are expected events per microsecond by WebId, where known."""
        pace = expected_pace(work.webids, rates or {})
        whole = effort(pace * work.span.length, len(work.webids))
        return cls(work, work.version, work.span.start, work.webids, pace, whole)

    @property
    def finished(self) -> bool:
        return self.ended or self.position >= self.work.span.end

    def effort_of(self, length: int) -> float:
        """The part of ``effort`` that so many microseconds of the lane take."""
        return self.effort * length / self.work.span.length

    def next_span(self, size: StepSize) -> Span:
        """The next step: to the end when that is near, else about ``size.rows`` further."""
        wanted = min(size.longest, int(size.rows / self.pace) if self.pace > 0 else size.longest)
        end = self.position + max(1, wanted)
        if wanted > DAY:  # whole days make whole partitions
            end = end // DAY * DAY
        if end + wanted // 4 >= self.work.span.end:
            end = self.work.span.end
        return Span(self.position, end)

    def learn(self, span: Span, rows: int) -> None:
        """A quiet step doubles the next one at least, a busy one shortens it at once."""
        seen = rows / span.length
        self.pace = max(seen, self.pace / 4) if seen < self.pace else seen
