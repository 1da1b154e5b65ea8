"""The rendered pipelines run on Apache Spark's own declarative pipelines: bronze, silver, gold."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pi_lakeflow.app.deploy import Deployment, deploy
from pi_lakeflow.model.span import SECOND, iso, to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SINCE = NOW - 2 * 3600 * SECOND
SETTLED = NOW - 300 * SECOND


@pytest.fixture(scope="module")
def plant() -> Iterator[Simulator]:
    config = SimulatorConfig(tags=12, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as sim:
        yield sim


@pytest.mark.timeout(300)
def test_bronze_silver_and_gold(spark: Any, plant: Simulator, tmp_path: Path) -> None:
    """Silver has each event of the archive once, and gold counts them all."""
    webids = [plant.world.webid(tag) for tag in plant.world.tags()]
    settings = load({"pi_web_api_url": plant.url, "data_server": "PISRV01", "since": iso(SINCE)}, environ={})
    folder = tmp_path / "bundle"
    deploy(
        settings,
        Deployment(folder=folder, loads={f"webid:{webid}": 1.0 for webid in webids}),
    )
    spark.sql("CREATE DATABASE IF NOT EXISTS plant_bronze")
    spark.sql("CREATE DATABASE IF NOT EXISTS plant_silver")
    try:
        words = {
            "pi_lakeflow.table": "pi_timeseries",
            "pi_lakeflow.tags": str(folder / "config/tags-01.txt"),
            "pi_lakeflow.snapshots": "no",
            "pi_lakeflow.state": str(tmp_path / "state"),
        }
        run_pipeline(spark, folder, "bronze", "plant_bronze", words)
        # Parquet tables take no merges, so corrections are computed by a window here.
        words = {"pi_lakeflow.bronze": "spark_catalog.plant_bronze", "pi_lakeflow.corrections": "window"}
        run_pipeline(spark, folder, "silver", "plant_silver", words)
        true = sum(plant.world.truth(webid, SINCE, SETTLED).num_rows for webid in webids)
        silver = spark.table("plant_silver.pi_timeseries")
        assert silver.count() == true > 0
        assert silver.select("tag_webid", "timestamp", "event_index").distinct().count() == true
        assert spark.table("plant_silver.pi_latest").count() == len(webids)
        events = spark.table("plant_silver.pi_hourly").groupBy().sum("events").collect()[0][0]
        assert events == silver.where("good AND value IS NOT NULL").count()
    finally:
        spark.sql("DROP DATABASE plant_bronze CASCADE")
        spark.sql("DROP DATABASE plant_silver CASCADE")


def run_pipeline(spark: Any, bundle: Path, layer: str, database: str, words: dict[str, str]) -> None:
    """What the command ``spark-pipelines run`` does, in a session that is there already."""
    from pyspark.pipelines.cli import load_pipeline_spec, register_definitions
    from pyspark.pipelines.spark_connect_graph_element_registry import SparkConnectGraphElementRegistry
    from pyspark.pipelines.spark_connect_pipeline import (
        create_dataflow_graph,
        handle_pipeline_events,
        start_run,
    )

    written = bundle / f"{layer}.yml"
    written.write_text(
        json.dumps(
            {
                "name": layer,
                "storage": f"file://{bundle}/storage-{layer}",
                "database": database,
                "configuration": words,
                "libraries": [{"glob": {"include": f"src/{layer}/**"}}],
            }
        )
    )
    spec = load_pipeline_spec(written)
    for key, value in spec.configuration.items():
        spark.conf.set(key, value)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # pyspark's own
        graph = create_dataflow_graph(
            spark, default_catalog=None, default_database=database, sql_conf=spec.configuration
        )
        registry = SparkConnectGraphElementRegistry(spark, graph)
        register_definitions(written, registry, spec, spark, graph)
        handle_pipeline_events(
            start_run(
                spark,
                graph,
                full_refresh=[],
                full_refresh_all=False,
                refresh=[],
                dry=False,
                storage=spec.storage,
            )
        )
