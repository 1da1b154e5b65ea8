"""``spark.read`` of a table that is no time series: read whole, by one task or by stretches of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from pi_lakeflow.engines.spark.budget import most_tasks, share_of
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Plant, Stretch
from pi_lakeflow.engines.spark.schema import arrow_schema, conform
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.settings import Settings

_FINER = 4  # stretches of each task, far from one another: the newest time may be the busiest


class Whole(InputPartition):
    """The only partition, or one of many with its ``stretches``. The settings have the secrets in them, since
    a task cannot look them up."""

    def __init__(self, settings: Settings, stretches: Sequence[Stretch] = ()) -> None:
        self.settings = settings
        self.stretches = tuple(stretches)

    def __repr__(self) -> str:
        return "Whole()"


class SnapshotReader(DataSourceReader):
    """A reading that is not complete is an error, never a smaller table."""

    def __init__(self, plant: Plant, options: SparkOptions, schema: StructType) -> None:
        self._plant = plant
        self._options = options
        self._arrow = arrow_schema(plant.spec(options.table), schema)

    @told()
    def partitions(self) -> Sequence[InputPartition]:
        options = self._options
        tasks = most_tasks(options.settings, options.partitions)
        found = self._plant.stretches(
            options.settings, self._plant.spec(options.table), _FINER * tasks if tasks > 1 else 1
        )
        if not found:
            return [Whole(share_of(options.settings, 1, 0))]
        return [
            Whole(share_of(options.settings, tasks, index), found[index::tasks])
            for index in range(min(tasks, len(found)))
        ]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Runs in a task."""
        with told():
            if isinstance(partition, Whole):
                spec = self._plant.spec(self._options.table)
                batches = self._plant.snapshot(partition.settings, spec, partition.stretches)
                yield from conform(batches, self._arrow)
