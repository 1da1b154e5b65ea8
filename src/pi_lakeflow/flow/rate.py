"""How many requests per second a server takes gladly, from what it answers. Pure arithmetic.

Quick answers raise the rate slowly, slow ones lower it faster, and a server that says "too many
requests" (429) lowers it at once. It always finds its way back up.
"""

from __future__ import annotations

QUICK, SLOW = 0.5, 2.0  # seconds
UP, DOWN, THROTTLED = 1.1, 0.8, 0.7
SMOOTHING = 0.3  # weight of one response in the smoothed time
PATIENCE = 5  # responses between two changes: the first ones still belong to the old rate


class AdaptiveRate:
    """Requests per second between ``minimum`` and ``maximum``."""

    def __init__(self, initial: float, *, minimum: float, maximum: float) -> None:
        if not 0 < minimum <= maximum:
            raise ValueError(f"0 < minimum <= maximum must hold, not {minimum}, {maximum}")
        self._minimum, self._maximum = minimum, maximum
        self._usual: float | None = None
        self._since_change = 0
        self.rate = self._clamped(initial)

    def on_response(self, seconds: float) -> float:
        """A request was answered after ``seconds``; returns the new rate."""
        usual = seconds if self._usual is None else self._usual
        self._usual = usual + SMOOTHING * (seconds - usual)
        self._since_change += 1
        if self._since_change >= PATIENCE and self._usual < QUICK:
            self._change(UP)
        elif self._since_change >= PATIENCE and self._usual > SLOW:
            self._change(DOWN)
        return self.rate

    def on_throttled(self) -> float:
        """The server said 429. Once per set of requests that were under way together."""
        if self._since_change >= PATIENCE or self.rate == self._maximum:
            self._change(THROTTLED)
        return self.rate

    def _change(self, factor: float) -> None:
        self.rate = self._clamped(self.rate * factor)
        self._since_change = 0

    def _clamped(self, rate: float) -> float:
        return max(self._minimum, min(rate, self._maximum))
