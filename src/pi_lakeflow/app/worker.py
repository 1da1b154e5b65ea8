"""A process that reads a share of a run: ``python -m pi_lakeflow.app.worker``, started by ``workers``.

It takes its job from standard input and tells events and its outcome on standard output. When its
parent is gone, however that ended, standard input ends, and the worker stops at once: what it has committed
counts, and nothing else does.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from typing import BinaryIO

from pi_lakeflow.app.frames import Allow, Drain, Ended, Happened, Job, packed, receive, sendable
from pi_lakeflow.app.reading import read_share, settle_down
from pi_lakeflow.app.source import open_lake, open_source
from pi_lakeflow.engines.embedded import Outcome, Stop
from pi_lakeflow.flow.gate import Gate
from pi_lakeflow.model.events import Event

_EVERY = 0.1  # seconds between two messages with events
_ORPHANED = 70


def main() -> None:
    """Do one job."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints must not come between the messages
    try:
        job: Job = receive(sys.stdin.buffer)
    except EOFError:  # the parent is gone already
        os._exit(_ORPHANED)
    outbox = _Outbox(pipe)
    try:
        ended = Ended(asyncio.run(_work(job, outbox)))
    except Exception as error:  # noqa: BLE001 (the parent raises it)
        ended = Ended(None, sendable(error))
    outbox.close(ended)
    os._exit(0)  # the thread that listens may never return


async def _work(job: Job, outbox: _Outbox) -> Outcome:
    stop, loop = Stop(), asyncio.get_running_loop()
    ticking = asyncio.create_task(_tick(outbox))
    try:
        async with open_source(job.settings, outbox.note) as source:
            gate = source.client.transport.gate
            threading.Thread(target=_listen, args=(loop, stop, gate), daemon=True).start()
            settle_down()
            lake = open_lake(job.settings)
            return await read_share(job.settings, job.share, source, lake, outbox.note, stop)
    finally:
        ticking.cancel()


async def _tick(outbox: _Outbox) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        outbox.flush()


def _listen(loop: asyncio.AbstractEventLoop, stop: Stop, gate: Gate) -> None:
    """Do what the parent says. Without a parent, end."""
    while True:
        try:
            message = receive(sys.stdin.buffer)
        except (EOFError, OSError):
            os._exit(_ORPHANED)
        if isinstance(message, Drain):
            loop.call_soon_threadsafe(stop.drain)
        elif isinstance(message, Allow):
            loop.call_soon_threadsafe(gate.resize, message.budget)


class _Outbox:
    """Collects events and writes messages in a thread of its own, so that a full pipe blocks nobody."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._events: list[Event] = []
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def note(self, event: Event) -> None:
        self._events.append(event)

    def flush(self) -> None:
        if self._events:
            self._messages.put(Happened(tuple(self._events)))
            self._events = []

    def close(self, ended: Ended) -> None:
        self.flush()
        self._messages.put(ended)
        self._messages.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (message := self._messages.get()) is not None:
            data = memoryview(packed(message))
            while data:
                data = data[self._pipe.write(data) :]


if __name__ == "__main__":
    main()
