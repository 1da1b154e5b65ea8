"""How many requests a server digests at once: pure arithmetic, no clock and no I/O.

    limit = AdaptiveLimit(initial=4, maximum=32)
    limit.on_sample(latency_s=0.21, in_flight=4, dropped=False, weight=300.0)  # after each request
    limit.limit                                                                # a float, floor it

Two signals are read, because each alone is blind: *latency* (a queue builds up in the server) and
*loss* (429, 503, time-outs). Latency is compared with what the same kind of request cost when the
queue was short: requests are grouped by the power of two of their ``weight``, so that a page of
50,000 events is never held against a page of ten.

The limit moves once per *epoch*, a round of as many samples as requests fit in flight:

* loss: multiplied by ``BACKOFF``, at most once per round of requests that were already in flight;
* latency above ``TOLERANCE`` times the baseline: reduced in proportion, never below half;
* otherwise, and only if the limit was really used: increased by its square root.

The baseline falls at once and rises slowly, so a server that has become slower for good is
believed in the end, and the limit never stays down. Since a queue of our own making would be
believed too, every ``PROBE_EVERY`` epochs the limit steps aside for one round, to measure
the server without that queue.
"""

from __future__ import annotations

import math
from statistics import median

TOLERANCE = 1.25
BACKOFF = 0.6
PROBE_EVERY = 12
PROBE_DEPTH = 0.6
BASELINE_RISE = 0.04
MIN_EPOCH = 8


class _Baseline:
    """Latency of one weight class with a short queue: quick to fall, slow to rise."""

    __slots__ = ("_recent", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._recent: list[float] = []

    def add(self, seconds: float) -> None:
        self._recent.append(seconds)
        if len(self._recent) < MIN_EPOCH:
            return
        typical = median(self._recent)
        self._recent.clear()
        rise = BASELINE_RISE * (typical - self.seconds)
        self.seconds = typical if typical < self.seconds else self.seconds + rise


class AdaptiveLimit:
    """A concurrency limit between ``minimum`` and ``maximum`` that follows the server.

    ``limit`` is a float; the enforcer uses its integer part, which is at least ``minimum``.
    """

    def __init__(self, initial: float = 4.0, *, minimum: int = 1, maximum: int = 64) -> None:
        if not 1 <= minimum <= maximum:
            raise ValueError(f"1 <= minimum <= maximum must hold, not {minimum}, {maximum}")
        self._minimum = float(minimum)
        self._maximum = float(maximum)
        self._limit = min(max(float(initial), self._minimum), self._maximum)
        self._baselines: dict[int, _Baseline] = {}
        self._ratios: list[float] = []
        self._busiest = 0
        self._deaf = 0  # samples of requests that started before the last cut
        self._epochs = 0
        self._resume: float | None = None  # the limit to return to after a probe

    @property
    def limit(self) -> float:
        return self._limit

    def on_sample(
        self, latency_s: float, in_flight: int, dropped: bool = False, *, weight: float = 1.0
    ) -> float:
        """Learn from one finished request; returns the new limit.

        ``latency_s`` is the server's time in seconds, ``in_flight`` the number of requests in
        flight when it ended (itself included), ``dropped`` tells that the server threw it away,
        ``weight`` is its size in any unit (bytes, events): only powers of two of it matter.
        """
        if dropped:
            return self._on_drop(in_flight)
        if self._deaf > 0:
            self._deaf -= 1
            return self._limit
        self._learn(latency_s, weight)
        self._busiest = max(self._busiest, in_flight)
        if len(self._ratios) >= max(MIN_EPOCH, math.ceil(self._limit)):
            self._end_epoch()
        return self._limit

    def _on_drop(self, in_flight: int) -> float:
        if self._deaf > 0:
            self._deaf -= 1
            return self._limit
        self._resume = None
        self._start_epoch(self._limit * BACKOFF, deaf=in_flight - 1)
        return self._limit

    def _learn(self, latency_s: float, weight: float) -> None:
        kind = round(math.log2(max(weight, 1.0)))
        seconds = max(latency_s, 1e-6)
        baseline = self._baselines.setdefault(kind, _Baseline(seconds))
        self._ratios.append(seconds / baseline.seconds)
        baseline.add(seconds)

    def _end_epoch(self) -> None:
        self._epochs += 1
        if self._resume is not None:
            resume, self._resume = self._resume, None
            self._start_epoch(resume, deaf=0)
        elif self._epochs % PROBE_EVERY == 0 and self._limit > self._minimum:
            self._resume = self._limit
            self._start_epoch(self._limit * PROBE_DEPTH, deaf=self._busiest)
        else:
            self._start_epoch(self._steered(), deaf=0)

    def _steered(self) -> float:
        gradient = min(1.0, max(0.5, TOLERANCE / median(self._ratios)))
        used = self._busiest >= math.floor(self._limit)
        return self._limit * gradient + (math.sqrt(self._limit) if used else 0.0)

    def _start_epoch(self, limit: float, *, deaf: int) -> None:
        self._limit = min(max(limit, self._minimum), self._maximum)
        self._ratios.clear()
        self._busiest = 0
        self._deaf = max(0, deaf)
