"""Steps that are written as they come and committed together later: what counts, and what is left over."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.flow.committer import CommitSize, Committer, Entry
from pi_lakeflow.flow.memory import RowBudget
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_LANES
from pi_lakeflow.historians.pi.recorded.assemble import ROW_SCHEMA
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import LaneMoved
from pi_lakeflow.model.span import DAY, SECOND, Span
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks import parts as parts_module
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable
from pi_lakeflow.sinks.maintenance import optimize


def events(tag: str, first: int, count: int) -> pa.RecordBatch:
    """An event every ten hours, texts as dictionaries: as rows come from the reader."""
    times = [(first + i) * 36_000 * SECOND for i in range(count)]
    given = {
        "tag_webid": [tag] * count,
        "tag_name": [f"name of {tag}"] * count,
        "timestamp": times,
        "event_index": [0] * count,
        "value": [first + i + 0.5 for i in range(count)],
        "value_kind": ["number"] * count,
        "good": [True] * count,
        "ingested_at": [0] * count,
        "date": [time // DAY for time in times],
    }
    columns = []
    for field in ROW_SCHEMA:
        values = given.get(field.name, [None] * count)
        if pa.types.is_dictionary(field.type):
            columns.append(pa.array(values, pa.string()).dictionary_encode().cast(field.type))
        else:
            plain = {"date": pa.int32(), "timestamp": pa.int64(), "ingested_at": pa.int64()}
            columns.append(pa.array(values, plain.get(field.name, field.type)).cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=ROW_SCHEMA)


def step(lane: str, first: int, count: int) -> Step:
    """The lane of the tag with its name goes on from event ``first``."""
    return Step(Mark(f"pi-lakeflow/{lane}", first or None, first + count), [events(lane, first, count)])


def table_in(folder: Path) -> DeltaLakeTable:
    return DeltaLake(str(folder)).table(PI_TIMESERIES)


def held(table: DeltaLakeTable) -> list[tuple[str, float]]:
    rows = table.read(["tag_webid", "value"])
    return sorted(zip(rows["tag_webid"].to_pylist(), rows["value"].to_pylist(), strict=True))


def of(lane: str, count: int) -> list[tuple[str, float]]:
    return [(lane, i + 0.5) for i in range(count)]


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*.parquet"))


def test_nothing_is_seen_before_the_commit_and_all_after_it(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    writer, steps = table.writer(5), [step("A", 0, 7), step("B", 0, 9), step("A", 7, 4)]
    for each in steps:
        writer.write([each])
        assert writer.held <= 5
        assert held(table) == []
    assert writer.commit(steps).rows == 20
    assert held(table) == of("A", 11) + of("B", 9)
    assert table.positions(["pi-lakeflow/A"]) == {"pi-lakeflow/A": 11}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 12)), min_size=1, max_size=8),
    st.sets(st.sampled_from("ABC")),
    st.integers(1, 30),
)
def test_lanes_that_others_moved_leave_no_row(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int]], moved: set[str], most: int
) -> None:
    """Their rows are in the files already: these are written again without them."""
    folder = tmp_path_factory.mktemp("lake")
    table, at = table_in(folder), dict.fromkeys("ABC", 0)
    writer, steps = table.writer(most), []
    for lane, count in plan:
        steps.append(step(lane, at[lane], count))
        writer.write(steps[-1:])
        at[lane] += count
    for lane in moved:  # far past them: nothing of ours is due
        table_in(folder).append([Step(Mark(f"pi-lakeflow/{lane}", None, 10_000))])
    result = writer.commit(steps)
    assert held(table) == [row for lane in "ABC" if lane not in moved for row in of(lane, at[lane])]
    assert result.rows == sum(at[lane] for lane in at if lane not in moved)
    assert len(files_in(folder)) == len(table.handle().file_uris()) or result.rows == 0


def test_a_lane_in_between_stops_the_commit_and_the_others_go_on(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    writer, steps = table.writer(3), [step("A", 0, 6), step("B", 0, 6)]
    writer.write(steps)
    table_in(tmp_path).append([step("B", 0, 2)])
    with pytest.raises(LaneMoved) as moved:
        writer.commit(steps)
    assert moved.value.app_ids == ("pi-lakeflow/B",)
    assert writer.commit(steps[:1]).rows == 6
    assert held(table) == of("A", 6) + of("B", 2)


def test_what_was_not_committed_is_removed(tmp_path: Path) -> None:
    """After an error at once; after a kill by ``optimize``, when it is certain that nobody needs it."""
    table = table_in(tmp_path)
    table.append([step("A", 0, 5)])
    before = files_in(tmp_path)
    given_up = table.writer(1)
    given_up.write([step("B", 0, 5)])
    assert files_in(tmp_path) > before
    given_up.discard()
    assert files_in(tmp_path) == before
    killed = table.writer(1)
    killed.write([step("B", 0, 5)])
    old = time.time() - timedelta(days=8).total_seconds()
    for orphan in files_in(tmp_path) - before:
        os.utime(orphan, (old, old))
    assert optimize(table).removed > 0
    assert held(table) == of("A", 5)
    assert len(files_in(tmp_path)) < len(before) + 5


def test_a_correction_meanwhile_costs_a_second_try_only(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    table.append([step("A", 0, 3)])
    writer, steps = table.writer(100), [step("B", 0, 5)]
    writer.write(steps)
    table_in(tmp_path).merge(pa.Table.from_batches([events("A", 1, 1)]).cast(PI_TIMESERIES.arrow_schema))
    assert writer.commit(steps).rows == 5
    assert writer.commit(steps).skipped == ("pi-lakeflow/B",)
    assert held(table) == of("A", 3) + of("B", 5)


@pytest.mark.parametrize("most", [1, 40, 1_000])
def test_files_are_closed_when_they_are_large_or_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A history of years has thousands of dates, and a day of a large plant gigabytes."""
    monkeypatch.setattr(parts_module, "_OPEN", 3)
    monkeypatch.setattr(parts_module, "FILE_BYTES", 3_000)
    table = table_in(tmp_path)
    writer = table.writer(most)
    steps = [step("A", start, end - start) for start, end in pairwise(range(0, 101, 20))]
    for each in steps:
        writer.write([each])
    assert writer.commit(steps).rows == 100
    assert held(table) == of("A", 100)
    assert len(files_in(tmp_path)) >= 100 * 600 // 1440


