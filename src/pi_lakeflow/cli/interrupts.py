"""Ctrl-C once: finish what is under way and commit it. Twice: stop now. A third time: at once.

SIGTERM counts as Ctrl-C does; only the exit code differs (143, not 130).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from pi_lakeflow.cli.output import Output

if TYPE_CHECKING:
    from pi_lakeflow.engines.embedded import Stop

T = TypeVar("T")
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """Work was stopped by a signal before it had a result. ``code`` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__("interrupted")
        self.code = code


class Interrupts:
    """Runs work that can be drained. ``code`` is the exit code of the last signal, 0 without one."""

    def __init__(self, output: Output, stop: Stop) -> None:
        self._output = output
        self._stop = stop
        self._strikes = 0
        self.code = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, also of drained work. Raises ``Interrupted`` after a second signal."""
        return asyncio.run(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._strike, number, task)
        try:
            return await task
        except asyncio.CancelledError:
            if self.code:
                raise Interrupted(self.code) from None
            raise
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
            signal.signal(signal.SIGTERM, _terminate)

    def _strike(self, number: int, task: asyncio.Future[Any]) -> None:
        self._strikes += 1
        self.code = 128 + number
        if self._strikes == 1:
            self._stop.drain()
            self._output.event("draining", signal=signal.Signals(number).name)
            self._output.note("interrupted: finishing what is under way and committing it; again to stop now")
        elif self._strikes == 2:
            self._output.note("stopping now; what was committed stays")
            task.cancel()
        else:
            self._output.end(self.code, "interrupted")
            os._exit(self.code)  # a thread hangs in the lake or the network; every commit is atomic


@contextlib.contextmanager
def terminated_politely() -> Iterator[None]:
    """Inside, SIGTERM ends a command like Ctrl-C does: in words, with its own exit code."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(128 + number)
