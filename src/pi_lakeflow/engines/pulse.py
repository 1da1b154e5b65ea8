"""How a stream is doing, in numbers that a health check, a metrics page and a report can read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pi_lakeflow.model.clock import Clock

_COUNTERS = (
    "messages",
    "message_bytes",
    "values",
    "rows",
    "duplicates",
    "filled",
    "gaps",
    "shed",
    "broken",
    "commits",
    "written",
    "buffered",
    "sink_failures",
    "disconnects",
)
_LATELY = 30.0  # seconds over which a pace is told


@dataclass(slots=True)
class TagPulse:
    """The newest value of a tag: its time, and when it came (microseconds since 1970 UTC)."""

    timestamp: int
    received_at: int


@dataclass(slots=True)
class Pulse:
    """Counters since the start. Written by the engine, read by anybody."""

    clock: Clock
    started: float = 0.0
    messages: int = 0
    message_bytes: int = 0
    values: int = 0  # told on channels
    rows: int = 0  # kept: without what was told twice
    duplicates: int = 0
    filled: int = 0  # rows from the archive
    gaps: int = 0  # reads of the archive
    shed: int = 0  # messages
    broken: int = 0  # messages
    commits: int = 0
    written: int = 0
    buffered: int = 0
    sink_failures: int = 0
    disconnects: int = 0
    blocked_seconds: float = 0.0  # in which reading waited for the lake
    last_shed: float | None = None
    last_commit_seconds: float = 0.0
    last_commit: float | None = None
    last_message: float | None = None
    last_problem: str = ""
    tags: dict[str, TagPulse] = field(default_factory=dict)
    open: dict[str, bool] = field(default_factory=dict)
    _blocked: int = 0  # channels that wait
    _blocked_since: float = 0.0
    _lately: deque[tuple[float, int]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()

    def channel(self, name: str, *, is_open: bool, reason: str = "") -> None:
        """A channel opened or ended."""
        self.disconnects += self.open.get(name, False) and not is_open
        self.open[name] = is_open
        self.last_problem = reason or self.last_problem

    def is_open(self, name: str) -> bool:
        return self.open.get(name, False)

    def message(self, size: int) -> None:
        self.messages += 1
        self.message_bytes += size
        self.last_message = self.clock.monotonic()

    @property
    def blocked(self) -> bool:
        """Whether reading waits for the lake."""
        return self._blocked > 0

    @contextmanager
    def blocking(self) -> Iterator[None]:
        """A channel is not read inside the block; the time counts once, however many there are."""
        if not self._blocked:
            self._blocked_since = self.clock.monotonic()
        self._blocked += 1
        try:
            yield
        finally:
            self._blocked -= 1
            if not self._blocked:
                self.blocked_seconds += self.clock.monotonic() - self._blocked_since

    def dropped(self) -> None:
        """A message was shed."""
        self.shed += 1
        self.last_shed = self.clock.monotonic()

    def took(self, rows: pa.Table, *, told: int) -> None:
        """Rows are buffered; ``told`` values stood in the messages that they came from."""
        self.values += told
        self.rows += rows.num_rows
        self.duplicates += max(0, told - rows.num_rows) if told else 0
        if not rows.num_rows:
            return
        times = {"t": rows["timestamp"].cast(pa.int64()), "r": rows["received_at"].cast(pa.int64())}
        newest = pa.table({"tag": rows["tag_webid"], **times}).group_by("tag")
        found = newest.aggregate([("t", "max"), ("r", "max")])
        columns = (found[name].to_pylist() for name in ("tag", "t_max", "r_max"))
        with self._lock:
            for webid, timestamp, received in zip(*columns, strict=True):
                known = self.tags.get(webid)
                if known is None or timestamp >= known.timestamp:
                    self.tags[webid] = TagPulse(timestamp, received)
            now = self.clock.monotonic()
            self._lately.append((now, rows.num_rows))
            while self._lately and self._lately[0][0] < now - _LATELY:
                self._lately.popleft()

    def committed(self, rows: int, seconds: float, left: int) -> None:
        self.commits += 1
        self.written += rows
        self.buffered = left
        self.last_commit_seconds = seconds
        self.last_commit = self.clock.monotonic()

    def per_second(self) -> float:
        """Rows per second over the last half minute."""
        now = self.clock.monotonic()
        with self._lock:
            rows = sum(count for at, count in self._lately if at >= now - _LATELY)
        return rows / max(1.0, min(_LATELY, now - self.started))

    def lags(self, now: int) -> dict[str, float]:
        """Seconds since each tag's newest value, at the server's time ``now`` (microseconds)."""
        with self._lock:
            return {webid: (now - pulse.timestamp) / 1e6 for webid, pulse in self.tags.items()}

    def problems(self, channels: int) -> list[str]:
        """Why the stream, which should have so many ``channels``, is not healthy; empty when it is."""
        shut = channels - sum(self.open.values())
        found = [f"{shut} of {channels} channels are not open"] if shut > 0 else []
        found += ["the lake cannot be written"] if self.sink_failures and self._unwritten() else []
        if self.blocked:
            found.append("the lake is too slow: channels are not read until it catches up (when_full: block)")
        if self.last_shed is not None and not self._long_ago(self.last_shed):
            found.append(
                f"the lake is too slow: {self.shed:,} messages were dropped so far (when_full: shed)"
            )
        return found

    def _unwritten(self) -> bool:
        return self.last_commit is None or self._long_ago(self.last_commit)

    def _long_ago(self, moment: float) -> bool:
        return self.clock.monotonic() - moment > _LATELY

    def summary(self) -> dict[str, Any]:
        """The counters, for JSON."""
        names = [*_COUNTERS, "blocked", "last_commit_seconds", "last_problem"]
        found = {name: getattr(self, name) for name in names}
        still = self.clock.monotonic() - self._blocked_since if self.blocked else 0.0
        found["blocked_seconds"] = round(self.blocked_seconds + still, 3)
        found["channels_open"] = sum(self.open.values())
        found["rows_per_second"] = round(self.per_second(), 1)
        found["uptime_seconds"] = round(self.clock.monotonic() - self.started, 1)
        return found
