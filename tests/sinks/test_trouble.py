"""What a lake that cannot be written, or that somebody else fills, does to the Delta sink."""

from __future__ import annotations

import gc
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from tests.sinks.test_delta import events

from pi_lakeflow.errors import SettingsError, SinkUnavailable
from pi_lakeflow.flow.tables import PI_INGEST_RUNS, PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import DAY
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.store import translated


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As a full disk, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    """Named as the lake's, without a word of its own from a writer that is collected later."""
    table = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
    table.append([Step(Mark("lane", None, 1), [events("A", 10)])])
    held = sorted(tmp_path.rglob("*.parquet"))
    with files_no_larger_than(4000), pytest.raises(SinkUnavailable, match="cannot be read or written"):
        table.append([Step(Mark("lane", 1, 2), [events("A", 50_000, DAY * 2)])])
    gc.collect()
    assert sorted(tmp_path.rglob("*.parquet")) == held
    assert table.append([Step(Mark("lane", 1, 2), [events("A", 5, DAY * 2)])]).rows == 5


def test_what_cannot_be_removed_does_not_hide_why(tmp_path: Path) -> None:
    """Neither the writing nor the tidying up works here; the first is told."""
    table = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
    table.append([Step(Mark("lane", None, 1), [events("A", 10)])])
    (Path(table.path) / "date=1970-01-03").write_text("in the way")
    with pytest.raises(SinkUnavailable) as caught:
        table.append([Step(Mark("lane", 1, 2), [events("A", 10, DAY * 2)])])
    assert caught.value.subject == table.path
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize("spec", [PI_LANES, PI_TIMESERIES, PI_INGEST_RUNS], ids=lambda spec: spec.name)
def test_a_table_of_somebody_else_is_left_alone(spec: TableSpec, tmp_path: Path) -> None:
    lake = DeltaLake(str(tmp_path))
    path = lake.path_of(spec.name)
    write_deltalake(path, pa.table({"a": [1, 2], "b": ["x", "y"]}))
    table = lake.table(spec)
    for attempt in (
        lambda: table.add(spec.arrow_schema.empty_table()),
        lambda: table.append([Step(Mark("lane", None, 1), [])]),
        lambda: table.replace_all(spec.arrow_schema.empty_table()),
        lambda: table.maintain(lambda opened, _: opened.optimize.compact()),
        lambda: table.positions(["lane"]),
        table.read,
        table.handle,
    ):
        with pytest.raises(SettingsError, match="not ours") as caught:
            attempt()
        assert caught.value.subject == path
        assert "schema" in str(caught.value.hint)
    assert len(list((Path(path) / "_delta_log").glob("*.json"))) == 1


def test_a_table_with_other_partitions_is_not_ours(tmp_path: Path) -> None:
    """Files that we write would lie in the wrong folders."""
    lake = DeltaLake(str(tmp_path))
    write_deltalake(lake.path_of("pi_timeseries"), PI_TIMESERIES.arrow_schema.empty_table())
    with pytest.raises(SettingsError, match="partitioned by nothing, not by date"):
        lake.table(PI_TIMESERIES).read()


def test_columns_of_older_versions_and_of_people_are_welcome(tmp_path: Path) -> None:
    lake = DeltaLake(str(tmp_path))
    mine = PI_INGEST_RUNS.arrow_schema.empty_table()
    write_deltalake(lake.path_of("pi_ingest_runs"), mine.drop_columns(["tags"]).append_column("note", [[]]))
    assert lake.table(PI_INGEST_RUNS).read(["run_id", "tags"]).num_rows == 0


def test_causes_drawn_as_a_tree_become_one_line() -> None:
    drawn = "Generic error\n     \x1b[31m↳\x1b[0m Unable to copy\n      \x1b[31m↳\x1b[0m No space left\n"
    with pytest.raises(SinkUnavailable) as caught, translated("lake"):
        raise DeltaError(drawn)
    assert str(caught.value).endswith("written: Generic error: Unable to copy: No space left")
