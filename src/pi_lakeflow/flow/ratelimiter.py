"""A rate limit for synchronous code: the pacing of the gate, with a rate that adapts."""

from __future__ import annotations

import math
import threading
import time

from pi_lakeflow.flow.pace import Pacer, Place
from pi_lakeflow.flow.rate import AdaptiveRate

_NAP = 0.05  # seconds between two looks while another thread's request decides


class RateLimiter:
    """Never more than ``current_rate`` requests in any second; for any number of threads.

        limiter = RateLimiter(initial_rate=10, max_rate=50, min_rate=1)
        limiter.wait_if_needed()
        ...                                     # one request
        limiter.record_response_time(seconds)   # quick answers raise the rate, slow ones lower it

    With ``adaptive`` False the rate stays at ``initial_rate``.
    """

    def __init__(
        self,
        initial_rate: float = 10.0,
        max_rate: float = 50.0,
        min_rate: float = 1.0,
        *,
        adaptive: bool = True,
    ) -> None:
        if not 0 < min_rate <= max_rate < math.inf:
            raise ValueError(f"0 < min_rate <= max_rate must hold, not {min_rate}, {max_rate}")
        self.adaptive = adaptive
        self._rate = AdaptiveRate(initial_rate, minimum=min_rate, maximum=max_rate)
        self._pacer = Pacer(self._rate.rate)
        self._lock = threading.Lock()
        self._mine = threading.local()

    @property
    def current_rate(self) -> float:
        """Requests per second."""
        return self._rate.rate

    def wait_if_needed(self) -> float:
        """Wait for the right to send one request; returns the seconds waited."""
        started = time.monotonic()
        while True:
            with self._lock:
                now = time.monotonic()
                ready = self._pacer.ready_at(now)
                if ready <= now:
                    self._begin(now)
                    return now - started
            time.sleep(min(ready - now, _NAP) if math.isinf(ready) else ready - now)

    def record_response_time(self, response_time: float) -> float:
        """The calling thread's request has been answered after ``response_time`` seconds.

        Returns the rate from now on.
        """
        with self._lock:
            place: Place | None = getattr(self._mine, "place", None)
            if place is not None:
                place.done(time.monotonic())
            if self.adaptive:
                self._pacer.change(self._rate.on_response(response_time))
            return self.current_rate

    def _begin(self, now: float) -> None:
        place = self._pacer.start(now)
        if place is not None:
            place.sent(now)
        self._mine.place = place
