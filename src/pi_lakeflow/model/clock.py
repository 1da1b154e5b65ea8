"""Time as a port, so that a test decides what "now" is."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """``now`` is in microseconds since 1970 UTC."""

    def now(self) -> int: ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that stands still until it is set."""

    def __init__(self, micros: int) -> None:
        self.micros = micros

    def now(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return self.micros / 1e6
