"""``spark.read``: one span, fixed when the query is planned, in partitions of about equal weight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from secrets import token_hex

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, Filter, InputPartition

from pi_lakeflow import aio
from pi_lakeflow.engines.spark.delivery import Delivery
from pi_lakeflow.engines.spark.filters import Wanted
from pi_lakeflow.engines.spark.leftbehind import Notes, refuse
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Plant, Survey
from pi_lakeflow.engines.spark.task import read_portion
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.engines.spark.work import loads, portions
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import Span, from_micros, iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import parse_time


class BatchReader(DataSourceReader):
    """Plans on the driver, reads in tasks."""

    def __init__(self, plant: Plant, options: SparkOptions, delivery: Delivery) -> None:
        self._plant = plant
        self._options = options
        self._delivery = delivery
        self._wanted = Wanted()

    @told()
    def partitions(self) -> Sequence[InputPartition]:
        """The planner's units, shared out to as many tasks as the request budget allows."""
        self._delivery.prepare()
        return aio.run(self._plan())

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Runs in a task."""
        return read_portion(self._plant, self._plant.spec(self._options.table), partition, self._delivery)

    async def _plan(self) -> list[InputPartition]:
        settings = self._options.settings
        survey = await self._plant.survey(settings, self._wanted.names)
        note = self._note()
        self._report(survey, note)
        requests = self._requests(survey)
        if not requests:
            return []
        tags = [survey.tags[webid] for webid in requests]
        whole = Span(min(s.start for s in requests.values()), max(s.end for s in requests.values()))
        found = loads(
            self._options.table,
            requests,
            survey.tags,
            await self._plant.densities(settings, tags, whole),
            tasks=self._options.partitions,
        )
        now = SystemClock().now()
        return portions(found, settings, tasks=self._options.partitions, ingested_at=now, note=note)

    def _requests(self, survey: Survey) -> Mapping[str, Span]:
        settings, now = self._options.settings, from_micros(survey.now)
        since = parse_time(settings.since, now=now, zone=settings.time_zone)
        asked = parse_time(settings.until, now=now, zone=settings.time_zone)
        until = min(asked, survey.now - settings.settle // timedelta(microseconds=1))
        if until <= since:
            raise SettingsError(
                f"the span is empty: since {iso(since)} until {iso(until)} (now less `settle`)",
                subject="since",
                hint="move `since` back, or `until` forward",
            )
        found = {}
        for webid, tag in survey.tags.items():
            end = asked if tag.future and asked > survey.now else until
            span = self._wanted.within(Span(min(since, end), end))
            if span and self._wanted.has(tag):
                found[webid] = span
        return found

    def _note(self) -> str | None:
        return f"{self._options.state}/batch/{token_hex(6)}" if self._options.state else None

    def _report(self, survey: Survey, note: str | None) -> None:
        missing = [each for each in survey.missing if self._wanted.has(Tag("", each.tag.name))]
        if missing and note is None:
            refuse(missing)
        if missing and note is not None:
            Notes(note).add(missing, Span(survey.now, survey.now))


class PushdownReader(BatchReader):
    """The same, and takes over Spark's filters on tag and time. Spark wants it asked for: it refuses a
    reader that can, while its own setting is off."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:
        """Keep what we can do exactly; hand back the rest."""
        return [each for each in filters if not self._wanted.take(each)]
