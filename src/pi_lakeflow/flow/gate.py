"""The one door to a server: how many requests at once, how many per second, and when none at all.

    gate = Gate(8, rate_per_second=20.0, limit=AdaptiveLimit(maximum=8), observer=observer)
    async with gate.slot() as slot:     # waits its turn, first come first served
        ...                             # send one request
        slot.sent()                     # optional: the request is on the wire now
        slot.weight = len(body)         # optional: what its latency is compared with
        slot.dropped = True             # optional: the server threw it away
    gate.pause(30.0)                    # Retry-After: nobody starts for 30 s, then not all at once

Public statistics: ``in_flight``, ``peak``, ``waiting``, ``limit``, ``started``, ``paused_for``.
``gate.share(n, index)`` or ``Budget(...).share(n, index)`` is the picklable budget of one of n processes.

One gate belongs to one event loop and reads that loop's clock, so a test can run it on a
loop with virtual time.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from pi_lakeflow.errors import SettingsError, Throttled, Transient
from pi_lakeflow.flow.limit import AdaptiveLimit
from pi_lakeflow.flow.pace import Pacer, Place
from pi_lakeflow.model.events import LimitChanged, Observer, Waited, ignore

Reason = Literal["limit", "rate", "pause"]
REASONS: tuple[Reason, ...] = ("limit", "rate", "pause")
MAX_PAUSE = 600.0  # seconds: a server that wants a longer pause is asked again


@dataclass(frozen=True, slots=True)
class Budget:
    """What one process may do to one server. ``rate_per_second`` None means unlimited; ``peers`` is
    how many processes share the server, this one included."""

    max_in_flight: int
    rate_per_second: float | None = None
    peers: int = 1

    def __post_init__(self) -> None:
        if self.max_in_flight < 1:
            raise SettingsError("at least one request must be allowed in flight", subject="max_in_flight")
        if self.rate_per_second is not None and not 0 < self.rate_per_second < math.inf:
            raise SettingsError("must be a positive number of requests per second", subject="rate_limit")

    def share(self, n: int, index: int = 0) -> Budget:
        """The part of process ``index`` of ``n``: the parts add up to the whole, never to more."""
        if n > self.max_in_flight:
            raise SettingsError(
                f"{n} processes cannot share {self.max_in_flight} requests in flight",
                subject="max_in_flight",
                hint=f"run at most {self.max_in_flight} processes, or raise the limit",
            )
        whole, rest = divmod(self.max_in_flight, n)
        rate = None if self.rate_per_second is None else self.rate_per_second / n
        return Budget(whole + (1 if index % n < rest else 0), rate, n)


class Slot:
    """The right to have one request in flight. Set ``weight`` and ``dropped`` before leaving."""

    __slots__ = ("_gate", "dropped", "learn", "places", "started", "weight")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.places: list[Place] = []
        self.started = 0.0
        self.weight = 1.0
        self.dropped = False
        self.learn = True

    def sent(self) -> None:
        """The request is on the wire now, so that it arrives soon."""
        if self.places:
            self.places[-1].sent(self._gate.now())

    async def another(self) -> None:
        """Wait until one more request may start inside this slot (redirect, handshake leg)."""
        await self._gate.again(self)

    async def __aenter__(self) -> Self:
        await self._gate.enter(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._gate.leave(self, error)


class _Waiter:
    __slots__ = ("future", "needs_slot", "slot")

    def __init__(self, slot: Slot, future: asyncio.Future[None], needs_slot: bool) -> None:
        self.slot = slot
        self.future = future
        self.needs_slot = needs_slot


class _Closed:
    """Why the door was closed, and for how long so far: what each who queued has waited for."""

    def __init__(self) -> None:
        self._seconds: dict[Reason, float] = dict.fromkeys(REASONS, 0.0)
        self._reason: Reason = "limit"
        self._since = -math.inf

    def because(self, reason: Reason, now: float) -> None:
        """From now on the door is closed for this reason (or would be, for a second one)."""
        self._seconds = self.seconds(now)
        self._reason, self._since = reason, now

    def seconds(self, now: float) -> dict[Reason, float]:
        """Seconds for each reason, up to now. Only differences mean anything."""
        spent = 0.0 if self._since == -math.inf else now - self._since
        return {**self._seconds, self._reason: self._seconds[self._reason] + spent}


class Gate:
    """Fair, paced and adaptive admission to one server.

    Never more than ``max_in_flight`` requests at once (and not more than ``limit`` allows), never
    more than ``rate_per_second`` in any second (below 1: one per ``1 / rate`` seconds).
    """

    def __init__(
        self,
        max_in_flight: int,
        rate_per_second: float | None = None,
        *,
        limit: AdaptiveLimit | None = None,
        observer: Observer = ignore,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.budget = Budget(max_in_flight, rate_per_second)
        self._adaptive = limit
        self._observer = observer
        self._chance = chance
        self._pacer = Pacer(rate_per_second)
        self._queue: deque[_Waiter] = deque()
        self._inside: deque[_Waiter] = deque()  # hold a slot already, and go first
        self._timer: asyncio.TimerHandle | None = None
        self._in_flight = 0
        self._peak = 0
        self._started = 0
        self._paused_until = -math.inf
        self._slow_until = -math.inf
        self._slow_step = 0.0
        self._not_before = -math.inf
        self._closed = _Closed()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def peak(self) -> int:
        """The most requests that were in flight at once."""
        return self._peak

    @property
    def started(self) -> int:
        """All requests ever let through."""
        return self._started

    @property
    def waiting(self) -> int:
        """How many queue at the door."""
        return sum(not waiter.future.done() for queue in (self._inside, self._queue) for waiter in queue)

    @property
    def limit(self) -> int:
        """How many may be in flight now: at least one."""
        if self._adaptive is None:
            return self.budget.max_in_flight
        return max(1, min(self.budget.max_in_flight, math.floor(self._adaptive.limit)))

    @property
    def paused_for(self) -> float:
        """Seconds until requests may start again; 0 when they may."""
        return max(0.0, self._paused_until - self.now())

    def share(self, n: int, index: int = 0) -> Budget:
        """The budget of one of ``n`` processes that share this gate's server."""
        return self.budget.share(n, index)

    def resize(self, budget: Budget) -> None:
        """From now on another budget: that of a process whose neighbours come or go."""
        self.budget = budget
        self._pacer.change(budget.rate_per_second)
        if self._adaptive is not None:
            self._adaptive.resize(budget.max_in_flight, peers=budget.peers)
        self._dispatch()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def slot(self) -> Slot:
        """``async with gate.slot() as slot:`` waits for the right to send one request."""
        return Slot(self)

    def pause(self, seconds: float) -> None:
        """Let nobody start for ``seconds``; afterwards let them in one by one, not all at once."""
        seconds = min(max(0.0, seconds), MAX_PAUSE)
        until = self.now() + seconds * (1.0 + 0.1 * self._chance())
        if until <= self._paused_until:
            return
        self._paused_until = until
        spread = min(5.0, 0.2 * seconds)
        self._slow_until = until + spread
        self._slow_step = spread / self.limit
        self._dispatch()

    async def enter(self, slot: Slot) -> None:
        """What ``async with gate.slot()`` does first."""
        await self._wait(slot, needs_slot=True)

    async def again(self, slot: Slot) -> None:
        """See ``Slot.another``."""
        for place in slot.places:
            place.done(self.now())
        await self._wait(slot, needs_slot=False)

    async def _wait(self, slot: Slot, *, needs_slot: bool) -> None:
        future = asyncio.get_running_loop().create_future()
        waiter = _Waiter(slot, future, needs_slot)
        before = self._closed.seconds(self.now())
        (self._queue if needs_slot else self._inside).append(waiter)
        self._dispatch()
        if future.done():
            return
        try:
            await future
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise
        after = self._closed.seconds(self.now())
        for reason in REASONS:
            if (waited := after[reason] - before[reason]) > 0:
                self._observer(Waited(reason, waited))

    def _abandon(self, waiter: _Waiter) -> None:
        let_in = waiter.future.done() and not waiter.future.cancelled()
        if let_in and waiter.needs_slot:  # and cancelled in the same breath
            self._release(waiter.slot)
        self._dispatch()

    def leave(self, slot: Slot, error: BaseException | None) -> None:
        """What ``async with gate.slot()`` does last."""
        if self._adaptive is not None:
            self._sample(self._adaptive, slot, error)
        self._release(slot)
        self._dispatch()

    def _release(self, slot: Slot) -> None:
        self._in_flight -= 1
        for place in slot.places:
            place.done(self.now())

    def _sample(self, adaptive: AdaptiveLimit, slot: Slot, error: BaseException | None) -> None:
        dropped = slot.dropped or _is_loss(error)
        if not dropped and (error is not None or not slot.learn):
            return  # a refusal is quick for reasons that say nothing about load
        before = self.limit
        adaptive.on_sample(self.now() - slot.started, self._in_flight, dropped, weight=slot.weight)
        if self.limit != before:
            reason = "loss" if dropped else "latency" if self.limit < before else "used"
            self._observer(LimitChanged(adaptive.limit, self._in_flight, reason))

    def _dispatch(self) -> None:
        while (queue := self._next_queue()) is not None:
            waiter = queue[0]
            now = self.now()
            if waiter.needs_slot and self._in_flight >= self.limit:
                self._closed.because("limit", now)
                return  # whoever leaves dispatches again
            paced, told = self._pacer.ready_at(now), max(self._paused_until, self._not_before)
            if max(paced, told) > now:
                self._closed.because("pause" if told > paced else "rate", now)
                self._wake_at(max(paced, told))
                return
            queue.popleft()
            self._admit(waiter, now)

    def _next_queue(self) -> deque[_Waiter] | None:
        for queue in (self._inside, self._queue):
            while queue and queue[0].future.done():  # cancelled while it queued
                queue.popleft()
            if queue:
                return queue
        return None

    def _admit(self, waiter: _Waiter, now: float) -> None:
        slot = waiter.slot
        slot.started = now
        if self._adaptive is not None and not self._started:
            self._observer(LimitChanged(self._adaptive.limit, 0, "start"))
        place = self._pacer.start(now)
        if place is not None:
            slot.places.append(place)
        if waiter.needs_slot:
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
        self._started += 1
        if now < self._slow_until:
            self._not_before = now + self._slow_step * (0.5 + self._chance())
        waiter.future.set_result(None)

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when < math.inf:  # else: a request that still runs decides, and dispatches when it leaves
            self._timer = asyncio.get_running_loop().call_at(when, self._dispatch)


def _is_loss(error: BaseException | None) -> bool:
    if isinstance(error, Throttled):
        return True
    return isinstance(error, Transient) and isinstance(error.__cause__, TimeoutError)
