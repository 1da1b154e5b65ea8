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
    tag_micros: int = 0
    tag_micros_read: int = 0
    tag_micros_done: int = 0
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
        """How much of the planned tag time is done, 0 to 1: reading is nearly all of it, commits the rest."""
        if not self.tag_micros:
            return 1.0
        read = max(self.tag_micros_read, self.tag_micros_done)
        return min(1.0, (READING * read + (1 - READING) * self.tag_micros_done) / self.tag_micros)

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
        elif isinstance(event, UnitRead):
            self.tag_micros_read += event.tag_micros
        elif isinstance(event, Committed):
            self.rows += event.rows
            self.commits += 1
            self.commit_seconds += event.seconds
            self.tag_micros_done += event.tag_micros
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
            self.tags, self.tag_micros = event.tags, event.tag_micros
        elif isinstance(event, Quarantined):
            self.quarantined += 1
