"""A bounded buffer between live values and whoever writes them.

    buffer = StreamingBuffer(flush_interval_seconds=60, max_buffer_size=10_000)
    buffer.add_record(tag_webid, data)
    if buffer.should_flush():
        records = buffer.get_and_clear()

Nothing is removed as a duplicate: two equal records are two records. When nobody flushes, the
buffer is full at ``capacity``, and ``when_full`` decides what happens to further records.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Literal

from pi_lakeflow.errors import SettingsError, SinkUnavailable

Policy = Literal["block", "shed_oldest", "shed_newest", "raise"]
_ROOM = 10  # capacity in flushes, unless it is given


class StreamingBuffer:
    """``should_flush`` is true ``flush_interval_seconds`` after the first record since the last flush, or
    at ``max_buffer_size`` records. ``capacity`` (default: ten flushes) is never passed:

    - ``block``: ``add_record`` waits until another thread flushes, at most ``patience`` seconds.
    - ``shed_oldest``, ``shed_newest``: a record is dropped and counted in ``shed``.
    - ``raise``: ``SinkUnavailable``, as ``block`` does when its patience ends.
    """

    def __init__(
        self,
        flush_interval_seconds: float = 60.0,
        max_buffer_size: int = 10_000,
        *,
        capacity: int | None = None,
        when_full: Policy = "raise",
        patience: float = 60.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        if flush_interval_seconds <= 0 or max_buffer_size < 1:
            raise SettingsError("the interval and the size must be positive", subject="StreamingBuffer")
        if capacity is not None and capacity < max_buffer_size:
            raise SettingsError("must be at least max_buffer_size", subject="capacity")
        self.flush_interval_seconds = flush_interval_seconds
        self.max_buffer_size = max_buffer_size
        self.capacity = capacity or max_buffer_size * _ROOM
        self.when_full = when_full
        self.shed = 0
        self._patience = patience
        self._clock = clock
        self._records: deque[dict[str, Any]] = deque()
        self._oldest = 0.0
        self._room = threading.Condition()

    def __len__(self) -> int:
        return len(self._records)

    def add_record(self, tag_webid: str, data: Mapping[str, Any]) -> None:
        """Keep ``data`` with the tag that it belongs to."""
        record = {"tag_webid": tag_webid, **data}
        with self._room:
            if len(self._records) >= self.capacity and not self._make_room():
                return
            if not self._records:
                self._oldest = self._clock()
            self._records.append(record)

    def should_flush(self) -> bool:
        """Whether it is time to write."""
        with self._room:
            if not self._records:
                return False
            old = self._clock() - self._oldest >= self.flush_interval_seconds
            return old or len(self._records) >= self.max_buffer_size

    def get_and_clear(self) -> list[dict[str, Any]]:
        """All records, oldest first; the buffer is empty afterwards."""
        with self._room:
            records, self._records = self._records, deque()
            self._room.notify_all()
        return list(records)

    def _make_room(self) -> bool:
        """Whether the new record may come in."""
        if self.when_full == "shed_newest":
            self.shed += 1
            return False
        if self.when_full == "shed_oldest":
            self.shed += 1
            self._records.popleft()
            return True
        wait = self._patience if self.when_full == "block" else 0.0
        if not self._room.wait_for(lambda: len(self._records) < self.capacity, wait):
            raise SinkUnavailable(
                f"the buffer is full: {self.capacity:,} records, and nobody takes them",
                subject="StreamingBuffer",
                hint="flush more often, or choose when_full='shed_oldest'",
            )
        return True
