"""The Delta sink against real tables on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.recorded.assemble import Streams, assemble
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import LaneMoved
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable

KINDS = ("number", "text")


def events(tag: str, count: int, start: int = DAY) -> pa.RecordBatch:
    """Plain numbers, one a second."""
    raw = pa.RecordBatch.from_arrays(
        [
            pa.array(np.arange(count, dtype=np.int64) * 10_000_000 + start * 10),
            pa.array(np.arange(count) / 7),
            pa.nulls(count, pa.string()),
            pa.nulls(count, pa.int32()),
            pa.array(np.zeros(count, np.int8)),
            *(pa.array(np.ones(count, bool)) for _ in range(4)),
        ],
        names=[
            "ticks",
            "value",
            "value_text",
            "state_code",
            "value_kind",
            "good",
            "questionable",
            "substituted",
            "annotated",
        ],
    )
    streams = Streams(np.zeros(count, np.int32), [Tag(tag, tag.lower(), units="bar")], [None])
    return assemble(raw, streams, Span(0, 100 * DAY), kinds=KINDS, ingested_at=5)


@pytest.fixture
def table(tmp_path: Path) -> DeltaLakeTable:
    return DeltaLake(str(tmp_path)).table(PI_TIMESERIES)


def test_rows_and_progress_arrive_together(table: DeltaLakeTable) -> None:
    """What was written reads back bit-equal in the table's own types, and the version with it."""
    batch = events("A", 1000)
    result = table.append([Step(Mark("x", None, 5), [batch]), Step(Mark("y", None, 7), [])])
    assert result.rows == 1000
    assert table.positions(["x", "y", "z"]) == {"x": 5, "y": 7, "z": None}
    back = table.read().sort_by("timestamp")
    assert back.schema.names == PI_TIMESERIES.arrow_schema.names
    assert back["value"].to_pylist() == batch.column("value").to_pylist()
    assert set(back["units"].to_pylist()) == {"bar"}
    assert {str(d) for d in back["date"].to_pylist()} == {"1970-01-02"}


def test_a_step_that_is_there_is_not_written_again(table: DeltaLakeTable) -> None:
    """Replaying a commit whose answer was lost changes nothing."""
    step = Step(Mark("x", None, 5), [events("A", 10)], (Mark("x!t", None, 3),))
    table.append([step])
    result = table.append([step])
    assert (result.rows, result.skipped) == (0, ("x",))
    assert table.read().num_rows == 10


def test_several_steps_of_one_lane_in_one_commit(table: DeltaLakeTable) -> None:
    """Delta wants one transaction per id: the last one counts."""
    table.append(
        [Step(Mark("x", None, 5), [events("A", 3)]), Step(Mark("x", 5, 9), [events("A", 3, 2 * DAY)])]
    )
    assert table.positions(["x"]) == {"x": 9}
    assert table.read().num_rows == 6


def test_a_lane_that_is_elsewhere_stops_the_commit(table: DeltaLakeTable) -> None:
    """Nothing of a group is written when one lane was moved by somebody else."""
    table.append([Step(Mark("x", None, 5), [])])
    with pytest.raises(LaneMoved) as moved:
        table.append([Step(Mark("x", 3, 9), [events("A", 3)]), Step(Mark("y", None, 1), [events("B", 3)])])
    assert moved.value.app_ids == ("x",)
    assert table.read().num_rows == 0


def test_racing_writers_commit_each_step_once(tmp_path: Path) -> None:
    """Four writers with handles of their own race for the same thirty steps."""

    def writer() -> None:
        mine = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
        for place in range(30):
            step = Step(Mark("lane", place or None, place + 1), [events("A", 5, DAY + place * 3_600_000_000)])
            mine.append([step])

    DeltaLake(str(tmp_path)).table(PI_TIMESERIES).append([])
    threads = [threading.Thread(target=writer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DeltaLake(str(tmp_path)).table(PI_TIMESERIES).read().num_rows == 150


def test_plain_tables_append_and_replace(tmp_path: Path) -> None:
    """Logs grow, snapshots are replaced."""
    table = DeltaLake(str(tmp_path)).table(PI_LANES)
    row = {
        "lane": "l",
        "kind": "join",
        "tag_webid": "t",
        "at": 1,
        "until": None,
        "data_table": "d",
        "run_id": "r",
    }
    rows = pa.Table.from_pylist([row], schema=PI_LANES.arrow_schema)
    table.add(rows)
    table.add(rows)
    assert table.read(["lane"]).num_rows == 2
    table.replace_all(rows)
    assert table.read().num_rows == 1


@pytest.mark.skipif(
    os.geteuid() != 0, reason="needs a file that even its owner cannot replace, or a plain user"
)
def test_a_path_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    """An unusable lake names itself and the setting."""
    (tmp_path / "main").write_text("not a directory")
    with pytest.raises(SinkUnavailable) as error:
        DeltaLake(str(tmp_path)).table(PI_TIMESERIES).append([Step(Mark("x", None, 1), [])])
    assert str(tmp_path) in str(error.value)
    assert "lake" in (error.value.hint or "")
