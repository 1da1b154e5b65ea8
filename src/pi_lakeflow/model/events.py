"""What the engine reports while it works: frozen facts, no logging library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunPlanned:
    run_id: str
    tags: int
    lanes: int
    start: int
    end: int
    tag_micros: int  # sum over tags of the microseconds still to read


@dataclass(frozen=True, slots=True)
class RequestDone:
    path: str
    status: int
    seconds: float
    wire_bytes: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class RequestRetried:
    path: str
    attempt: int
    wait_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class LimitChanged:
    limit: float
    in_flight: int
    reason: str


@dataclass(frozen=True, slots=True)
class BatchDecoded:
    rows: int
    body_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Committed:
    table: str
    version: int
    rows: int
    seconds: float
    tag_micros: int  # progress: tags times microseconds that coverage gained
    tags_done: int = 0
    watermark: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    webid: str
    tag_name: str
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds that somebody waited for something: what the diagnosis adds up."""

    reason: str  # "gate", "memory", "rate", "sink"
    seconds: float


Event = (
    RunPlanned | RequestDone | RequestRetried | LimitChanged | BatchDecoded | Committed | Quarantined | Waited
)
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The observer of those who do not look."""
