"""What the engine reports while it works: frozen facts, no logging library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RunPlanned:
    run_id: str
    tags: int
    lanes: int
    start: int
    end: int
    effort: float  # what is to be read, in rows, about: `flow.windows.effort`


@dataclass(frozen=True, slots=True)
class RequestDone:
    """``seconds`` from sending to the inflated body; ``first_byte_seconds`` of them until the answer
    began, ``inflate_seconds`` after it had ended."""

    path: str
    status: int
    seconds: float
    wire_bytes: int
    body_bytes: int
    first_byte_seconds: float = 0.0
    inflate_seconds: float = 0.0


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
    """One answer made into rows. ``queued_seconds`` passed before a thread was free for it."""

    rows: int
    body_bytes: int
    seconds: float
    queued_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class UnitRead:
    """One step of one lane is in memory, ``seconds`` after its first request queued.

    ``effort``: progress that is not committed yet, as in ``Committed``; ``left``: the same of what the lane
    has still to read.
    """

    lane: str
    tags: int
    rows: int
    seconds: float
    effort: float = 0.0
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class Committed:
    table: str
    version: int
    rows: int
    seconds: float
    effort: float  # progress: what this took of the run's
    tags_done: int = 0
    watermark: int = 0


@dataclass(frozen=True, slots=True)
class Corrected:
    """Rows of ``table`` that the archive has changed since they were read."""

    table: str
    version: int
    inserted: int
    updated: int
    deleted: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Quarantined:
    webid: str
    tag_name: str
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds that somebody waited for something: what the diagnosis adds up.

    A request waits for its turn because as many as allowed are in flight (``limit``), because of
    our own requests per second (``rate``), because the server told us to (``pause``), or before it
    is tried again (``retry``); ``failed`` are seconds of attempts that brought nothing. A step waits
    for memory while rows are written (``sink``) or while others read (``memory``).
    """

    reason: Literal["limit", "rate", "pause", "retry", "failed", "sink", "memory"]
    seconds: float


Event = (
    RunPlanned
    | RequestDone
    | RequestRetried
    | LimitChanged
    | BatchDecoded
    | UnitRead
    | Committed
    | Corrected
    | Quarantined
    | Waited
)
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The observer of those who do not look."""
