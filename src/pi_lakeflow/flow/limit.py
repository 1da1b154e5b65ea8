"""How many requests a server digests at once: pure arithmetic, no clock and no I/O.

    limit = AdaptiveLimit(initial=4, maximum=32)
    limit.on_sample(latency_s=0.21, in_flight=4, dropped=False, weight=300.0)  # after each request
    limit.limit                                                                # a float, floor it

The question is put to the server itself: *does more concurrency buy more throughput?* The limit
alternates between a level three tenths below its centre and one three tenths above it, for a round each, and
compares what requests take. Where the server has workers to spare, latency stays the same: the
centre moves up. Where requests only queue, latency grows in proportion to the level: the
centre moves down. In numbers, the *elasticity* of latency, ``d log(latency) / d log(level)``, is 0 in
the first case and 1 in the second, and the centre follows its distance from ``TARGET``. No
stored "best latency" is needed, so there is none that can be wrong: a server that has become
slower for good is simply asked again, and the limit never stays down.

Three more rules protect the server at once:

* loss (429, 503, time-outs): the centre is multiplied by ``BACKOFF``, once per set of requests that
  were in flight together, and the place of the loss becomes a ceiling that rises slowly, then faster;
* latency that jumps above ``ALARM`` times its long-term level, whoever causes it: the centre is
  reduced in proportion, at most halved;
* the centre moves up only while the limit is really used.

A loss is no sign of load when it comes as often at a low level as at a high one: a proxy or a network
that drops two requests of a hundred does so whatever we do. Losses in the rounds at the lower level tell that
background; those beyond it are load. A background above ``MOST_BACKGROUND`` is never believed.

After a bad time the way back is short: half the centre that was right before it (``_Memory``) is taken by
leaps, each after a run of answers without loss or alarm; beyond that, the server is asked as ever. A loss
on the way makes the next run twice as long, so that a server that stays bad is hardly tried.

Requests are compared with requests of the same kind only: the power of two of their ``weight``.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

SPREAD = 0.3  # half the distance between the two levels, relative to the centre
TARGET = 0.6  # the elasticity that the centre settles at; above one half, to lose no throughput
GAIN = 0.4  # the centre moves per round by e to the power of GAIN * (TARGET - elasticity)
TRUST = 0.2  # weight of one measurement in the smoothed elasticity
START_TRUST = 0.4  # the same until the first sign of a queue
START_GROWTH = 1.6  # per round, until the first sign of a queue
BACKOFF = 0.6
FIRST_CREEP = 0.02  # the ceiling that a loss sets rises by this after a high round, then by twice that, ...
ALARM = 2.5  # times the long-term latency
MEMORY = 1000  # samples that the long-term latency remembers
CLIP = 6.0  # times the long-term latency: more is counted as this
LATELY = 50  # samples: losses within so many are one observation
LEAST_EVIDENCE = 1.5  # losses at the lower level before a background is believed
MOST_BACKGROUND = 0.08  # of all requests
CALM = 2.5  # times the long-term latency: an answer that is slower is no sign of recovery
PATIENCE, MOST_PATIENCE = 6, 12  # calm answers before a leap
SHORTEST, ENOUGH = 12, 24  # samples of a round: at a low level it must not take for ever


@dataclass(slots=True)
class _Usual:
    """The long-term mean latency of one weight class, in seconds."""

    seconds: float = 0.0
    samples: int = 0

    def ratio(self, seconds: float) -> float:
        """``seconds`` over the mean so far, at most ``CLIP``: one straggler must not decide."""
        self.samples += 1
        ratio = min(CLIP, seconds / self.seconds) if self.seconds else 1.0
        clipped = ratio * self.seconds if self.seconds else seconds
        self.seconds += (clipped - self.seconds) / min(self.samples, MEMORY)
        return ratio


@dataclass(slots=True)
class _Background:
    """How often requests are lost for reasons that have nothing to do with our level."""

    samples: float = 0.0  # of rounds at the lower level, the older ones counting less
    lost: float = 0.0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=LATELY))

    def note(self, *, lost: bool, low: bool) -> None:
        self.recent.append(lost)
        if low:
            self.samples += 1 - self.samples / MEMORY
            self.lost += lost - self.lost / MEMORY

    @property
    def rate(self) -> float:
        return self.lost / (self.samples + LATELY)

    @property
    def explains(self) -> bool:
        """Whether the losses of late are no more than the background brings."""
        usual = self.rate
        believed = self.lost >= LEAST_EVIDENCE and usual <= MOST_BACKGROUND
        return believed and sum(self.recent) <= 1 + 3 * usual * LATELY


@dataclass(slots=True)
class _Round:
    """Samples taken at one level; the first ``deaf`` ones started at another level."""

    level: float
    deaf: int = 0
    ratios: list[float] = field(default_factory=list)
    busiest: int = 0

    @property
    def complete(self) -> bool:
        return len(self.ratios) >= max(SHORTEST, min(ENOUGH, 5 * self.level), self.level)

    @property
    def mean(self) -> float:
        return sum(self.ratios) / len(self.ratios)

    @property
    def used(self) -> bool:
        """Whether the limit held somebody back."""
        return self.busiest >= math.floor(self.level)


@dataclass(slots=True)
class _Memory:
    """The centre before a bad time, and how long it has been calm since."""

    centre: float = 0.0
    calm: int = 0
    patience: int = PATIENCE
    _bad: bool = False

    def hurt(self, centre: float) -> None:
        """A loss or an alarm at ``centre``."""
        self.patience = min(MOST_PATIENCE, self.patience * 2) if self._bad else PATIENCE
        if not self._bad:
            self.centre, self._bad = centre, True
        self.calm = 0

    def note(self, ratio: float) -> None:
        """An answer that took ``ratio`` times as long as usual."""
        self.calm = self.calm + 1 if ratio <= CALM else 0

    def leap(self, centre: float) -> float | None:
        """The next centre on the way back; None when it is not time, or the way is done."""
        if not self._bad or self.calm < max(self.patience, centre):
            return None
        goal, self.calm = self.centre / 2, 0
        if centre >= goal:
            self._bad = False
            return None
        return min(goal, max(centre + 1, centre * START_GROWTH))


class AdaptiveLimit:
    """A concurrency limit between ``minimum`` and ``maximum`` that follows the server.

    ``limit`` is a float; the enforcer uses its integer part, which is at least ``minimum``. ``peers`` is
    how many like this one share the server: each sees only its part of what it does to the latency.
    """

    def __init__(self, initial: float = 4.0, *, minimum: int = 1, maximum: int = 64, peers: int = 1) -> None:
        if not 1 <= minimum <= maximum:
            raise ValueError(f"1 <= minimum <= maximum must hold, not {minimum}, {maximum}")
        self._peers = peers
        self._minimum = float(minimum)
        self._maximum = float(maximum)
        self._ceiling = self._maximum  # where the last loss was; it creeps up
        self._creep = FIRST_CREEP
        self._doomed = 0  # requests that were in flight with a lost one: their fate is no news
        self._centre = self._clamped(float(initial))
        self._kinds: dict[int, _Usual] = {}
        self._background = _Background()
        self._memory = _Memory()
        self._starting = True
        self._high = False
        self._elasticity = 0.0
        self._previous: _Round | None = None
        self._round = _Round(self._level())

    @property
    def limit(self) -> float:
        return self._round.level

    def resize(self, maximum: int, *, peers: int = 1) -> None:
        """Another maximum and number of peers; what was learned of the server stays."""
        self._peers = peers
        if maximum < self._minimum:
            raise ValueError(f"the maximum {maximum} is below the minimum {self._minimum:g}")
        at_maximum = self._ceiling >= self._maximum
        self._maximum = float(maximum)
        self._ceiling = self._maximum if at_maximum else min(self._ceiling, self._maximum)
        self._centre = self._clamped(self._centre)
        self._round.level = min(self._round.level, self._maximum)

    def on_sample(
        self, latency_s: float, in_flight: int, dropped: bool = False, *, weight: float = 1.0
    ) -> float:
        """Learn from one finished request; returns the new limit.

        ``latency_s`` is the server's time in seconds, ``in_flight`` the number of requests in
        flight when it ended (itself included), ``dropped`` tells that the server threw it away,
        ``weight`` is its size in any unit (bytes, events): only powers of two of it matter.
        """
        now = self._round
        if self._doomed > 0:
            self._doomed -= 1
        elif dropped:
            self._background.note(lost=True, low=not self._high)
            if not self._background.explains and not self._at_floor:
                self._lost(in_flight)
        elif now.deaf > 0:
            now.deaf -= 1
        else:
            self._background.note(lost=False, low=not self._high)
            now.busiest = max(now.busiest, in_flight)
            now.ratios.append(self._relative(latency_s, weight))
            self._memory.note(now.ratios[-1])
            if now.complete:
                self._finish(now)
            elif now.used and (centre := self._memory.leap(self._centre)) is not None:
                self._leap(centre, deaf=now.busiest)
        return self.limit

    @property
    def _at_floor(self) -> bool:
        """Fewer requests are not possible: a loss here says what the background is, and no more."""
        return not self._high and self._round.level <= self._minimum

    def _lost(self, in_flight: int) -> None:
        self._memory.hurt(self._centre)
        self._ceiling = max(self._minimum, 0.9 * min(in_flight, self.limit))
        self._creep = FIRST_CREEP
        self._doomed = max(0, in_flight - 1)
        self._restart(self._centre * BACKOFF, deaf=0)

    def _leap(self, centre: float, *, deaf: int) -> None:
        """A step back to what was right; then the server is asked as at the start, which is quick."""
        self._ceiling = max(self._ceiling, min(self._memory.centre, self._maximum))
        self._restart(centre, deaf=deaf)
        self._starting, self._elasticity = True, 0.0

    def _relative(self, latency_s: float, weight: float) -> float:
        kind = self._kinds.setdefault(round(math.log2(max(weight, 1.0))), _Usual())
        return kind.ratio(max(latency_s, 1e-6))

    def _finish(self, now: _Round) -> None:
        if now.mean > ALARM:
            self._memory.hurt(self._centre)
            self._restart(self._centre * max(0.5, 0.6 * ALARM / now.mean), deaf=now.busiest)
            return
        if self._previous is not None:
            self._learn(*sorted((self._previous, now), key=lambda one: one.level))
        if self._high:
            self._ceiling = min(self._maximum, self._ceiling + self._creep * max(4.0, self._ceiling))
            self._creep = min(0.5, self._creep * 2)
        self._previous = now
        self._high = not self._high
        self._round = _Round(self._level(), deaf=now.busiest)

    def _learn(self, low: _Round, high: _Round) -> None:
        if high.busiest > low.busiest:
            slope = math.log(high.mean / low.mean) / math.log(high.busiest / low.busiest) * self._peers
            trust = START_TRUST if self._starting else TRUST
            self._elasticity += trust * (min(1.5, max(-0.5, slope)) - self._elasticity)
        if self._starting and self._elasticity > TARGET:
            self._starting = False
            self._centre = self._clamped(self._centre / START_GROWTH)  # the step that was too far
        elif self._elasticity > TARGET or low.used:
            steady = math.exp(GAIN * (TARGET - self._elasticity))
            self._centre = self._clamped(self._centre * (START_GROWTH if self._starting else steady))

    def _restart(self, centre: float, *, deaf: int) -> None:
        self._starting = False
        self._high = False
        self._elasticity = TARGET
        self._previous = None
        self._centre = self._clamped(centre)
        self._round = _Round(self._level(), deaf=deaf)

    def _level(self) -> float:
        low = self._clamped(math.floor(self._centre * (1 - SPREAD)))
        if not self._high:
            return low
        return self._clamped(max(low + 1, math.floor(self._centre * (1 + SPREAD))))

    def _clamped(self, limit: float) -> float:
        return max(self._minimum, min(limit, self._ceiling))
