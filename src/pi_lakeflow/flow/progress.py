"""How far something is and when it will be done. Pure: the caller says what time it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_SHORTEST = 3.0  # seconds: a pace measured over less is noise
_SAMPLES = 512
_TRUSTED = 0.02  # of a lane: what less than that took says nothing about the rest


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


class Stragglers:
    """Who goes on alone when the others are done: a lane's steps follow one another, so the run takes at
    least as long as the lane that has most before it. Dense tags are such lanes: little of the tag time, most
    of the rows.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def read(self, lane: str, *, gained: float, left: float, seconds: float, now: float) -> None:
        """A step of ``lane`` gained so much in so many seconds, at ``now``; so much is left of it."""
        known = self._lanes.pop(lane, None) or _Lane()
        if left > 0:
            known.gained += gained
            known.best = max(known.best, gained / seconds if seconds > 0 else 0.0)
            known.left, known.at = left, now
            self._lanes[lane] = known

    def left(self, now: float) -> float:
        """Seconds that the slowest lane still takes; 0 when nobody has more than one step before it."""
        return max((lane.needs - (now - lane.at) for lane in self._lanes.values()), default=0.0)


@dataclass(slots=True)
class _Lane:
    """What a lane has read, and has still to read. Its fastest step tells how it will go on alone, since
    the others waited in the queue of all lanes."""

    gained: float = 0.0
    best: float = 0.0  # gained per second
    left: float = 0.0
    at: float = 0.0

    @property
    def needs(self) -> float:
        little = self.gained < _TRUSTED * (self.gained + self.left)
        return 0.0 if little or not self.best else self.left / self.best


def in_words(seconds: float) -> str:
    """``42s``, ``7m 05s``, ``3h 12m``, ``2d 04h``."""
    whole = round(seconds)
    for size, unit, smaller, name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // smaller:02d}{name}"
    return f"{whole}s"
