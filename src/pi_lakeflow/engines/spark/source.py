"""The data source itself. ``app/spark.py`` derives the one that people use."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pyspark.sql import SparkSession
from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    DataSourceStreamWriter,
    DataSourceWriter,
)
from pyspark.sql.types import StructType

from pi_lakeflow.engines.spark.batch import BatchReader, PushdownReader
from pi_lakeflow.engines.spark.delivery import FILES, Delivery, Files, Rows, are_files
from pi_lakeflow.engines.spark.options import SparkOptions, read_options, write_options
from pi_lakeflow.engines.spark.ports import Landing, Plant
from pi_lakeflow.engines.spark.schema import arrow_schema, spark_schema
from pi_lakeflow.engines.spark.sink import BatchWriter, StreamWriter
from pi_lakeflow.engines.spark.snapshot import SnapshotReader
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.tables import Grain

NAME = "pi_lakeflow"
Session = SparkSession


class HistorianSource(DataSource):
    """A table of a historian to read, or of the lake to write.

    ``plant`` and ``landing`` are set by the class that is registered.
    """

    plant: ClassVar[Plant]
    landing: ClassVar[Callable[[SparkOptions], Landing]]

    @classmethod
    def name(cls) -> str:
        return NAME

    @told()
    def schema(self) -> StructType:
        options = read_options(self.options)
        return FILES if options.deliver_files else spark_schema(self.plant.spec(options.table))

    @told()
    def reader(self, schema: StructType) -> DataSourceReader:
        options = read_options(self.options)
        if not self._has_time(options) and not options.deliver_files:
            return SnapshotReader(self.plant, options, schema)
        reader = PushdownReader if options.pushdown else BatchReader
        return reader(self.plant, options, self._delivery(options, schema))

    @told()
    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        try:
            from pi_lakeflow.engines.spark.stream import StreamReader
        except ImportError as error:
            raise SettingsError(
                "streams need Spark 4.2 or later, where micro-batches can be bounded",
                hint="pip install 'pyspark>=4.2', or read in batches with spark.read",
            ) from error
        options = read_options(self.options)
        if not self._has_time(options):
            raise SettingsError(
                f"{options.table} is no stream of events", subject="option 'table'", hint="spark.read"
            )
        return StreamReader(self.plant, options, self._delivery(options, schema))

    def _has_time(self, options: SparkOptions) -> bool:
        return self.plant.spec(options.table).grain is Grain.EVENT

    def _delivery(self, options: SparkOptions, schema: StructType) -> Delivery:
        if not options.deliver_files:
            return Rows(arrow_schema(self.plant.spec(options.table), schema))
        if not self._has_time(options):
            raise SettingsError(f"{options.table} is delivered as rows", subject="option 'deliver'")
        return Files(type(self).landing(options), schema)

    @told()
    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        return BatchWriter(self._prepared(overwrite), files=are_files(schema))

    @told()
    def streamWriter(self, schema: StructType, overwrite: bool) -> DataSourceStreamWriter:
        return StreamWriter(self._prepared(overwrite), files=are_files(schema))

    def _prepared(self, overwrite: bool) -> Landing:
        if overwrite:
            raise SettingsError("rows are only appended", subject="mode", hint="mode('append')")
        landing = type(self).landing(write_options(self.options))
        landing.prepare()
        return landing
