"""A ceiling for rows in memory: who wants to read waits until others are written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from pi_lakeflow.model.events import Observer, Waited, ignore


class RowBudget:
    """Counts rows that are being read or wait to be committed.

    ``take`` waits while the budget is used up; a request larger than the whole budget passes when
    nothing else is out, so that it can neither starve nor deadlock. ``on_pressure`` is called
    when somebody starts to wait. ``writing`` tells how many seconds were spent writing so far: it
    divides a wait into its share of the sink's and of the others who read.
    """

    def __init__(
        self,
        rows: int,
        *,
        on_pressure: Callable[[], None] = lambda: None,
        writing: Callable[[], float] = lambda: 0.0,
        observer: Observer = ignore,
    ) -> None:
        self.rows = rows
        self.used = 0
        self.peak = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._on_pressure = on_pressure
        self._writing = writing
        self._observer = observer

    @property
    def pressed(self) -> bool:
        """Somebody waits for memory right now."""
        return bool(self._waiters)

    async def take(self, rows: int) -> None:
        """Reserve ``rows``; first come, first served."""
        if not self._waiters and self._fits(rows):
            self._count(rows)
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((rows, ticket))
        self._on_pressure()
        started, written = monotonic(), self._writing()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self.give(rows)
            else:
                self._waiters.remove((rows, ticket))
            raise
        sink = min(self._writing() - written, waited := monotonic() - started)
        self._observer(Waited("sink", sink))
        self._observer(Waited("memory", waited - sink))

    def correct(self, reserved: int, actual: int) -> None:
        """A reservation turned out to be more or fewer rows."""
        self.used += actual - reserved
        self.peak = max(self.peak, self.used)
        self._admit()

    def give(self, rows: int) -> None:
        """The rows have left memory."""
        self.used -= rows
        self._admit()

    def _fits(self, rows: int) -> bool:
        return self.used == 0 or self.used + rows <= self.rows

    def _count(self, rows: int) -> None:
        self.used += rows
        self.peak = max(self.peak, self.used)

    def _admit(self) -> None:
        while self._waiters and self._fits(self._waiters[0][0]):
            rows, ticket = self._waiters.popleft()
            if not ticket.done():
                self._count(rows)
                ticket.set_result(None)
