"""Tables that are no time series, in Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def plant() -> Iterator[Simulator]:
    config = SimulatorConfig(tags=12, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as sim:
        yield sim


def test_a_table_of_the_asset_model_is_read_whole(spark: Any, plant: Simulator) -> None:
    """Each tag of the server once, and joined to the asset that it belongs to."""
    reader = spark.read.format("pi_lakeflow").option("pi_web_api_url", plant.url)
    points = reader.option("table", "pi_points").load()
    tags = reader.option("table", "pi_asset_tags").load()
    assert points.count() == points.select("tag_webid").distinct().count() > 0
    assert points.join(tags, "tag_webid").count() > 0


def test_a_table_without_time_is_no_stream(spark: Any, plant: Simulator) -> None:
    options = {"pi_web_api_url": plant.url, "table": "pi_points"}
    stream = spark.readStream.format("pi_lakeflow").options(**options).load()
    with pytest.raises(Exception, match="no stream of events"):
        stream.writeStream.format("noop").start().processAllAvailable()
