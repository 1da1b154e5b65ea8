"""The streaming engine: messages of channels into a table, gaps filled from the archive.

What holds, whatever breaks:

- A lane's position says: every archived event of its tags before it is in the table. It moves in
  the commit that carries the rows, and only while the lane's channel is open and its gap is filled: up
  to the last message (a heartbeat is one), less the time that the server may take to tell a value.
- When a channel opens, the span from the position to that moment is read from the archive; rows that the
  table or this process has already are left out. So a channel that broke, a restart and a ``kill -9``
  are one case.
- Memory is bounded: messages that wait to be read (bytes) and rows that wait to be written. When both
  are full, ``block`` stops reading the sockets, and ``shed`` drops messages and closes the
  gap from the archive later. Live values that were compressed away are lost then, and counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import pyarrow as pa

from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.engines.livelanes import Lanes, LaneState, Moves
from pi_lakeflow.engines.pulse import Pulse
from pi_lakeflow.engines.streamparts import SECOND, Buffered, StreamPorts, StreamSize, missing_rows
from pi_lakeflow.errors import PiLakeflowError, Refused, SettingsError, SinkUnavailable
from pi_lakeflow.flow.committer import Failed, error_rows
from pi_lakeflow.flow.recent import Recent
from pi_lakeflow.model.clock import Clock
from pi_lakeflow.model.events import Committed, Observer, Quarantined, ignore
from pi_lakeflow.model.live import Message
from pi_lakeflow.model.ports import LaneMoved
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.work import Piece, TagFailure, WorkUnit

T = TypeVar("T")
_GAPS_AT_ONCE = 2  # read from the archive, so that their rows fit the memory


class StreamingEngine:
    """Hears of channels (``opened``, ``message``, ``ended``, ``refused``) and writes. One event loop."""

    def __init__(
        self,
        lanes: Lanes,
        ports: StreamPorts,
        *,
        run_id: str,
        clock: Clock,
        size: StreamSize | None = None,
        observer: Observer = ignore,
        stop: Stop | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.lanes = lanes
        self.pulse = pulse or Pulse(clock)
        self._ports = ports
        self._data = ports.data
        self._run_id = run_id
        self._clock = clock
        self._size = size or StreamSize()
        self._observer = observer
        self._stop = stop or Stop()
        self._offset = 0  # microseconds that the server's clock is ahead of ours
        self._pending: deque[Message] = deque()
        self._pending_bytes = 0
        self._reading = False
        self._buffer = Buffered()
        self._recent = Recent()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._due = asyncio.Event()
        self._sifting = asyncio.Lock()
        self._archive = asyncio.Semaphore(_GAPS_AT_ONCE)
        self._fills: set[asyncio.Task[None]] = set()
        self._crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failed: list[Failed] = []
        self.failures: list[TagFailure] = []
        self._committed = clock.monotonic()
        self._ending = False

    # -- what channels tell ------------------------------------------------------------------------

    async def opened(self, name: str) -> None:
        """The lane's channel is open: from here on it hears everything."""
        lane = self.lanes[name]
        lane.opens += 1
        self.pulse.channel(name, is_open=True)
        self._fill_later(lane)

    async def message(self, name: str, body: bytes, at: int) -> None:
        """One message; waits while there is no room (``block``)."""
        self.pulse.message(len(body))
        if self._full and self._size.when_full == "shed":
            self._shed(name)
            return
        self._pending.append(Message(name, body, at))
        self._pending_bytes += len(body)
        self._arrived.set()
        if self._full and self._size.when_full == "block":
            with self.pulse.blocking():
                await self._room_for_messages()

    async def _room_for_messages(self) -> None:
        while self._full and not self._ending:
            self._room.clear()
            await self._room.wait()

    async def ended(self, name: str, reason: str) -> None:
        """The lane is deaf until its channel opens again."""
        lane = self.lanes[name]
        lane.heard = False
        self.pulse.channel(name, is_open=False, reason=reason)

    async def refused(self, name: str, webid: str, error: Refused, /) -> None:
        """The server has no channel for this tag: it leaves the lane, and is tried again by the next run."""
        lane = self.lanes[name]
        tag = lane.tags.get(webid)
        if tag is not None:
            self._expel(lane, TagFailure(tag, error.message, error.status, error.hint))

    # -- running -----------------------------------------------------------------------------------

    async def run(self, hang_up: Callable[[], Awaitable[None]]) -> None:
        """Read and write until the stop drains; then ``hang_up``, and write what is left.

        Raises ``SinkUnavailable`` when the table stays unwritable, and what a reader raises.
        """
        work = [
            asyncio.create_task(self._read_loop()),
            asyncio.create_task(self._write_loop()),
            asyncio.create_task(self._drained()),
        ]
        try:
            done, _ = await asyncio.wait([*work, self._crash], return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
            await self._finish(hang_up, work[0], work[1])
        finally:
            for task in [*work, *self._fills]:
                task.cancel()
            await asyncio.gather(*work, *self._fills, return_exceptions=True)

    async def sync_clock(self) -> int:
        """Ask the server what time it is."""
        now = await self._ports.server_now()
        self._offset = now - self._clock.now()
        return now

    def now(self) -> int:
        """The server's time, as far as we know."""
        return self._clock.now() + self._offset

    async def _drained(self) -> None:
        while True:
            if self._stop.draining:
                return
            await asyncio.sleep(0.1)

    async def _finish(
        self, hang_up: Callable[[], Awaitable[None]], reading: asyncio.Task[None], writing: asyncio.Task[None]
    ) -> None:
        """Everything that was sent is read and committed; a gap being filled is left to the next run."""
        self._ending = True
        self._room.set()
        for task in self._fills:
            task.cancel()
        await asyncio.gather(*self._fills, return_exceptions=True)
        await hang_up()
        while self._pending or self._reading:
            self._arrived.set()
            await asyncio.sleep(0.01)
            if reading.done():
                reading.result()
        reading.cancel()
        self._due.set()
        await writing
        await self._commit(last=True)

    # -- reading -----------------------------------------------------------------------------------

    @property
    def _full(self) -> bool:
        return self._pending_bytes > self._size.bytes

    async def _read_loop(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending:
                await self._room_for_rows()
                await self._read_some()
            await asyncio.sleep(0.05)  # messages that come together are read together

    async def _room_for_rows(self) -> None:
        while self._buffer.rows >= self._size.capacity and not self._ending:
            self._due.set()
            await asyncio.sleep(0.02)

    async def _read_some(self) -> None:
        taken: list[Message] = []
        size = 0
        while self._pending and size < self._size.bytes // 4:
            taken.append(self._pending.popleft())
            size += len(taken[-1].body)
        self._reading = True
        try:
            found = await self._in_thread(lambda: self._ports.messages.read(taken))
            for place, reason in found.broken:
                self._tear(taken[place].lane, f"a message cannot be read: {reason}")
            async with self._sifting:
                rows = await self._in_thread(lambda: self._recent.sift(found.rows, found.message_of))
            self._buffer.add(rows, self._clock.monotonic())
            for message in taken:
                self.lanes[message.lane].proven = message.at
            self.pulse.took(rows, told=found.rows.num_rows)
        finally:
            self._reading = False
            self._pending_bytes -= size
            if not self._full:
                self._room.set()
        if self._buffer.rows >= self._size.rows:
            self._due.set()

    def _shed(self, name: str) -> None:
        self.pulse.dropped()
        self._tear(name, "")

    def _tear(self, name: str, reason: str) -> None:
        """Something of this lane was lost: what the archive has of it is read again."""
        lane = self.lanes[name]
        if reason:
            self.pulse.broken += 1
            self.pulse.last_problem = reason
        lane.heard = False
        self._fill_later(lane)

    # -- gaps --------------------------------------------------------------------------------------

    def _fill_later(self, lane: LaneState) -> None:
        if lane.filling or self._ending:
            lane.again = True
            return
        lane.filling = True
        task = asyncio.create_task(self._fill(lane))
        self._fills.add(task)
        task.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._fills.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._crash.done():
            self._crash.set_exception(error)

    async def _fill(self, lane: LaneState) -> None:
        """Read from the archive what the lane may have missed; again until the channel stayed open."""
        wait = 0.5
        try:
            while True:
                lane.again = False
                opens = lane.opens
                try:
                    while self._full:  # what was shed comes back when there is room for it
                        self._room.clear()
                        await self._room.wait()
                    end = await self.sync_clock()
                    await asyncio.sleep(min(1.0, self._size.overlap / SECOND / 4))
                    await self._read_gap(lane, end)
                except PiLakeflowError as error:  # the server, the lake, credentials: the gap stays open
                    self.pulse.last_problem = str(error)
                    await asyncio.sleep(wait)
                    wait = min(30.0, 2 * wait)
                    continue
                if opens == lane.opens and not lane.again:
                    lane.heard = self.pulse.is_open(lane.name)
                    return
        finally:
            lane.filling = False

    async def _read_gap(self, lane: LaneState, end: int) -> None:
        start = lane.claim
        while start < end and lane.tags:
            span = Span(start, end)
            unit = WorkUnit(self._data.spec.name, lane.name, span, tuple(lane.tags.values()))
            async with self._archive:
                await self._room_for_rows()
                piece = await self._ports.recorded.read(unit, row_limit=self._size.capacity // 4)
                for failure in piece.failures:
                    self._expel(lane, failure)
                await self._add_missing(lane, piece)
                start = lane.claim = max(lane.claim, piece.span.end)

    async def _add_missing(self, lane: LaneState, piece: Piece) -> None:
        """Buffer what neither the table nor this process has."""
        at = self._clock.now()
        tables = [self._ports.as_live(batch, at) for batch in piece.batches if batch.num_rows]
        self.pulse.gaps += 1
        if not tables:
            return
        rows = pa.concat_tables(tables)
        held = await self._in_thread(lambda: self._data.held(list(lane.tags), piece.span))
        async with self._sifting:
            missing = await self._in_thread(lambda: missing_rows(rows, held, self._recent))
        self._buffer.add(missing, self._clock.monotonic())
        self.pulse.filled += missing.num_rows
        self.pulse.took(missing, told=0)
        if self._buffer.rows >= self._size.rows:
            self._due.set()

    def _expel(self, lane: LaneState, failure: TagFailure) -> None:
        span = Span(lane.position, max(lane.position, self.now()))
        self._failed.append(Failed(failure, span, self._clock.now()))
        self.failures.append(failure)
        self.lanes.expel(lane, failure.tag.webid)
        self._observer(Quarantined(failure.tag.webid, failure.tag.name, failure.status, failure.message))

    # -- writing -----------------------------------------------------------------------------------

    async def _write_loop(self) -> None:
        while not self._ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._patience())
            self._due.clear()
            if self._ending:
                return
            since = self._clock.monotonic() - self._committed
            crowded = self._buffer.rows >= min(20 * self._size.rows, self._size.capacity // 2)
            if self._is_due() and (since >= min(1.0, self._size.seconds) or crowded):
                await self._commit()
            elif self._is_due():
                await asyncio.sleep(0.05)
                self._due.set()

    def _patience(self) -> float:
        return max(0.05, min(1.0, self._size.seconds / 4))

    def _is_due(self) -> bool:
        now = self._clock.monotonic()
        old = self._buffer.oldest is not None and now - self._buffer.oldest >= self._size.seconds
        idle = now - self._committed >= self._size.idle
        return old or idle or self._buffer.rows >= self._size.rows

    async def _commit(self, *, last: bool = False) -> None:
        """Rows and positions in one commit."""
        taken, self._buffer = self._buffer, Buffered()
        self._claim()
        moves = self.lanes.moves(self._run_id, force=last)
        failed, self._failed = self._failed, []
        started = self._clock.monotonic()
        if moves.marks or taken.rows or failed:
            await self._persist(taken, moves, failed)
        self._committed = self._clock.monotonic()
        self.pulse.committed(taken.rows, self._committed - started, self._buffer.rows)

    async def _persist(self, taken: Buffered, moves: Moves, failed: Sequence[Failed]) -> None:
        """Try until the lake takes it; meanwhile the buffer fills, and the policy decides."""
        patience = 0.5
        while True:
            try:
                await self._in_thread(lambda: self._write(taken, moves, failed))
                return
            except SinkUnavailable as error:
                self.pulse.sink_failures += 1
                self.pulse.last_problem = str(error)
                if self._ending and patience > 8:
                    raise
                await asyncio.sleep(patience)
                patience = min(30.0, patience * 2)

    def _write(self, taken: Buffered, moves: Moves, failed: Sequence[Failed]) -> None:
        if failed:
            self._ports.errors.add(error_rows(failed, self._run_id))
        steps = self.lanes.steps(moves, [batch for table in taken.tables for batch in table.to_batches()])
        started = self._clock.monotonic()
        try:
            result = self._data.append(steps)
        except LaneMoved as moved:
            raise SettingsError(
                "another process streams the same tags into the same table",
                subject=", ".join(moved.app_ids[:3]),
                hint="stop one of them",
            ) from moved
        self.lanes.done(moves)
        elapsed = self._clock.monotonic() - started
        self._observer(Committed(self._data.spec.name, result.version, result.rows, elapsed, effort=0.0))

    def _claim(self) -> None:
        """How far lanes have come: to what the last message on their open channel proves."""
        for lane in list(self.lanes.values()):
            if lane.heard and not lane.filling and self.pulse.is_open(lane.name):
                lane.claim = max(lane.claim, lane.proven + self._offset - self._size.overlap)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._ports.pool, work)
