"""``spark.read`` of a table that is no time series: read whole, by one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from pi_lakeflow.engines.spark.budget import share_of
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Plant
from pi_lakeflow.engines.spark.schema import arrow_schema, conform
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.settings import Settings


class Whole(InputPartition):
    """The only partition. Its settings have the secrets in them, since a task cannot look them up."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

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
        return [Whole(share_of(self._options.settings, 1, 0))]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Runs in a task."""
        with told():
            if isinstance(partition, Whole):
                batches = self._plant.snapshot(partition.settings, self._plant.spec(self._options.table))
                yield from conform(batches, self._arrow)
