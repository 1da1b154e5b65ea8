"""What a server has sent on its channels, kept so that tests can ask whether all of it arrived."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.truth import TRUTH_SCHEMA, truth_table
from pi_lakeflow.simulator.world.world import World

from .feed import Batch

_SCHEMA = TRUTH_SCHEMA.append(pa.field("channel", pa.int64())).append(pa.field("sent", pa.int64()))


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: of which channel, when (nanoseconds since 1970 UTC), and what it held."""

    channel: int
    at: int
    batch: Batch


class SentLog:
    """Messages in the order in which they were sent; ``limit`` bounds the values that are kept."""

    def __init__(self, world: World, limit: int) -> None:
        self._world = world
        self._limit = limit
        self._tags: dict[int, Sequence[TagDef]] = {}
        self._kept: deque[Sent] = deque()
        self._values = 0
        self._lock = threading.Lock()
        self.sent = 0  # values, forgotten ones included
        self.forgotten = 0

    def opened(self, channel: int, tags: Sequence[TagDef]) -> None:
        self._tags[channel] = tags

    def add(self, sent: Sent) -> None:
        with self._lock:
            self.sent += len(sent.batch)
            self._kept.append(sent)
            self._values += len(sent.batch)
            while self._values > self._limit:
                gone = len(self._kept.popleft().batch)
                self._values -= gone
                self.forgotten += gone

    def messages(self) -> list[Sent]:
        """All messages that are kept."""
        with self._lock:
            return list(self._kept)

    def summary(self) -> list[tuple[int, int, int, str, int]]:
        """Channel, nanoseconds, number of values, first WebId and its ticks, of each message."""
        return [
            (m.channel, m.at, len(m.batch), self._webid(m), int(m.batch.events.ticks[0]))
            for m in self.messages()
        ]

    def _webid(self, message: Sent) -> str:
        return self._world.webid(self._tags[message.channel][int(message.batch.streams[0])])

    def table(self) -> pa.Table:
        """Every value sent, with the columns of the truth, and ``channel`` and ``sent`` (nanoseconds)."""
        return pa.concat_tables([_SCHEMA.empty_table(), *self.tables()])

    def tables(self) -> Iterator[pa.Table]:
        """The same, message by message."""
        for message in self.messages():
            yield pa.concat_tables([_SCHEMA.empty_table(), *self._tables_of(message)])

    def _tables_of(self, message: Sent) -> list[pa.Table]:
        tables = []
        batch = message.batch
        for place in np.unique(batch.streams).tolist():
            tag = self._tags[message.channel][place]
            events = batch.take(np.flatnonzero(batch.streams == place)).events
            table = truth_table(self._world.webid(tag), tag, events, self._world.sets)
            for name, value in (("channel", message.channel), ("sent", message.at)):
                table = table.append_column(name, pa.array([value] * len(events), pa.int64()))
            tables.append(table)
        return tables
