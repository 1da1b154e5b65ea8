"""``StreamingBuffer`` is bounded and loses nothing silently; ``DeltaLakeWriter`` takes rows from anywhere."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pi_lakeflow import DeltaLakeWriter, StreamingBuffer
from pi_lakeflow.errors import SettingsError, SinkUnavailable
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.sinks.delta import DeltaLake

WHEN = datetime(2026, 3, 29, 12, 0, 0, 250_000, tzinfo=UTC)
RECORDS = [
    {"tag_webid": "A", "timestamp": WHEN, "value": 1.5, "value_text": None, "good": True},
    {"tag_webid": "B", "timestamp": WHEN, "value": None, "value_text": "Open", "good": False},
]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_flush_is_due_by_size_or_by_age() -> None:
    clock = Clock()
    buffer = StreamingBuffer(60, 3, clock=clock)
    assert not buffer.should_flush()
    buffer.add_record("A", {"value": 1})
    clock.now = 59.9
    assert not buffer.should_flush()
    clock.now = 60.0
    assert buffer.should_flush()
    buffer.add_record("A", {"value": 1})
    buffer.add_record("B", {"value": 2})
    assert buffer.get_and_clear() == [
        {"tag_webid": "A", "value": 1},
        {"tag_webid": "A", "value": 1},  # a legal duplicate is no duplicate
        {"tag_webid": "B", "value": 2},
    ]
    assert not buffer.should_flush()
    for _ in range(3):
        buffer.add_record("A", {})
    assert buffer.should_flush()


@pytest.mark.parametrize(("policy", "kept"), [("shed_oldest", [2, 3]), ("shed_newest", [0, 1])])
def test_a_full_buffer_sheds_by_policy_and_counts(policy: Any, kept: list[int]) -> None:
    buffer = StreamingBuffer(60, 1, capacity=2, when_full=policy)
    for number in range(4):
        buffer.add_record("A", {"value": number})
    assert buffer.shed == 2
    assert [record["value"] for record in buffer.get_and_clear()] == kept


def test_a_full_buffer_raises_unless_told_otherwise() -> None:
    buffer = StreamingBuffer(60, 1, capacity=1)
    buffer.add_record("A", {})
    with pytest.raises(SinkUnavailable, match="full"):
        buffer.add_record("A", {})


def test_a_full_buffer_blocks_until_somebody_flushes() -> None:
    buffer = StreamingBuffer(60, 1, capacity=1, when_full="block")
    buffer.add_record("A", {"value": 1})
    adding = threading.Thread(target=buffer.add_record, args=("A", {"value": 2}))
    adding.start()
    first = buffer.get_and_clear()
    adding.join(10)
    assert [r["value"] for r in first + buffer.get_and_clear()] == [1, 2]


class SparkFrame:
    """Looks like a Spark 3 DataFrame."""

    schema = "tag_webid string, ..."
    columns = ("tag_webid",)

    def toPandas(self) -> pd.DataFrame:  # noqa: N802 - Spark's name
        return pd.DataFrame(RECORDS)


@pytest.mark.parametrize(
    "rows",
    [RECORDS, pa.Table.from_pylist(RECORDS), pd.DataFrame(RECORDS), pl.DataFrame(RECORDS), SparkFrame()],
    ids=["dicts", "pyarrow", "pandas", "polars", "spark"],
)
def test_rows_from_anywhere(rows: Any, tmp_path: Path) -> None:
    """What follows from the rest is filled in."""
    writer = DeltaLakeWriter(catalog="main", schema="streaming", lake=str(tmp_path))
    writer.write_timeseries(rows)
    table = DeltaLake(str(tmp_path), "main", "streaming").table(PI_TIMESERIES_LIVE)
    found = {row["tag_webid"]: row for row in table.read().to_pylist()}
    assert found["A"]["timestamp"] == WHEN
    assert found["A"]["date"] == WHEN.date()
    assert (found["A"]["value"], found["A"]["value_kind"]) == (1.5, "number")
    assert (found["B"]["value"], found["B"]["value_text"], found["B"]["value_kind"]) == (None, "Open", "text")
    assert found["A"]["origin"] == "channel"
    assert found["A"]["event_index"] == 0
    assert found["A"]["received_at"] is not None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"tag_webid": "A"}], "timestamp"),
        ([{**RECORDS[0], "colour": "red"}], "colour"),
        ([{**RECORDS[0], "value": "abc"}], "do not fit"),
        ([{**RECORDS[0], "tag_webid": None}], "tag_webid"),
        (7, "int"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        DeltaLakeWriter(lake=str(tmp_path)).write_timeseries(rows)
