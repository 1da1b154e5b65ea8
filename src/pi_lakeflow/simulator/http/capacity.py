"""How fast the simulated server is allowed to be."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Self

from pi_lakeflow.simulator.config import Capacity


class RateLimit:
    """At most ``requests`` of each client within any ``seconds``."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._seen: dict[str, deque[float]] = {}

    def admit(self, client: str) -> bool:
        """Whether one more request of the client is within the limit; refused ones do not count."""
        if not self._requests:
            return True
        now = time.monotonic()
        seen = self._seen.setdefault(client, deque())
        while seen and seen[0] <= now - self._seconds:
            seen.popleft()
        if len(seen) >= self._requests:
            return False
        seen.append(now)
        return True


class Overloaded(Exception):
    """More requests wait than the queue holds."""


class Workers:
    """The capacity model: a slot is held for as long as the request would take a real server."""

    def __init__(self, model: Capacity) -> None:
        self.model = model
        self._free = asyncio.Semaphore(model.workers) if model.workers else None
        self._waiting = 0

    def slot(self) -> Slot:
        return Slot(self)

    async def acquire(self) -> None:
        if self._free is None:
            return
        if self._free.locked() and self._waiting >= self.model.queue:
            raise Overloaded
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def release(self) -> None:
        if self._free is not None:
            self._free.release()


class Slot:
    """One worker's time for one request."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._begun = 0.0

    async def __aenter__(self) -> Self:
        await self._workers.acquire()
        self._begun = time.monotonic()
        return self

    async def work(self, events: int, size: int) -> None:
        """Wait for the rest of the time that the answer takes by the model."""
        model = self._workers.model
        if not model.workers:
            return
        needed = model.per_request + model.per_event * events + model.per_byte * size
        await asyncio.sleep(max(0.0, needed - (time.monotonic() - self._begun)))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.release()
