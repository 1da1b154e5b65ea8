"""A service that commits again and again leaves many small files: they are joined while it goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pi_lakeflow.app.tables import all_tables
from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.maintenance import Joined, join_small


@dataclass(slots=True)
class Tidying:
    """What was done so far. ``problem`` is why the last round ended early; empty when it did not."""

    rounds: int = 0
    joined: Joined = field(default_factory=Joined)
    problem: str = ""

    def summary(self) -> dict[str, int]:
        """The counters, for JSON."""
        return {
            "compactions": self.joined.partitions,
            "files_joined": self.joined.files,
            "compaction_conflicts": self.joined.conflicts,
        }


async def keep_tidy(settings: Settings, lake: Lake, done: Tidying) -> None:
    """Join small files each ``streaming.compact_every``, until it is cancelled.

    It only ever costs the lake some work: commits do not wait for it, and what fails is tried the next time.
    """
    every = settings.streaming.compact_every.total_seconds()
    if not every or not isinstance(lake, DeltaLake):
        return
    while True:
        await asyncio.sleep(every)
        try:
            done.joined += await asyncio.to_thread(_join_all, lake)
            done.problem = ""
        except SinkUnavailable as error:
            done.problem = str(error)
        done.rounds += 1


def _join_all(lake: DeltaLake) -> Joined:
    done = Joined()
    for spec in all_tables():
        table = lake.table(spec)
        if table.exists():
            done += join_small(table)
    return done
