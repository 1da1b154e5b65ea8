"""``spark.readStream``: micro-batches whose ends are fixed when they are made.

Everything that decides which rows a batch has is in its two offsets and the plan that the second one
names: a batch that Spark runs again asks for the same spans of the same tags.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxRows, SupportsTriggerAvailableNow

from pi_lakeflow.engines.spark.delivery import Delivery
from pi_lakeflow.engines.spark.leftbehind import refuse
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.plans import Plans
from pi_lakeflow.engines.spark.ports import Plant
from pi_lakeflow.engines.spark.sight import Sight
from pi_lakeflow.engines.spark.task import read_portion
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.engines.spark.waves import START, Position, StreamPlan, Wave, arranged, same_waves
from pi_lakeflow.engines.spark.work import Load, loads, portions
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import SECOND, Span, subtract

log = logging.getLogger("pi_lakeflow.spark")


class StreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """One per query on the driver, and a copy in each task that only ``read``s."""

    def __init__(self, plant: Plant, options: SparkOptions, delivery: Delivery) -> None:
        self._plant = plant
        self._options = options
        self._delivery = delivery
        self._plans = Plans(options.state)
        self._sight = Sight(plant, options)
        self._target: int | None = None

    def initialOffset(self) -> dict[str, Any]:
        """Nothing read of any tag."""
        return START.to_dict()

    def getDefaultReadLimit(self) -> ReadLimit:
        """Micro-batches are bounded, whatever the trigger."""
        return ReadMaxRows(self._options.max_records)

    @told()
    def prepareForTriggerAvailableNow(self) -> None:
        """From now on the present stands still, and no new tags appear."""
        self._target = self._sight.head()
        self._sight.freeze()

    @told()
    def latestOffset(self, start: Mapping[str, Any], limit: ReadLimit) -> dict[str, Any]:
        """Where the next micro-batch ends; equal to ``start`` when there is nothing to read."""
        position = Position.from_dict(start)
        head = self._sight.head() if self._target is None else self._target
        plan, at, seen = self._standing(position)
        rows = limit.max_rows if isinstance(limit, ReadMaxRows) else None
        ends = self._ends(plan, at, head, rows)
        if ends == at:
            return dict(start)
        version, inline = self._plans.keep(plan)
        self._sight.woken()
        return Position(version, ends, self._looks(plan, at, ends, seen), inline).to_dict()

    def reportLatestOffset(self) -> dict[str, Any] | None:
        """Not told: what is the latest depends on where the query stands."""
        return None

    @told()
    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> Sequence[InputPartition]:
        """The work between two offsets, without what an earlier attempt has left behind already."""
        first, last = Position.from_dict(start), Position.from_dict(end)
        if first == last:
            return []
        self._delivery.prepare()
        plan = self._plans.find(last)
        unchanged = first.plan == last.plan
        at = first.at if unchanged else tuple(wave.start for wave in plan.waves)
        seen = first.seen if unchanged else tuple(wave.seen for wave in plan.waves)
        found: list[Load] = []
        for index, wave in enumerate(plan.waves):
            if last.at[index] > at[index]:
                looks_back = last.seen[index] == at[index] != seen[index]
                begin = max(wave.floor, at[index] - self._look_back) if looks_back else at[index]
                found += self._loads(wave, Span(begin, last.at[index]), last)
        return portions(
            found,
            self._options.settings,
            tasks=self._options.partitions,
            ingested_at=SystemClock().now(),
            note=self._plans.folder_of(last) if self._options.state else None,
        )

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Runs in a task."""
        return read_portion(self._plant, self._plant.spec(self._options.table), partition, self._delivery)

    @property
    def _look_back(self) -> int:
        return self._options.settings.late_data.look_back // timedelta(microseconds=1)

    def _standing(self, position: Position) -> tuple[StreamPlan, tuple[int, ...], tuple[int, ...]]:
        """The plan from here on, with each wave's position and its last look back."""
        old = self._plans.find(position)
        waves = [
            replace(wave, start=at, seen=seen)
            for wave, at, seen in zip(old.waves, position.at, position.seen, strict=True)
        ]
        waves += self._left(position)
        new = arranged(self._selected(waves), self._look_back)
        if same_waves(old, new):
            return old, position.at, position.seen
        return new, tuple(wave.start for wave in new.waves), tuple(wave.seen for wave in new.waves)

    def _left(self, position: Position) -> Iterator[Wave]:
        """What the batch before could not read waits for the next look around."""
        for note in self._plans.notes(position) or ():
            log.warning("left behind: %s %s", note.webid, note.span)
            begin = note.span.start
            yield Wave((note.webid,), begin, begin, begin, note.span.end, rests=True)

    def _selected(self, waves: Sequence[Wave]) -> Iterator[Wave]:
        """Tags that are no longer selected rest, those that are again go on, new ones begin."""
        tags = self._sight.tags
        known: set[str] = set()
        for wave in waves:
            here = tuple(webid for webid in wave.tags if webid in tags)
            gone = tuple(webid for webid in wave.tags if webid not in tags)
            repair = wave.stop is not None
            yield replace(wave, tags=here, rests=repair and wave.rests and not self._sight.awake)
            yield replace(wave, tags=gone, rests=True)
            known.update(() if repair else wave.tags)
        since = self._sight.since
        yield Wave(tuple(webid for webid in tags if webid not in known), since, since, since)

    def _ends(self, plan: StreamPlan, at: tuple[int, ...], head: int, rows: int | None) -> tuple[int, ...]:
        """How far each wave goes: they share the rows that the batch may have."""
        bounds = [
            here if wave.rests else max(here, head if wave.stop is None else min(wave.stop, head))
            for wave, here in zip(plan.waves, at, strict=True)
        ]
        moving = sum(bound > here for bound, here in zip(bounds, at, strict=True))
        share = None if rows is None else rows / max(1, moving)
        return tuple(
            self._end(wave, here, bound, share)
            for wave, here, bound in zip(plan.waves, at, bounds, strict=True)
        )

    def _end(self, wave: Wave, here: int, bound: int, rows: float | None) -> int:
        far, window = bound - here, self._options.window
        if rows is not None:
            far = min(far, max(SECOND, int(rows / self._sight.pace(wave.tags))))
            far = bound - here if far + far // 4 >= bound - here else far  # no crumb for the next batch
        return here + (far if window is None else min(far, window))

    def _looks(
        self, plan: StreamPlan, at: Sequence[int], ends: Sequence[int], seen: Sequence[int]
    ) -> tuple[int, ...]:
        """A wave looks back when it has come on by a quarter of the look-back since the last time."""
        back = self._look_back
        if not back:
            return tuple(ends)
        return tuple(
            here if end > here and wave.stop is None and here - last >= back // 4 else last
            for wave, here, end, last in zip(plan.waves, at, ends, seen, strict=True)
        )

    def _loads(self, wave: Wave, span: Span, batch: Position) -> list[Load]:
        noted: dict[str, list[Span]] = {}
        for note in self._plans.notes(batch) or ():
            noted.setdefault(note.webid, []).append(note.span)
        tags = self._sight.known(wave.tags)
        if lost := [webid for webid in wave.tags if webid not in tags]:
            refuse(self._sight.unknown(lost))
        requests = [{webid: span for webid in wave.tags if webid not in noted}]
        again = noted.keys() & set(wave.tags)
        requests += [{webid: part} for webid in sorted(again) for part in subtract(span, noted[webid])]
        return [
            load
            for request in requests
            if request
            for load in loads(
                self._options.table, request, tags, self._sight.rates, tasks=self._options.partitions
            )
        ]
