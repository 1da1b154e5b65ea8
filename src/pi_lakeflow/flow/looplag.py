"""Whether the event loop is kept from its work, and for how long. Costs a hundredth of a percent.

    async with LoopLag() as lag:
        ...
    lag.longest     # seconds of processor time that one stretch of callbacks took

Counted is the processor time of the loop's own thread: on a busy machine the loop also waits for a
processor, which is nobody's fault.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

ALLOWED = 0.05
"""Seconds that the loop may be kept busy at a time: pings, time-outs and Ctrl-C wait that long."""

_EVERY = 0.01


class LoopLag:
    """Watches the running loop between ``async with`` and its end."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.over = 0  # stretches of more than ALLOWED
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, busy = loop.time() + _EVERY, time.thread_time()
            await asyncio.sleep(_EVERY)
            late = max(0.0, loop.time() - due)
            stretch = min(late, time.thread_time() - busy)
            self.longest = max(self.longest, stretch)
            self.over += stretch > ALLOWED
