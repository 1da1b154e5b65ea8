"""What the streaming engine is made of: its limits, what it is handed, and rows that wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from pi_lakeflow.flow.recent import Recent, hashes, numbered, with_index
from pi_lakeflow.model.live import MessageReader
from pi_lakeflow.model.ports import Table, UnitReader

AsLive = Callable[[pa.RecordBatch, int], pa.Table]
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class StreamSize:
    """``rows``: as many make a commit due; ``seconds``: so does the age of the oldest one. ``capacity``
    rows and ``bytes`` of messages are in memory at most. ``overlap`` (microseconds): how much later than
    its time an event may arrive on an open channel. ``idle``: seconds between commits without rows.
    """

    rows: int = 10_000
    seconds: float = 60.0
    capacity: int = 500_000
    bytes: int = 32_000_000
    overlap: int = 60 * SECOND
    idle: float = 300.0
    when_full: Literal["block", "shed"] = "block"


@dataclass(slots=True)
class Buffered:
    """Rows that wait for a commit."""

    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    oldest: float | None = None

    def add(self, table: pa.Table, now: float) -> None:
        if table.num_rows:
            self.tables.append(table)
            self.rows += table.num_rows
            self.oldest = now if self.oldest is None else self.oldest


@dataclass(frozen=True, slots=True)
class StreamPorts:
    """What the engine is handed. ``server_now`` asks for the server's time (microseconds); ``as_live``
    makes rows of the live table of recorded ones that came at a given time."""

    messages: MessageReader
    recorded: UnitReader
    as_live: AsLive
    server_now: Callable[[], Awaitable[int]]
    data: Table
    errors: Table
    pool: Executor


def missing_rows(rows: pa.Table, held: pa.Table, recent: Recent) -> pa.Table:
    """The rows of an answer that neither the table (``held``) nor this process has; they are taken."""
    places, whole = hashes(rows)
    keys = numbered(whole, np.zeros(len(whole), np.int64))
    held_places, held_whole = hashes(held)
    held_keys = numbered(held_whole, np.zeros(len(held_whole), np.int64))
    new = ~np.isin(keys, held_keys) & ~recent.known(keys)
    if not new.any():
        return rows.slice(0, 0)
    chosen, places, keys = rows.filter(pa.array(new)), places[new], keys[new]
    ordered = np.sort(held_places)
    in_table = np.searchsorted(ordered, places, "right") - np.searchsorted(ordered, places, "left")
    chosen = with_index(chosen, places, np.maximum(in_table, recent.places(places)))
    recent.take(keys, places)
    return chosen
