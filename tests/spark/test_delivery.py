"""Files instead of rows: what the reading tasks write, and who commits it. Without a JVM."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from pyspark.sql.types import StructType
from rows import sorted_rows, true_rows

from pi_lakeflow.app.spark import DefaultSource
from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SPAN = Span(NOW - 24 * 3_600_000_000, NOW)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with run_in_thread(SimulatorConfig(seed=5, tags=12, twins=0, clock=FixedClock(NOW))) as simulator:
        yield simulator


def source(sim: Simulator, lake: Path, **more: str) -> DefaultSource:
    given = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "settle": "0"}
    given |= {"since": iso(SPAN.start), "until": iso(SPAN.end), "partitions": "2", "lake": str(lake)}
    return DefaultSource({**given, "deliver": "files", **more})


def read(given: DefaultSource) -> list[list[Any]]:
    """The batches of each partition, each read by a copy of the reader as in a task."""
    reader = given.reader(given.schema())
    parts = reader.partitions()
    return [list(pickle.loads(pickle.dumps(reader)).read(pickle.loads(pickle.dumps(p)))) for p in parts]


def held(lake: Path) -> Any:
    return DeltaLake(str(lake)).table(PI_TIMESERIES).read()


def written(lake: Path) -> list[Path]:
    return list(lake.rglob("*.parquet"))


def test_rows_are_in_the_lake_when_their_files_are_committed(sim: Simulator, tmp_path: Path) -> None:
    """Not before; and a task that ran twice counts once, since one of its answers is committed."""
    given = source(sim, tmp_path)
    first, second = read(given), read(given)
    assert held(tmp_path).num_rows == 0
    writer = given.writer(given.schema(), overwrite=False)
    writer.commit([writer.write(iter(task)) for task in [first[0], *second[1:]]])
    webids = [sim.world.webid(tag) for tag in sim.world.tags()]
    assert sorted_rows(held(tmp_path)).equals(true_rows(sim.world, webids, SPAN))


def test_a_file_that_is_named_twice_counts_once(sim: Simulator, tmp_path: Path) -> None:
    """A frame of files may have been joined with something on its way."""
    given = source(sim, tmp_path)
    tasks = read(given)
    writer = given.writer(given.schema(), overwrite=False)
    writer.commit([writer.write(iter(task)) for task in [*tasks, *tasks]])
    assert held(tmp_path).num_rows == sum(row["rows"] for [batch] in tasks for row in batch.to_pylist())


def test_a_task_that_fails_leaves_no_files(sim: Simulator, tmp_path: Path) -> None:
    """The tag that is refused is read with others, whose rows have been written by then."""
    fault = sim.faults.add(Fault("tag_status", status=403, tags=(list(sim.world.tags())[2].name,)))
    try:
        with pytest.raises(Refused):
            read(source(sim, tmp_path, partitions="1"))
    finally:
        sim.faults.remove(fault)
    assert written(tmp_path) == []


def test_an_aborted_write_removes_the_files(sim: Simulator, tmp_path: Path) -> None:
    given = source(sim, tmp_path)
    writer = given.writer(given.schema(), overwrite=False)
    told = [writer.write(iter(task)) for task in read(given)]
    assert written(tmp_path)
    writer.abort(told)
    assert written(tmp_path) == []


def test_files_of_another_lake_are_not_committed(sim: Simulator, tmp_path: Path) -> None:
    given = source(sim, tmp_path / "one")
    writer = source(sim, tmp_path / "other").writer(given.schema(), overwrite=False)
    with pytest.raises(SettingsError, match="other"):
        writer.write(iter(read(given)[0]))


def test_what_cannot_be_delivered_as_files_is_refused(sim: Simulator, tmp_path: Path) -> None:
    """Chosen columns, and tables that are no time series."""
    with pytest.raises(SettingsError, match="columns"):
        source(sim, tmp_path).reader(StructType().add("tag_name", "string"))
    points = source(sim, tmp_path, table="pi_points")
    with pytest.raises(SettingsError, match="delivered as rows"):
        points.reader(points.schema())
    with pytest.raises(SettingsError, match="neither"):
        source(sim, tmp_path, deliver="boxes").schema()
