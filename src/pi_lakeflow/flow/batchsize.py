"""How much to ask for at once, from how long the last answers took. Pure arithmetic.

The time of a batch is steered into a band of ``SHORTEST`` to ``LONGEST`` seconds, and within the band
towards its middle from below: a batch that took less than ``MIDDLE`` may grow, one that took more than
``LONGEST`` must shrink, and between the two nothing changes. The steps are smaller than that
gap (10 s * 1.2 < 15 s, and 15 s * 0.8 > 10 s), so a size cannot swing to and fro on a server whose
time grows with the batch.
"""

from __future__ import annotations

SHORTEST, MIDDLE, LONGEST = 5.0, 10.0, 15.0  # seconds
GROWTH, SHRINK = 1.2, 0.8


class BatchSize:
    """A size between ``minimum`` and ``maximum`` that follows the time of the batches.

    A ``base`` outside the bounds starts at the nearer one. With ``adaptive`` False it stays there.
    """

    def __init__(self, base: int, *, minimum: int, maximum: int, adaptive: bool = True) -> None:
        if not 1 <= minimum <= maximum:
            raise ValueError(f"1 <= minimum <= maximum must hold, not {minimum}, {maximum}")
        self._minimum, self._maximum, self._adaptive = minimum, maximum, adaptive
        self.current = self._clamped(base)

    def learn(self, seconds: float, size: int) -> int:
        """A batch of ``size`` took ``seconds``; returns the size for the next one.

        The step is taken from the size that was measured, not from the current one: answers to several
        requests that were sent side by side count as one observation.
        """
        if self._adaptive and seconds < MIDDLE:
            self.current = self._clamped(max(size + 1, round(size * GROWTH)))
        elif self._adaptive and seconds > LONGEST:
            self.current = self._clamped(round(size * SHRINK))
        return self.current

    def _clamped(self, size: int) -> int:
        return max(self._minimum, min(size, self._maximum))
