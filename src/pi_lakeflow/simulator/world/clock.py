"""The world's "now": real, or held and moved by a test."""

from __future__ import annotations

import time
from typing import Protocol

from .ticks import MICRO


class Clock(Protocol):
    """Whatever tells the time of the simulated plant."""

    def now(self) -> int:
        """Ticks (100 ns) since 1970 UTC."""
        ...


class RealClock:
    """The computer's own clock."""

    def now(self) -> int:
        return time.time_ns() // 100


class FixedClock:
    """Stands still until it is moved. ``start`` and all arguments are microseconds since 1970 UTC."""

    def __init__(self, start: int) -> None:
        self._now = start * MICRO

    def now(self) -> int:
        return self._now

    def set(self, micros: int) -> None:
        self._now = micros * MICRO

    def advance(self, micros: int) -> None:
        self._now += micros * MICRO


class RunningClock:
    """Starts at ``start`` (microseconds since 1970 UTC) and runs ``speed`` times as fast as real time."""

    def __init__(self, start: int, *, speed: float = 1.0) -> None:
        self._start = start * MICRO
        self._speed = speed
        self._origin = time.monotonic_ns()

    def now(self) -> int:
        return self._start + int((time.monotonic_ns() - self._origin) * self._speed) // 100

    def advance(self, micros: int) -> None:
        self._start += micros * MICRO
