"""The data source itself. ``app/spark.py`` derives the one that people use."""

from __future__ import annotations

from typing import ClassVar

from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader
from pyspark.sql.types import StructType

from pi_lakeflow.engines.spark.batch import BatchReader, PushdownReader
from pi_lakeflow.engines.spark.options import read_options
from pi_lakeflow.engines.spark.ports import Plant
from pi_lakeflow.engines.spark.schema import spark_schema
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.errors import SettingsError

NAME = "pi_lakeflow"
Session = SparkSession


class HistorianSource(DataSource):
    """A table of a historian. ``plant`` is set by the class that is registered."""

    plant: ClassVar[Plant]

    @classmethod
    def name(cls) -> str:
        return NAME

    @told()
    def schema(self) -> StructType:
        return spark_schema(self.plant.spec(read_options(self.options).table))

    @told()
    def reader(self, schema: StructType) -> DataSourceReader:
        options = read_options(self.options)
        return (PushdownReader if options.pushdown else BatchReader)(self.plant, options, schema)

    @told()
    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        try:
            from pi_lakeflow.engines.spark.stream import StreamReader
        except ImportError as error:
            raise SettingsError(
                "streams need Spark 4.2 or later, where micro-batches can be bounded",
                hint="pip install 'pyspark>=4.2', or read in batches with spark.read",
            ) from error
        return StreamReader(self.plant, read_options(self.options), schema)
