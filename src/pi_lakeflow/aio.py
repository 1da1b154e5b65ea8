"""Running async code from sync code, also where an event loop already runs (a notebook).

    from pi_lakeflow.aio import run
    rows = run(fetch())                  # blocks the calling thread, not its loop

All coroutines run on one private loop in one daemon thread, so what they share (an HTTP
session, a gate) stays on the loop that made it. Any thread may call ``run``. Ctrl-C in the caller
cancels the coroutine before ``KeyboardInterrupt`` goes on. A forked child starts a loop of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from pi_lakeflow.errors import Internal

T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread, started by the first ``run``."""

    def __init__(self, name: str = "pi-lakeflow-loop") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._forget)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or its exception. Not to be called on the loop's own thread."""
        loop = self._started()
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise Internal("a synchronous call was made on the private event loop: await instead")
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():  # the caller was interrupted, not the coroutine
                future.cancel()
                concurrent.futures.wait([future], timeout=5.0)
            raise

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start the coroutine and do not wait: for clean-up by the garbage collector, on any thread.

        Where no loop was ever started there is nothing to clean up, and none is started for it.
        """
        if self._loop is None:
            coroutine.close()
        else:
            asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what still runs and end the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _forget(self) -> None:
        """In a forked child: the thread is not there, and somebody may hold the lock for ever."""
        self._lock = threading.Lock()
        self._loop = self._thread = None

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        _drain(loop)
    finally:
        loop.close()


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())


_SHARED = LoopThread()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` on the private loop that this process shares, and wait for it."""
    return _SHARED.run(coroutine)


def spawn(coroutine: Coroutine[Any, Any, object]) -> None:
    """Start ``coroutine`` on the private loop and do not wait for it."""
    _SHARED.spawn(coroutine)
