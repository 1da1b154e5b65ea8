"""The data source that people use, and how it is registered.

from pi_lakeflow import register
register(spark)                        # only where Spark does not find the source by itself
spark.read.format("pi_lakeflow").option("config", "pi-lakeflow.yaml").load()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pi_lakeflow.app.plant import PiPlant
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Landing, Plant
from pi_lakeflow.engines.spark.source import HistorianSource, Session


def _landing(options: SparkOptions) -> Landing:
    from pi_lakeflow.app.landing import LakeLanding

    return LakeLanding(options)


class DefaultSource(HistorianSource):
    """``format("pi_lakeflow")``: PI to read, the lake to write."""

    plant: ClassVar[Plant] = PiPlant()
    landing: ClassVar[Callable[[SparkOptions], Landing]] = _landing


def register(spark: Session) -> None:
    """Make ``format("pi_lakeflow")`` known to a session, classic or Connect."""
    spark.dataSource.register(DefaultSource)
