"""The data source in a Spark Connect session: schema, rows, filters, streams, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from rows import digest, sorted_rows, true_rows

from pi_lakeflow import register
from pi_lakeflow.app.connector import PILakeflowConnector
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

pytestmark = pytest.mark.timeout(400)

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
DAY = Span.of(NOW - timedelta(days=1), NOW)
FAULTS = (
    Fault("status", status=429, probability=0.03, retry_after=0.05),
    Fault("status", status=503, probability=0.03),
    Fault("reset", probability=0.03),
    Fault("cut_body", probability=0.02),
    Fault("half_json", probability=0.02),
    Fault("web_exception", route="*recorded*", probability=0.02),
)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """A plant with all oddities behind a network with all faults."""
    config = SimulatorConfig(
        seed=3,
        tags=30,
        density=1.0,
        twins=0,
        oddities=replace(Oddities(), fast_tags=0.05, burst_size=2500),
        clock=FixedClock(to_micros(NOW)),
        start=datetime(2026, 3, 20, tzinfo=UTC),
        faults=FAULTS,
    )
    with run_in_thread(config) as simulator:
        yield simulator


def options(sim: Simulator, **more: str) -> dict[str, str]:
    given = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "settle": "0"}
    given |= {"since": iso(DAY.start), "until": iso(DAY.end), "performance.retry_backoff": "50ms"}
    return given | more


def webids(sim: Simulator) -> list[str]:
    return [sim.world.webid(tag) for tag in sim.world.tags()]


def stream(spark: Any, folder: Path, given: dict[str, str]) -> Any:
    """All that is there now into Parquet files; the query, ended."""
    query = (
        spark.readStream.format("pi_lakeflow")
        .options(**given)
        .load()
        .writeStream.format("parquet")
        .option("path", str(folder / "rows"))
        .option("checkpointLocation", str(folder / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(300)
    assert query.exception() is None
    return query


def test_embedded_batch_and_stream_bring_the_same_rows(spark: Any, sim: Simulator, tmp_path: Path) -> None:
    """One hash for the lake of the embedded engine, ``spark.read``, ``spark.readStream``, files that the
    reading tasks wrote, and the truth."""
    config = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "settle": 0}
    config |= {"since": iso(DAY.start), "until": iso(DAY.end), "lake": str(tmp_path / "lake")}
    report = PILakeflowConnector({**config, "performance": {"retry_backoff": "50ms"}}).run()
    assert report.status == "done"
    embedded = DeltaLake(str(tmp_path / "lake")).table(PI_TIMESERIES).read()

    batch = spark.read.format("pi_lakeflow").options(**options(sim)).load().toArrow()
    stream(spark, tmp_path, options(sim, maxRecordsPerBatch="20000"))
    streamed = spark.read.parquet(str(tmp_path / "rows")).toArrow()

    given = options(sim, deliver="files", lake=str(tmp_path / "delivered"))
    frame = spark.read.format("pi_lakeflow").options(**given).load()
    frame.write.format("pi_lakeflow").mode("append").option("lake", given["lake"]).save()
    delivered = DeltaLake(given["lake"]).table(PI_TIMESERIES).read()

    true = digest(true_rows(sim.world, webids(sim), DAY))
    found = {"embedded": embedded, "batch": batch, "stream": streamed, "files": delivered}
    assert {way: digest(rows) for way, rows in found.items()} == dict.fromkeys(found, true)
    assert len(list((tmp_path / "checkpoint" / "commits").glob("[0-9]*"))) > 1, "one batch proves little"


@pytest.mark.parametrize("deliver", ["rows", "files"])
def test_a_stream_into_delta_is_exact_after_a_kill(
    spark: Any, sim: Simulator, tmp_path: Path, spark_environment: dict[str, str], deliver: str
) -> None:
    """SIGKILL of driver and JVM between batches, a lost commit mark, then another Spark goes on."""
    read = options(sim, maxRecordsPerBatch="9000", partitions="2", deliver=deliver)
    read |= {"lake": str(tmp_path / "lake")}
    write = {"lake": str(tmp_path / "lake"), "checkpointLocation": str(tmp_path / "checkpoint")}
    commits, log = tmp_path / "checkpoint" / "commits", tmp_path / "driver.log"
    with log.open("wb") as out:
        driver = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps([read, write])],
            env=spark_environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        while len(list(commits.glob("[0-9]*"))) < 2:
            assert driver.poll() is None, log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    last = max(commits.glob("[0-9]*"), key=lambda path: int(path.name))
    last.unlink()  # as if the kill had come between the lake's commit and Spark's own
    (commits / f".{last.name}.crc").unlink(missing_ok=True)

    frame = spark.readStream.format("pi_lakeflow").options(**read).load()
    query = frame.writeStream.format("pi_lakeflow").options(**write).trigger(availableNow=True).start()
    assert query.awaitTermination(300)
    assert query.exception() is None
    held = DeltaLake(str(tmp_path / "lake")).table(PI_TIMESERIES).read()
    assert digest(held) == digest(true_rows(sim.world, webids(sim), DAY))


def test_the_writer_takes_spark_frames(spark: Any, tmp_path: Path) -> None:
    """Tasks write to a lake that they see; rows for a folder of the client's come through the client."""
    from pi_lakeflow import DeltaLakeWriter

    frame = spark.createDataFrame(
        [("W1", NOW, 1.5), ("W2", NOW, 2.5)], "tag_webid string, timestamp timestamp, value double"
    )
    (tmp_path / "url").mkdir()
    for lake in (str(tmp_path / "folder"), f"file://{tmp_path}/url"):
        writer = DeltaLakeWriter(catalog="main", schema="streaming", lake=lake)
        assert writer.write_timeseries(frame) < writer.write_timeseries(frame)
        rows = DeltaLake(lake, "main", "streaming").table(PI_TIMESERIES_LIVE).read()
        found = sorted(zip(rows["tag_webid"].to_pylist(), rows["value"].to_pylist(), strict=True))
        assert found == [("W1", 1.5), ("W1", 1.5), ("W2", 2.5), ("W2", 2.5)]
        assert set(rows["value_kind"].to_pylist()) == {"number"}


