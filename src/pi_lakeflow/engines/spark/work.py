"""From "these tags, these spans" to what tasks read: units of the planner, evenly weighted.

A partition is a list of units and the settings to read them with. There are never more partitions
than tasks that may read at once, so the parts of the request budget add up to the whole however
many of them Spark runs.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql.datasource import InputPartition

from pi_lakeflow.engines.spark.budget import most_tasks, share_of
from pi_lakeflow.flow.plan import Sizing, plan
from pi_lakeflow.model.span import SECOND, Span
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import WorkUnit
from pi_lakeflow.settings import Settings

UNIT_ROWS = 2_000_000  # about; a unit is cut in time until it is expected to hold no more
SMALL = 50_000  # rows that are not worth a task of their own
_GUESS = 1 / (60 * SECOND)  # events per tag and microsecond before anything is known


@dataclass(frozen=True, slots=True)
class Load:
    """A unit, and how many rows it is expected to hold."""

    unit: WorkUnit
    rows: float

    def cut(self) -> list[Load]:
        """The unit in stretches of about ``UNIT_ROWS`` rows."""
        span = self.unit.span
        count = min(max(1, round(self.rows / UNIT_ROWS)), max(1, span.length // SECOND))
        borders = [span.start + span.length * i // count for i in range(count)] + [span.end]
        return [
            Load(replace(self.unit, span=Span(borders[i], borders[i + 1])), self.rows / count)
            for i in range(count)
        ]


class Portion(InputPartition):
    """What one task reads. ``note`` is where failed tags are written down, None when they are fatal."""

    def __init__(
        self, units: Sequence[str], settings: Settings, *, ingested_at: int, note: str | None
    ) -> None:
        self.units = list(units)
        self.settings = settings
        self.ingested_at = ingested_at
        self.note = note

    def __repr__(self) -> str:
        return f"Portion({len(self.units)} units)"


def typical(densities: Mapping[str, float]) -> float:
    """Events per microsecond of a tag that nobody has measured."""
    return sum(densities.values()) / len(densities) if densities else _GUESS


def loads(
    table: str,
    requests: Mapping[str, Span],
    tags: Mapping[str, Tag],
    densities: Mapping[str, float],
    *,
    tasks: int,
) -> list[Load]:
    """The planner's units for ``requests``, each with its expected rows, none too large."""
    usual = typical(densities)
    made = plan(requests, [], sizing=Sizing(parallel=2 * tasks), nonce=table)
    found: list[Load] = []
    for item in made.work:
        members = tuple(replace(tags[webid], path="", descriptor="") for webid in item.webids)
        rows = sum(densities.get(webid, usual) for webid in item.webids) * item.span.length
        found += Load(WorkUnit(table, "", item.span, members), rows).cut()
    return found


def portions(
    found: Sequence[Load], settings: Settings, *, tasks: int, ingested_at: int, note: str | None
) -> list[InputPartition]:
    """The units as partitions of about equal weight; as few as the rows are worth."""
    total = sum(load.rows for load in found)
    count = min(most_tasks(settings, tasks), len(found), max(1, round(total / SMALL)))
    if not count:
        return []
    shares: list[list[Load]] = [[] for _ in range(count)]
    lightest = [(0.0, index) for index in range(count)]
    for load in sorted(found, key=lambda each: -each.rows):
        weight, index = heapq.heappop(lightest)
        shares[index].append(load)
        heapq.heappush(lightest, (weight + load.rows, index))
    return [
        Portion(
            [load.unit.to_json() for load in sorted(share, key=lambda each: each.unit.span)],
            share_of(settings, count, index),
            ingested_at=ingested_at,
            note=note,
        )
        for index, share in enumerate(shares)
    ]
