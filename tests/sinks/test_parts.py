"""Files written apart and committed together: what other readers see, and how often."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import DAY, to_micros
from pi_lakeflow.model.work import Mark
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable
from pi_lakeflow.sinks.parts import Part, PartWriter

START = to_micros(datetime(2026, 3, 28, 23, tzinfo=UTC))


def rows(count: int, *, value: float | None = 1.5, text: str | None = None) -> pa.RecordBatch:
    """One tag, an event a minute, over midnight."""
    times = [START + 60_000_000 * i + 1 for i in range(count)]
    columns = {
        "tag_webid": ["W"] * count,
        "tag_name": ["T"] * count,
        "timestamp": times,
        "event_index": [0] * count,
        "value": [value] * count,
        "value_text": [text] * count,
        "value_kind": ["number"] * count,
        "ingested_at": times,
        "date": [time // DAY for time in times],
    }
    arrays = []
    for field in PI_TIMESERIES.arrow_schema:
        plain = columns.get(field.name, [None] * count)
        whole = pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)
        kind = pa.int32() if pa.types.is_date(field.type) else pa.int64() if whole else field.type
        arrays.append(pa.array(plain, kind).cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=PI_TIMESERIES.arrow_schema)


def table_in(folder: Path) -> DeltaLakeTable:
    return DeltaLake(str(folder)).table(PI_TIMESERIES)


def written(table: DeltaLakeTable, *batches: pa.RecordBatch) -> list[Part]:
    writer = PartWriter(table.files(), PI_TIMESERIES)
    for batch in batches:
        writer.add(batch)
    return [Part(**json.loads(json.dumps(part.to_dict()))) for part in writer.close()]


def parquet_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    """One file per date; delta-rs and Polars read all rows, and filters find theirs."""
    table = table_in(tmp_path)
    parts = written(table, rows(100), rows(50, value=None, text="x" * 500))
    assert {part.partition["date"] for part in parts} == {"2026-03-28", "2026-03-29"}
    assert sum(part.rows for part in parts) == 150
    assert table.commit_parts(parts)
    held = table.read().sort_by([("timestamp", "ascending"), ("value_text", "ascending")])
    given = pa.Table.from_batches([rows(100), rows(50, value=None, text="x" * 500)])
    assert held.equals(given.sort_by([("timestamp", "ascending"), ("value_text", "ascending")]))
    last = pl.scan_delta(table.path).filter(pl.col("timestamp") >= pl.lit(held["timestamp"][-1].as_py()))
    assert last.collect().height == 1


def test_bounds_never_exclude_a_row(tmp_path: Path) -> None:
    """Delta keeps times in milliseconds: the upper bound is rounded up."""
    stats = json.loads(written(table_in(tmp_path), rows(1))[0].stats)
    assert stats["minValues"]["timestamp"] == "2026-03-28T23:00:00.000Z"
    assert stats["maxValues"]["timestamp"] == "2026-03-28T23:00:00.001Z"
    assert "value_text" not in stats["minValues"]
    assert stats["nullCount"]["value_text"] == 1


def test_not_a_number_makes_no_bounds(tmp_path: Path) -> None:
    """NaN compares with nothing."""
    batch = rows(3)
    column = pa.array([1.0, float("nan"), 2.0])
    batch = batch.set_column(batch.schema.get_field_index("value"), batch.schema.field("value"), column)
    for part in written(table_in(tmp_path), batch, rows(1)):
        stats = json.loads(part.stats)
        low, high = stats["minValues"].get("value"), stats["maxValues"].get("value")
        assert low is None or low <= pc.min(column.drop_null()).as_py() <= high


def test_the_same_batch_counts_once(tmp_path: Path) -> None:
    """A batch that runs again is recognised by its mark, and its files are removed."""
    table, mark = table_in(tmp_path), Mark("pi-lakeflow/spark/q", None, 4)
    assert table.commit_parts(written(table, rows(10)), mark)
    files = parquet_files(tmp_path)
    assert not table.commit_parts(written(table, rows(10)), mark)
    assert table.read().num_rows == 10
    assert parquet_files(tmp_path) == files


def test_another_query_is_not_mistaken_for_the_same(tmp_path: Path) -> None:
    """A checkpoint that was reset counts its batches from 0 again, under another id."""
    table = table_in(tmp_path)
    assert table.commit_parts(written(table, rows(10)), Mark("pi-lakeflow/spark/one", None, 4))
    assert table.commit_parts(written(table, rows(10)), Mark("pi-lakeflow/spark/two", None, 0))
    assert table.read().num_rows == 20


def test_a_failed_task_leaves_no_files(tmp_path: Path) -> None:
    """What was written before the failure is removed."""
    writer = PartWriter(table_in(tmp_path).files(), PI_TIMESERIES)
    for _ in range(3):
        writer.add(rows(2000))
    writer.close()
    assert parquet_files(tmp_path)
    writer.discard()
    assert parquet_files(tmp_path) == []
