"""Trying again: how often, how long, and what is said in the end.

    policy = RetryPolicy(attempts=6, backoff=timedelta(seconds=1))
    answer = await policy.run(call, subject="GET streams/.../recorded", gate=gate, observer=observer)

``call(slot)`` is awaited inside a slot of the gate. Only :class:`~pi_lakeflow.errors.Retryable`
is tried again; everything else passes through untouched.

Defaults: five retries with full jitter from one second, doubling, ride out a restart of the service
(about half a minute) without a thundering herd; ten minutes in total bound what one request may
cost. Time spent queueing at the gate is not counted: a long queue is no fault of the request.

Testing mode is stamina's: ``stamina.set_testing(True, attempts=3)`` removes all waits here too.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import stamina

from pi_lakeflow.errors import Retryable, SettingsError, SourceUnavailable, Throttled
from pi_lakeflow.flow.gate import Gate, Slot
from pi_lakeflow.model.events import Observer, RequestRetried, Waited, ignore

_BUSY = 60  # answers "busy" beyond the attempts, far more than fit into the total time at growing waits
_TRUST = 3  # failures after which a server's Retry-After is no longer taken for long enough
T = TypeVar("T")
_OURS: ContextVar[bool] = ContextVar("pi_lakeflow_retrying", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _OURS.get()


# stamina warns about each retry on its logger. Ours are events already; those of others go on.
logging.getLogger("stamina").addFilter(_not_ours)


def later(base: float, times: int, longest: float) -> float:
    """Seconds to wait after ``times`` failures in a row, of which an outage of a day brings thousands."""
    return min(longest, base * 2.0 ** min(times, 32))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How persistent we are. ``attempts`` counts the first try, but not those that the server refused
    because it is busy (429, 503): these are bounded by ``total`` alone. ``backoff`` is the base of the
    exponential wait (``performance.retry_backoff``), ``longest`` its cap, ``total`` bounds the
    time spent on one request, waits included and the gate's queue excluded."""

    attempts: int = 6
    backoff: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(seconds=60)
    total: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise SettingsError("at least one attempt is needed", subject="retry attempts")
        if min(self.backoff, self.longest) < timedelta(0) or self.total <= timedelta(0):
            raise SettingsError("must be a positive duration", subject="retry_backoff")

    async def run(
        self,
        call: Callable[[Slot], Awaitable[T]],
        *,
        subject: str,
        gate: Gate,
        observer: Observer = ignore,
    ) -> T:
        """Await ``call`` until it succeeds; raises ``SourceUnavailable`` after the last attempt."""
        history = _History(self, gate, observer)
        mark = _OURS.set(True)
        try:
            most = 1 if self.attempts == 1 else self.attempts + _BUSY
            async for attempt in stamina.retry_context(on=history.wait, attempts=most, timeout=None):
                if history.last is not None:
                    observer(history.as_event(subject, history.last))
                    if not isinstance(history.last, Throttled):  # else the gate has waited, and says so
                        observer(Waited("retry", history.pause))
                with attempt:
                    return await history.measured(call)
        except Retryable as error:
            raise _gave_up(error, subject, history) from error
        finally:
            _OURS.reset(mark)
        raise AssertionError("unreachable: stamina raises or returns")

    def ceiling(self, failures: int) -> float:
        """The longest wait in seconds after ``failures`` failed attempts (full jitter below it)."""
        exponent = min(failures - 1, 32)
        return min(self.backoff.total_seconds() * 2.0**exponent, self.longest.total_seconds())


class _History:
    """What one request has cost so far, and how long it waits next."""

    def __init__(self, policy: RetryPolicy, gate: Gate, observer: Observer) -> None:
        self._policy = policy
        self._gate = gate
        self._observer = observer
        self._again = True
        self._broken = 0  # failures other than a server that says it is busy
        self.failures = 0
        self.spent = 0.0
        self.pause = 0.0
        self.last: Retryable | None = None

    async def measured(self, call: Callable[[Slot], Awaitable[T]]) -> T:
        async with self._gate.slot() as slot:
            started = self._gate.now()
            try:
                return await call(slot)
            except Retryable as error:
                self.spent += (lost := self._gate.now() - started)
                self._observer(Waited("failed", lost))
                self._failed(error)  # inside the slot: a pause must come before the next one enters
                raise

    def _failed(self, error: Retryable) -> None:
        self.failures += 1
        self.last = error
        self.pause = random.uniform(0.0, self._policy.ceiling(self.failures))
        self._broken += not isinstance(error, Throttled)
        if isinstance(error, Throttled) and error.retry_after is not None:
            own = self.pause if self.failures > _TRUST else 0.0
            self.pause = max(error.retry_after, own)
        if stamina.is_testing():
            self.pause = 0.0
        elif isinstance(error, Throttled):
            self._gate.pause(self.pause)  # holds back everybody, this request included
        self.spent += self.pause
        in_time = self.spent <= self._policy.total.total_seconds()
        self._again = in_time and self._broken < self._policy.attempts

    def wait(self, error: Exception) -> bool | float:
        """Stamina's hook: False gives up, a number is the wait in seconds."""
        if not isinstance(error, Retryable):
            return False
        if isinstance(error, Throttled):
            return 0.0 if self._again else False  # the gate does the waiting
        return self.pause if self._again else False

    def as_event(self, subject: str, error: Retryable) -> RequestRetried:
        return RequestRetried(subject, self.failures, self.pause, f"{type(error).__name__}: {error.message}")


def _gave_up(error: Retryable, subject: str, history: _History) -> SourceUnavailable:
    count = f"{history.failures} attempt{'s' if history.failures != 1 else ''}"
    hint = error.hint or "check that the server is up and reachable, then run the same command again"
    if isinstance(error, Throttled):
        hint = "lower performance.max_workers or set performance.rate_limit, then run again"
    return SourceUnavailable(f"gave up after {count}: {error.message}", subject=subject, hint=hint)