def test_texts_that_came_as_dictionaries_are_texts_with_bounds(tmp_path: Path) -> None:
    """So that readers skip the files and row groups of other tags."""
    table = table_in(tmp_path)
    table.append([step("A", 0, 2), step("B", 0, 1)])
    (path,) = files_in(tmp_path)
    held = pq.ParquetFile(path)
    assert held.schema_arrow.field("tag_webid").type == pa.string()
    bounds = held.metadata.row_group(0).column(0).statistics
    assert (bounds.min, bounds.max) == ("A", "B")
    told = pa.table(table.handle().get_add_actions(flatten=True)).to_pylist()[0]
    assert (told["min.tag_webid"], told["max.tag_webid"], told["num_records"]) == ("A", "B", 3)
    assert (told["min.value"], told["max.value"], told["null_count.value_text"]) == (0.5, 1.5, 3)
    assert pl.scan_delta(table.path).filter(pl.col("tag_name") == "name of B").collect().height == 1


def test_rows_leave_memory_long_before_their_commit(tmp_path: Path) -> None:
    """Nothing but the files keeps them, and the budget has them back."""
    lake = DeltaLake(str(tmp_path))
    table, errors = lake.table(PI_TIMESERIES), lake.table(PI_INGEST_ERRORS)
    budget = RowBudget(1_000)
    registry = Registry(lake.table(PI_LANES), table)
    size = CommitSize(rows=10**9, seconds=60, held=5)
    committer = Committer(table, registry, errors, run_id="r", size=size, budget=budget)

    async def story() -> None:
        running = asyncio.create_task(committer.run())
        await budget.take(50)
        one = step("A", 0, 50)
        kept = weakref.ref(one.batches[0])
        committer.put(Entry(one, Span(0, 50), 50, 1))
        del one
        await budget.take(995)
        budget.give(995)
        for _ in range(500):  # a thread may be about to forget its last call
            await asyncio.sleep(0.01 if kept() is not None else 0)
        assert kept() is None
        assert held(table) == []
        committer.close()
        await running
        assert (committer.tally.rows, committer.tally.commits, budget.used) == (50, 1, 0)

    asyncio.run(asyncio.wait_for(story(), 30))
    assert held(table) == of("A", 50)
