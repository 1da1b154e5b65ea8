"""Small files are joined while others write: no row changes, no commit waits, no feed tells of it."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.sinks.test_delta import events

from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import DAY, SECOND, Span
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable
from pi_lakeflow.sinks.maintenance import Joined, join_small

NEVER = timedelta(0)  # every partition counts as complete


@pytest.fixture
def table(tmp_path: Path) -> DeltaLakeTable:
    return DeltaLake(str(tmp_path)).table(PI_TIMESERIES)


def commit(table: DeltaLakeTable, number: int, day: int = 1) -> None:
    """Ten rows and a position."""
    start = day * DAY + number * 60 * SECOND
    mark = Mark("pi-lakeflow/lane", None if number == 0 else number, number + 1)
    table.append([Step(mark, (events("A", 10, start),))])


def files(table: DeltaLakeTable) -> int:
    return len(table.handle().file_uris())


def rows(table: DeltaLakeTable) -> pa.Table:
    return table.read().sort_by([(name, "ascending") for name in PI_TIMESERIES.key])


def test_a_busy_partition_is_joined_when_there_are_many_files(table: DeltaLakeTable) -> None:
    for number in range(9):
        commit(table, number)
    assert join_small(table) == Joined()
    commit(table, 9)
    before, version = rows(table), table.version()
    assert join_small(table) == Joined(1, 10)
    assert files(table) == 1
    assert rows(table).equals(before)
    assert table.positions(["pi-lakeflow/lane"]) == {"pi-lakeflow/lane": 10}
    assert table.changes(version + 1).num_rows == 0
    log = Path(table.path, "_delta_log", f"{version + 1:020}.json").read_text(encoding="utf-8")
    actions = [json.loads(line) for line in log.splitlines()]
    changed = [each[kind]["dataChange"] for each in actions for kind in ("add", "remove") if kind in each]
    assert changed == [False] * 11
    commit(table, 10)  # and goes on
    assert rows(table).num_rows == 110


def test_a_complete_partition_is_joined_once(table: DeltaLakeTable) -> None:
    for number in range(6):
        commit(table, number, day=1 + number % 2)
    assert join_small(table, quiet=NEVER) == Joined(2, 6)
    version = table.version()
    assert join_small(table, quiet=NEVER) == Joined()
    assert table.version() == version


def test_a_correction_that_comes_between_wins(table: DeltaLakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The join gives way, is counted, and is done the next time."""
    for number in range(12):
        commit(table, number)
    old = table.handle()  # what the join looked at before the correction
    table.replace({"A": [Span(DAY, DAY + 5 * SECOND)]}, rows(table).slice(0, 0))
    before = rows(table)
    with monkeypatch.context() as patched:
        patched.setattr(table, "handle", lambda: old)
        assert join_small(table).conflicts == 1
    assert rows(table).equals(before)
    assert join_small(table).partitions == 1
    assert rows(table).equals(before)


def test_commits_and_corrections_go_on_meanwhile(table: DeltaLakeTable, tmp_path: Path) -> None:
    """Another process's joins, over and over: every commit arrives, once."""
    other = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
    commit(table, 0)
    ended = threading.Event()
    done = Joined()

    def join() -> None:
        nonlocal done
        while not ended.is_set():
            done += join_small(other, busy_files=2)

    joining = threading.Thread(target=join)
    joining.start()
    gone = 0
    try:
        for number in range(1, 25):
            commit(table, number)
            if number % 4 == 0:
                at = DAY + number * 60 * SECOND
                gone += table.replace({"A": [Span(at, at + SECOND)]}, rows(table).slice(0, 0)).deleted
    finally:
        ended.set()
        joining.join()
    assert gone == 6
    assert rows(table).num_rows == 250 - gone
    assert done.partitions > 1
