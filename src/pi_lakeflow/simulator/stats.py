"""What the server did since it started or was last reset."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Stats:
    """Counters. ``bytes`` are bodies as sent, after compression; ``connections`` are those that
    brought a first request."""

    requests: int = 0
    events: int = 0
    bytes: int = 0
    connections: int = 0
    parallel: int = 0
    peak_parallel: int = 0
    throttled: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    _seen: weakref.WeakSet[object] = field(default_factory=weakref.WeakSet, repr=False)

    def begin(self, connection: object) -> None:
        self.requests += 1
        if connection is not None and connection not in self._seen:
            self._seen.add(connection)
            self.connections += 1
        self.parallel += 1
        self.peak_parallel = max(self.peak_parallel, self.parallel)

    def end(self, route: str, status: int, sent: int, events: int) -> None:
        self.parallel -= 1
        self.bytes += sent
        self.events += events
        self.by_route[route or "?"] += 1
        self.by_status[status] += 1
        self.throttled += status in (429, 503)

    def reset(self) -> None:
        """Back to zero; requests under way are still counted as parallel."""
        self.requests = self.events = self.bytes = self.throttled = self.connections = 0
        self.peak_parallel = self.parallel
        self.by_route.clear()
        self.by_status.clear()

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "events": self.events,
            "bytes": self.bytes,
            "connections": self.connections,
            "parallel": self.parallel,
            "peak_parallel": self.peak_parallel,
            "throttled": self.throttled,
            "by_route": dict(self.by_route),
            "by_status": {str(status): count for status, count in self.by_status.items()},
        }
