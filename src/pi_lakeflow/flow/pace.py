"""Requests per second, counted as the server counts them. Pure: the caller says what time it is.

The rate is a promise about what the *server* sees, so delivery must not undo it. A request keeps
its place in the one-second window until one second after its end, or after ``DELIVERY`` seconds from when
it was sent if that is earlier. So as long as delivery times vary by less than that, no window of a
second holds more than ``rate`` requests at the server. The price is a tenth of the rate at
most. Starts are also spaced evenly, ``1 / rate`` seconds apart.
"""

from __future__ import annotations

import math

DELIVERY = 0.08  # seconds by which one request may take longer to arrive than another
GUARD = 1.02  # the server's second may be a little longer than ours


class Place:
    """A place in the one-second window; ``until`` is when it is free again."""

    __slots__ = ("until", "window")

    def __init__(self, window: float) -> None:
        self.until = math.inf
        self.window = window

    def sent(self, now: float) -> None:
        self.until = min(self.until, now + DELIVERY + self.window)

    def done(self, now: float) -> None:
        self.until = min(self.until, now + self.window)


class Pacer:
    """Spaces starts evenly and bounds every sliding window."""

    def __init__(self, rate: float | None) -> None:
        self._places: list[Place] = []
        self._next_start = -math.inf
        self.change(rate)

    @property
    def rate(self) -> float | None:
        return self._rate

    def change(self, rate: float | None) -> None:
        """From now on another rate; what has started counts against it."""
        self._rate = rate
        self._window = GUARD if rate is None or rate >= 1 else GUARD / rate
        self._capacity = 0 if rate is None else max(1, math.floor(rate))

    def ready_at(self, now: float) -> float:
        """The earliest time of the next start; infinite if it depends on a request that still runs."""
        if self._rate is None:
            return now
        self._places = [place for place in self._places if place.until > now]
        if len(self._places) < self._capacity:
            return max(now, self._next_start)
        return max(self._next_start, min(place.until for place in self._places))

    def start(self, now: float) -> Place | None:
        if self._rate is None:
            return None
        self._next_start = max(now, self._next_start) + 1.0 / self._rate
        place = Place(self._window)
        self._places.append(place)
        return place
