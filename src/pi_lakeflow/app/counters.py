"""Adds up what the engine reports, so that a report can be made at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from pi_lakeflow.app.timing import Timekeeper
from pi_lakeflow.model.events import (
    BatchDecoded,
    Committed,
    Corrected,
    Event,
    LimitChanged,
    Observer,
    Quarantined,
    RequestDone,
    RequestRetried,
    RunPlanned,
    UnitRead,
    Waited,
    ignore,
)

READING = 0.95  # the share of reading in the progress of a run


@dataclass(slots=True)
class Counters:
    """An observer that counts and passes on. Times are in seconds."""

    then: Observer = ignore
    time: Timekeeper = field(default_factory=Timekeeper)
    requests: int = 0
    retries: int = 0
    wire_bytes: int = 0
    body_bytes: int = 0
    request_seconds: float = 0.0
    rows_decoded: int = 0
    decode_seconds: float = 0.0
    rows: int = 0
    corrected: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    tags: int = 0
    tags_done: int = 0
    effort: float = 0.0
    effort_read: float = 0.0  # of steps that are read, and of the answers of those under way
    effort_of_steps: float = 0.0
    rows_of_steps: int = 0
    effort_done: float = 0.0
    watermark: int = 0
    quarantined: int = 0
    limit: float = 0.0
    in_flight: int = 0
    waited: dict[str, float] = field(default_factory=dict)
    by_status: dict[int, int] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        self.time(event)
        self._count(event)
        self.then(event)

    @property
    def seconds(self) -> float:
        return self.time.seconds

    @property
    def fraction(self) -> float:
        """How much of the planned work is done, 0 to 1: reading is nearly all of it, commits the rest."""
        if not self.effort:
            return 1.0
        read = max(self.effort_read, self.effort_done)
        return min(1.0, (READING * read + (1 - READING) * self.effort_done) / self.effort)

    def _count(self, event: Event) -> None:
        if isinstance(event, RequestDone):
            self.requests += 1
            self.wire_bytes += event.wire_bytes
            self.body_bytes += event.body_bytes
            self.request_seconds += event.seconds
            self.by_status[event.status] = self.by_status.get(event.status, 0) + 1
        elif isinstance(event, BatchDecoded):
            self.rows_decoded += event.rows
            self.decode_seconds += event.seconds
            self._advance()
        elif isinstance(event, UnitRead):
            self.effort_of_steps += event.effort
            self.rows_of_steps += event.rows
            self._advance()
        elif isinstance(event, Committed):
            self.rows += event.rows
            self.commits += 1
            self.commit_seconds += event.seconds
            self.effort_done += event.effort
            self.tags_done += event.tags_done
            self.watermark = event.watermark or self.watermark
        elif isinstance(event, Corrected):
            self.corrected += event.inserted + event.updated + event.deleted
        elif isinstance(event, RequestRetried):
            self.retries += 1
        elif isinstance(event, Waited):
            self.waited[event.reason] = self.waited.get(event.reason, 0.0) + event.seconds
        elif isinstance(event, LimitChanged):
            self.limit, self.in_flight = event.limit, event.in_flight
        elif isinstance(event, RunPlanned):
            self.tags, self.effort = event.tags, event.effort
            self.effort_read = self.effort_of_steps = self.effort_done = 0.0
            self.rows_of_steps = self.rows_decoded
        elif isinstance(event, Quarantined):
            self.quarantined += 1

    def _advance(self) -> None:
        """Steps are long: what of those under way is here already counts, at what rows have cost so far."""
        under_way = max(0, self.rows_decoded - self.rows_of_steps)
        each = self.effort_of_steps / self.rows_of_steps if self.rows_of_steps else 1.0
        read = self.effort_of_steps + under_way * min(1.0, each)
        self.effort_read = min(self.effort, max(self.effort_read, read))
