"""Whole answers, kept for benchmarks: the second time a client is measured, not the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from isal import igzip

from pi_lakeflow.simulator.cache import WeighedCache
from pi_lakeflow.simulator.world.clock import FixedClock

from .call import Call
from .reply import Reply

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

_SMALL = 1_024  # smaller bodies are not worth compressing
_INLINE = 100_000  # larger ones are compressed beside the event loop


class Answers:
    """A bounded cache of replies, compressed when the client takes that; off when ``limit`` is 0."""

    def __init__(self, limit: int) -> None:
        self._on = limit > 0
        self._kept: WeighedCache[Reply] = WeighedCache(limit, lambda reply: reply.size)

    def key(self, call: Call) -> Hashable | None:
        """What the answer depends on; None when it may differ the next time for other reasons."""
        sim = call.sim
        still = isinstance(sim.world.clock, FixedClock) and not sim.faults.active()
        if not self._on or not still or call.method != "GET" or call.raw is None:
            return None
        state = (sim.world.clock.now(), sim.world.revision, len(sim.world.archive.journal))
        return (call.raw.raw_path, call.base, call.user, takes_gzip(call.headers), *state)

    def get(self, key: Hashable | None) -> Reply | None:
        return self._kept.get(key) if key is not None else None

    def put(self, key: Hashable | None, reply: Reply) -> None:
        if key is not None and reply.status == 200:
            self._kept.put(key, reply)

    def clear(self) -> None:
        """Forget all; the settings of the server changed."""
        self._kept.clear()


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the client accepts gzip."""
    return "gzip" in headers.get("Accept-Encoding", "").lower()


async def packed(sim: Simulator, headers: Mapping[str, str], reply: Reply) -> Reply:
    """The reply with a gzip body, if both sides want that and it pays."""
    fresh = "Content-Encoding" not in reply.headers
    if not (sim.config.gzip and fresh and takes_gzip(headers) and reply.size >= _SMALL):
        return reply
    body, level = reply.body, sim.config.gzip_level
    if len(body) < _INLINE:
        small = gzip_body(body, level)
    else:
        small = await asyncio.get_running_loop().run_in_executor(sim.packer, gzip_body, body, level)
    changed = {**reply.headers, "Content-Encoding": "gzip"}
    return Reply(reply.status, (small,), changed, reply.content_type, reply.events, reply.challenges)


def gzip_body(body: bytes, level: int) -> bytes:
    """``body`` as one gzip member; levels above 3 are taken as 3, the highest of the library."""
    packed_body: bytes = igzip.compress(body, min(level, 3))
    return packed_body
