"""Event frames and alarms through Spark: the rows that ``pi-lakeflow alarms`` lands."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

pytest.importorskip("pyspark")

from pi_lakeflow import aio
from pi_lakeflow.app.alarms.command import update
from pi_lakeflow.app.alarms.snapshots import alarm_tables
from pi_lakeflow.app.lakeflow import PILakeflowConnect
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.app.spark import DefaultSource
from pi_lakeflow.app.tables import table_named
from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings import load
from pi_lakeflow.simulator import Fault, FixedClock, FramePlan, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

pytestmark = pytest.mark.timeout(300)

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
NAMES = [spec.name for spec in alarm_tables()]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    config = SimulatorConfig(
        seed=5,
        tags=80,
        density=0.3,
        start=datetime(2026, 3, 1, tzinfo=UTC),
        clock=FixedClock(to_micros(NOW)),
        frames=FramePlan(alarm_tags=4, standing=5, downtime_units=1, batch_reactors=1),
    )
    with run_in_thread(config) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def landed(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> DeltaLake:
    """The lake of the command."""
    given = {**options(sim), "lake": str(tmp_path_factory.mktemp("lake"))}
    settings = load(given, environ={})
    aio.run(update(settings))
    return open_lake(settings)


def options(sim: Simulator) -> dict[str, str]:
    return {"pi_web_api_url": sim.url, "since": "2026-03-20T00:00:00Z"}


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows in key order without the time of reading."""
    rows = table.drop_columns(["ingested_at"]).to_pylist()
    return sorted(rows, key=lambda row: repr(sorted(row.items())))


def read(sim: Simulator, name: str, partitions: int) -> list[pa.RecordBatch]:
    """The rows of all partitions, each read by a copy of the reader as in a task."""
    source = DefaultSource({**options(sim), "table": name, "partitions": str(partitions)})
    reader = source.reader(source.schema())
    found: list[pa.RecordBatch] = []
    for part in reader.partitions():
        found += pickle.loads(pickle.dumps(reader)).read(pickle.loads(pickle.dumps(part)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_what_the_command_lands(sim: Simulator, landed: DeltaLake, name: str) -> None:
    """However many tasks read it: a frame belongs to the stretch that it starts in."""
    spec = table_named(name)
    wanted = rows_of(landed.table(spec).read())
    assert wanted
    for partitions in (1, 3):
        found = pa.Table.from_batches(read(sim, name, partitions), spec.arrow_schema)
        assert rows_of(found) == wanted


@pytest.mark.parametrize("name", ["pi_event_frames", "pi_notification_rules"])
def test_the_connector_reads_them_as_snapshots(sim: Simulator, landed: DeltaLake, name: str) -> None:
    connector = PILakeflowConnect(options(sim))
    assert name in connector.list_tables()
    assert connector.read_table_metadata(name, {})["ingestion_type"] == "snapshot"
    rows, end = connector.read_table(name, None, {})
    key = connector.read_table_metadata(name, {})["primary_keys"][0]
    held = landed.table(table_named(name)).read([key])[key].to_pylist()
    assert end is None
    assert sorted(row[key] for row in rows) == sorted(held)


def test_a_part_does_not_pass_for_the_whole(sim: Simulator) -> None:
    """Values that cannot be read fail the table of values, and no other."""
    fault = sim.faults.add(Fault("status", route="/streamsets/*/value", status=403, batch=True))
    try:
        with pytest.raises(PiLakeflowError, match="403"):
            read(sim, "pi_event_frame_attributes", 1)
        assert read(sim, "pi_event_frames", 1)
    finally:
        sim.faults.remove(fault)


def test_they_are_read_in_a_session(spark: Any, sim: Simulator, landed: DeltaLake, tmp_path: Path) -> None:
    frames = spark.read.format("pi_lakeflow").options(**options(sim), table="pi_event_frames").load()
    spec = table_named("pi_event_frames")
    assert rows_of(frames.toArrow().cast(spec.arrow_schema)) == rows_of(landed.table(spec).read())