PROGRAM = """
import json, sys
from pyspark.sql import SparkSession
read, write = json.loads(sys.argv[1])
quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
spark = builder.config("spark.driver.extraJavaOptions", quick).getOrCreate()
frame = spark.readStream.format("pi_lakeflow").options(**read).load()
frame.writeStream.format("pi_lakeflow").options(**write).trigger(availableNow=True).start().awaitTermination()
"""


def test_filters_on_tag_and_time_are_pushed_down(spark: Any, sim: Simulator) -> None:
    """The rows are those that Spark would have chosen, and the plan has no filter left."""
    from pyspark.sql import functions as f

    tag = next(iter(sim.world.tags()))
    frame = spark.read.format("pi_lakeflow").options(**options(sim, pushdown="true")).load()
    chosen = frame.where(
        (f.col("tag_name") == tag.name)
        & (f.col("timestamp") > (NOW - timedelta(hours=7)))
        & (f.col("timestamp") <= (NOW - timedelta(hours=2)))
        & f.col("value").isNotNull()
    )
    span = Span(to_micros(NOW - timedelta(hours=7)) + 1, to_micros(NOW - timedelta(hours=2)) + 1)
    true = true_rows(sim.world, [sim.world.webid(tag)], span)
    assert sorted_rows(chosen.toArrow()).equals(true.filter(true["value"].is_valid()).combine_chunks())
    plan = chosen._explain_string() if hasattr(chosen, "_explain_string") else ""
    assert "tag_name = " not in plan


def test_some_columns_can_be_asked_for(spark: Any, sim: Simulator) -> None:
    """A schema of the query's own makes narrower batches: Spark does not prune columns itself."""
    given = options(sim, tags=f"webid:{webids(sim)[0]}")
    wanted = "timestamp timestamp, value double"
    rows = spark.read.format("pi_lakeflow").schema(wanted).options(**given).load().toArrow()
    assert rows.column_names == ["timestamp", "value"]
    assert rows.num_rows == true_rows(sim.world, webids(sim)[:1], DAY).num_rows


def test_errors_tell_what_and_how_to_go_on(spark: Any, sim: Simulator) -> None:
    """Messages and hints cross from workers to the client."""
    with pytest.raises(Exception, match=r"did you mean pi_web_api_url"):
        spark.read.format("pi_lakeflow").options(pi_web_api_ulr=sim.url).load().count()
    with pytest.raises(Exception, match=r"NO\.SUCH\.TAG(?s:.*)hint: .*spelling"):
        spark.read.format("pi_lakeflow").options(**options(sim, tags="NO.SUCH.TAG")).load().count()


def test_a_failing_tag_fails_the_task_with_its_name(spark: Any, sim: Simulator) -> None:
    """An error that is raised in an executor arrives as itself."""
    tag = next(iter(sim.world.tags()))
    number = sim.faults.add(Fault("tag_status", status=403, tags=(tag.name,)))
    try:
        with pytest.raises(Exception, match=r"state=FOLDER") as caught:
            spark.read.format("pi_lakeflow").options(**options(sim)).load().count()
    finally:
        sim.faults.remove(number)
    assert tag.name in str(caught.value)


def test_it_can_be_registered_by_hand(spark: Any) -> None:
    """Where Spark does not look for sources itself."""
    register(spark)
    columns = spark.read.format("pi_lakeflow").options(pi_web_api_url="https://pi/piwebapi").load().columns
    assert columns == PI_TIMESERIES.arrow_schema.names
