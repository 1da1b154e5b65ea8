"""How far something is and when it will be done. Pure: the caller says what time it is."""

from __future__ import annotations

from collections import deque

_SHORTEST = 3.0  # seconds: a pace measured over less is noise
_SAMPLES = 512


class Progress:
    """Counts towards ``total`` of any unit (tags, microseconds of tag time, rows).

    The time left is told from the pace over the later half of the time so far: the slow start of
    a run, while limits are still being found, soon stops counting.
    """

    def __init__(self, total: float, now: float) -> None:
        self.total = total
        self.done = 0.0
        self.started = now
        self._samples: deque[tuple[float, float]] = deque([(now, 0.0)])

    @property
    def fraction(self) -> float:
        """0 to 1; 1 when there is nothing to do."""
        return min(1.0, self.done / self.total) if self.total > 0 else 1.0

    def advance(self, amount: float, now: float) -> None:
        self.reach(self.done + amount, now)

    def reach(self, done: float, now: float) -> None:
        """``done`` in all, at ``now`` (seconds of any clock that does not go back)."""
        self.done = done
        self._samples.append((now, done))
        if len(self._samples) > _SAMPLES:  # every other one is as good
            self._samples = deque(list(self._samples)[::2])

    def pace(self, now: float) -> float:
        """Units per second lately; 0 while nothing is known."""
        horizon = now - max(_SHORTEST, (now - self.started) / 2)
        while len(self._samples) > 2 and self._samples[1][0] <= horizon:
            self._samples.popleft()
        then, before = self._samples[0]
        return max(0.0, (self.done - before) / (now - then)) if now > then else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until all is done at that pace; None while nobody knows."""
        if self.fraction >= 1.0:
            return 0.0
        pace = self.pace(now)
        return (self.total - self.done) / pace if pace > 0 else None


def in_words(seconds: float) -> str:
    """``42s``, ``7m 05s``, ``3h 12m``, ``2d 04h``."""
    whole = round(seconds)
    for size, unit, smaller, name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // smaller:02d}{name}"
    return f"{whole}s"
