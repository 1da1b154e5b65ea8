"""Drives a stream reader the way Spark does: JSON offsets, pickled partitions, batches that run again."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pi_lakeflow.app.spark import DefaultSource
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES


class Query:
    """A streaming query with a checkpoint in memory. ``restart`` makes a new reader."""

    def __init__(self, **options: str) -> None:
        self.options = options
        self.offsets: list[dict[str, Any]] = []
        self.delivered: list[pa.Table] = []
        self.restart()

    def restart(self, **options: str) -> None:
        """A new process over the same checkpoint."""
        self.options |= options
        source = DefaultSource(self.options)
        self.reader = source.streamReader(source.schema())
        self.start = self.offsets[-1] if self.offsets else through_json(self.reader.initialOffset())

    def available_now(self, *, most: int = 50) -> None:
        """Run until nothing is left; fails when that takes more than ``most`` batches."""
        self.reader.prepareForTriggerAvailableNow()
        for _ in range(most):
            if not self.step():
                return
        raise AssertionError(f"not at the end after {most} batches")

    def step(self) -> bool:
        """One micro-batch; False when there is nothing to read."""
        limit = self.reader.getDefaultReadLimit()
        end = through_json(self.reader.latestOffset(self.start, limit))
        if end == self.start:
            return False
        self.offsets.append(end)
        self.delivered.append(self.read(self.start, end))
        self.reader.commit(end)
        self.start = end
        return True

    def read(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> pa.Table:
        """All rows between two offsets, each partition read by a copy of the reader."""
        batches = []
        for partition in self.reader.partitions(start, end):
            task = pickle.loads(pickle.dumps(self.reader))
            batches += list(task.read(pickle.loads(pickle.dumps(partition))))
        return pa.Table.from_batches(batches, PI_TIMESERIES.arrow_schema)

    @property
    def rows(self) -> pa.Table:
        """Everything that was delivered."""
        return pa.concat_tables([PI_TIMESERIES.arrow_schema.empty_table(), *self.delivered])


def through_json(offset: Mapping[str, Any]) -> dict[str, Any]:
    """What comes back from a checkpoint. Offsets must be canonical: one text for one place."""
    text = json.dumps(offset)
    assert json.dumps(json.loads(text)) == text
    found: dict[str, Any] = json.loads(text)
    return found
