"""Keyed merges and replaced spans, in Delta and in memory: the smallest change, once, in the feed."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Schema
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import LaneMoved, Overtaken, Table
from pi_lakeflow.model.span import DAY, SECOND, Span
from pi_lakeflow.model.tables import Grain
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

SCHEMA = PI_TIMESERIES.arrow_schema
KEY = PI_TIMESERIES.key
EVERYTHING = Span(0, 100 * DAY)


def row(tag: str, time: int, value: float | None, index: int = 0, ingested: int = 1) -> dict[str, Any]:
    return dict.fromkeys(SCHEMA.names) | {
        "tag_webid": tag,
        "tag_name": tag.lower(),
        "timestamp": time,
        "event_index": index,
        "value": value,
        "value_kind": "number",
        "good": True,
        "ingested_at": ingested,
        "date": time // DAY,
    }


def table_of(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def held(table: Table) -> dict[tuple[Any, ...], tuple[Any, Any]]:
    """Value and reading time by key; a key that is there twice is an error."""
    rows = table.read().cast(SCHEMA)
    times = rows["timestamp"].cast(pa.int64()).to_pylist()
    keys = list(zip(rows["tag_webid"].to_pylist(), times, rows["event_index"].to_pylist(), strict=True))
    assert len(keys) == len(set(keys))
    ingested = rows["ingested_at"].cast(pa.int64()).to_pylist()
    return dict(zip(keys, zip(rows["value"].to_pylist(), ingested, strict=True), strict=True))


def feed(table: Table, version: int) -> Counter[str]:
    return Counter(table.changes(version, version)["_change_type"].to_pylist())


@pytest.fixture(params=["delta", "memory"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    lake = DeltaLake(str(tmp_path)) if request.param == "delta" else MemoryLake()
    made: Table = lake.table(PI_TIMESERIES)
    made.append(
        [Step(Mark("lane", None, 1), table_of(*(row("A", n * SECOND, n / 7) for n in range(5))).to_batches())]
    )
    return made


def test_merge_writes_only_what_differs(table: Table) -> None:
    """One new value, one new key, one repetition read later, one deletion: three changes."""
    before = table.version()
    rows = table_of(
        row("A", 0, 0.0, ingested=2),
        row("A", SECOND, 42.0, ingested=2),
        row("A", 9 * SECOND, 9.0, ingested=2),
    )
    gone = table_of(row("A", 4 * SECOND, None)).select(KEY)
    done = table.merge(rows, delete=gone)
    assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
    after = held(table)
    assert after[("A", 0, 0)] == (0.0, 1)
    assert after[("A", SECOND, 0)] == (42.0, 2)
    assert ("A", 4 * SECOND, 0) not in after
    assert after[("A", 9 * SECOND, 0)] == (9.0, 2)
    assert done.version > before
    assert feed(table, done.version) == {
        "insert": 1,
        "update_preimage": 1,
        "update_postimage": 1,
        "delete": 1,
    }


def test_merging_again_makes_no_new_version(table: Table) -> None:
    rows = table_of(row("A", SECOND, 42.0), row("B", 3 * DAY, None))
    first = table.merge(rows)
    again = table.merge(rows, delete=table_of(row("C", 5, None)).select(KEY))
    assert again == replace(first, inserted=0, updated=0)
    assert table.version() == first.version


def test_signs_of_zero_and_nulls_are_differences(table: Table) -> None:
    assert table.merge(table_of(row("A", 0, -0.0))).updated == 1
    assert table.merge(table_of(row("A", 0, None))).updated == 1
    assert table.merge(table_of(row("A", 0, None))).rows == 0


def test_the_last_of_several_rows_with_one_key_counts(table: Table) -> None:
    table.merge(table_of(row("B", 0, 1.0), row("B", 0, 2.0)))
    assert held(table)[("B", 0, 0)] == (2.0, 1)


def test_replace_makes_a_span_equal_and_leaves_the_rest(table: Table) -> None:
    """Rows outside the span or of other tags are nobody's business here."""
    table.merge(table_of(row("B", 2 * SECOND, 5.0)))
    done = table.replace(
        {"A": [Span(SECOND, 4 * SECOND)]},
        table_of(row("A", 2 * SECOND, 2 / 7), row("A", 2 * SECOND, 8.0, index=1), row("A", 3 * SECOND, 3.5)),
    )
    assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
    assert set(held(table)) == {
        ("A", 0, 0),
        ("A", 2 * SECOND, 0),
        ("A", 2 * SECOND, 1),
        ("A", 3 * SECOND, 0),
        ("A", 4 * SECOND, 0),
        ("B", 2 * SECOND, 0),
    }


def test_replace_refuses_rows_outside(table: Table) -> None:
    with pytest.raises(ValueError, match="outside"):
        table.replace({"A": [Span(0, SECOND)]}, table_of(row("A", SECOND, 1.0)))


def test_a_replacement_older_than_a_correction_is_refused(table: Table) -> None:
    """Who read the archive before somebody else corrected the lake must read again."""
    seen = table.version()
    table.merge(table_of(row("A", SECOND, 42.0)))
    with pytest.raises(Overtaken) as overtaken:
        table.replace({"A": [EVERYTHING], "B": [EVERYTHING]}, table_of(), seen=seen)
    assert overtaken.value.subjects == {"A"}
    assert table.replace({"A": [Span(2 * SECOND, DAY)]}, table_of(), seen=seen).deleted == 3
    assert table.replace({"A": [EVERYTHING]}, table_of(), seen=table.version()).deleted == 2


def test_without_a_change_feed_every_correction_overtakes(tmp_path: Path) -> None:
    """A table that somebody made without it works all the same, with more reading."""
    lake = DeltaLake(str(tmp_path))
    path = lake.path_of(PI_TIMESERIES.name)
    DeltaTable.create(path, Schema.from_arrow(SCHEMA), partition_by=["date"])
    table = lake.table(PI_TIMESERIES)
    seen = table.merge(table_of(row("A", 0, 1.0))).version
    table.merge(table_of(row("A", 0, 2.0)))
    with pytest.raises(Overtaken) as overtaken:
        table.replace({"B": [EVERYTHING]}, table_of(), seen=seen)
    assert overtaken.value.subjects == {"B"}
    assert table.replace({"A": [EVERYTHING]}, table_of(), seen=table.version()).deleted == 1


def test_appends_do_not_overtake(table: Table) -> None:
    seen = table.version()
    table.append([Step(Mark("lane", 1, 2), table_of(row("A", DAY, 1.0)).to_batches())])
    assert table.replace({"A": [Span(0, SECOND)]}, table_of(), seen=seen).deleted == 1


def test_marks_travel_with_corrections(table: Table) -> None:
    """Also when there is nothing to correct; a mark that is there already stops everything."""
    mark = Mark("updates", None, 5)
    done = table.merge(table_of(row("B", 0, 1.0)), marks=[mark])
    assert table.positions(["updates", "lane"]) == {"updates": 5, "lane": 1}
    assert table.merge(table_of(row("B", 0, 2.0)), marks=[mark]).rows == 0
    assert table.version() == done.version
    table.replace({}, table_of(), marks=[Mark("updates", 5, 6)])
    assert table.positions(["updates"]) == {"updates": 6}
    with pytest.raises(LaneMoved):
        table.merge(table_of(row("B", 0, 3.0)), marks=[Mark("updates", 4, 9)])
    assert held(table)[("B", 0, 0)][0] == 1.0


def test_entities_that_move_to_another_partition_stay_one(tmp_path: Path) -> None:
    """The partition of an entity may change with its content."""
    spec = replace(PI_TIMESERIES, name="entities", grain=Grain.ENTITY, key=("tag_webid",))
    table = DeltaLake(str(tmp_path)).table(spec)
    assert table.merge(table_of(row("A", DAY, 1.0))).inserted == 1
    assert table.merge(table_of(row("A", 9 * DAY, 1.0))).updated == 1
    assert table.read().num_rows == 1


def test_many_tags_and_places(table: Table) -> None:
    """More places than a condition spells out."""
    rows = [row(f"T'{n}", n * DAY // 3, float(n)) for n in range(150)]
    table.merge(table_of(*rows))
    spans = {f"T'{n}": [Span(n * DAY // 3, n * DAY // 3 + 1)] for n in range(150)}
    assert table.replace(spans, table_of(*rows)).rows == 0
    assert table.replace(spans, table_of(*rows[1:])).deleted == 1


def _world(dice: random.Random) -> list[dict[str, Any]]:
    times = [dice.randrange(3) * DAY + dice.randrange(3) * SECOND for _ in range(dice.randrange(12))]
    counts: Counter[tuple[str, int]] = Counter()
    rows = []
    for time in times:
        tag = dice.choice("AB")
        rows.append(row(tag, time, dice.choice([None, 1.0, 2.0]), index=counts[tag, time]))
        counts[tag, time] += 1
    return rows


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_random_replacements(seed: int) -> None:
    """Delta and memory end equal to a plain dictionary; the feed adds up to the content."""
    dice = random.Random(seed)
    with TemporaryDirectory() as folder:
        tables = [DeltaLake(folder).table(PI_TIMESERIES), MemoryLake().table(PI_TIMESERIES)]
        truth: dict[tuple[str, int, int], float | None] = {}
        for table in tables:
            table.append([Step(Mark("lane", None, 1))])
        for _ in range(4):
            spans = {
                tag: [Span(*sorted((dice.randrange(3 * DAY), dice.randrange(4 * DAY)))) for _ in range(2)]
                for tag in dice.sample("AB", dice.randrange(3))
            }
            wanted = [
                r for r in _world(dice) if any(r["timestamp"] in s for s in spans.get(r["tag_webid"], []))
            ]
            truth = {k: v for k, v in truth.items() if not any(k[1] in s for s in spans.get(k[0], []))}
            truth |= {(r["tag_webid"], r["timestamp"], r["event_index"]): r["value"] for r in wanted}
            for table in tables:
                table.replace(spans, table_of(*wanted))
                assert {k: v for k, (v, _) in held(table).items()} == truth
        for table in tables:
            kinds = Counter(table.changes(0)["_change_type"].to_pylist())
            assert kinds["insert"] - kinds["delete"] == len(truth)


def _insert(folder: str, number: int) -> None:
    table = DeltaLake(folder).table(PI_TIMESERIES)
    for step in range(8):
        table.merge(table_of(*(row("A", (step + n) * SECOND, float(number)) for n in range(4))))
        table.append(
            [
                Step(
                    Mark(f"lane-{number}", step or None, step + 1),
                    table_of(row(f"L{number}", step, 1.0)).to_batches(),
                )
            ]
        )


def test_racing_corrections_and_appends(tmp_path: Path) -> None:
    """Several writers merge the same keys and append others: each key once, no append lost."""
    DeltaLake(str(tmp_path)).table(PI_TIMESERIES).append([])
    threads = [threading.Thread(target=_insert, args=(str(tmp_path), n)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = held(DeltaLake(str(tmp_path)).table(PI_TIMESERIES))
    assert Counter(tag for tag, _, _ in keys) == {"A": 11, "L0": 8, "L1": 8, "L2": 8}


def test_compare_tells_and_writes_nothing(table: Table) -> None:
    before = table.version()
    found = table.compare(
        {"A": [Span(SECOND, 9 * SECOND)]},
        table_of(row("A", SECOND, 9.0), *(row("A", n * SECOND, n / 7) for n in (2, 3, 5))),
    )
    assert Counter(found["_change_type"].to_pylist()) == {"insert": 1, "update": 1, "delete": 1}
    assert table.version() == before


def test_tally_counts_by_tag_and_window(table: Table) -> None:
    bad = [row("B", time, None) | {"good": False} for time in (DAY, DAY + 1)]
    table.merge(table_of(*bad, row("B", DAY + SECOND, 1.0), row("B", 2 * DAY, 1.0), row("C", 0, 1.0)))
    found = table.tally(["A", "B"], Span(SECOND, 2 * DAY), step=DAY, flag="good")
    assert found.sort_by([("subject", "ascending"), ("window", "ascending")]).to_pylist() == [
        {"subject": "A", "window": 0, "rows": 4, "flagged": 4},
        {"subject": "B", "window": 0, "rows": 2, "flagged": 0},
        {"subject": "B", "window": 1, "rows": 1, "flagged": 1},
    ]


def test_appends_get_through_while_somebody_corrects_without_a_pause(tmp_path: Path) -> None:
    """Rows are written once, apart from the commit; otherwise each correction would undo the attempt."""
    lake = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
    lake.append([Step(Mark("lane", None, 1), table_of(row("A", 0, 0.0)).to_batches())])
    over = threading.Event()

    def correct() -> None:
        mine = DeltaLake(str(tmp_path)).table(PI_TIMESERIES)
        for number in itertools.count():
            if over.is_set():
                return
            mine.merge(table_of(row("A", 0, float(number))))

    thread = threading.Thread(target=correct)
    thread.start()
    try:
        for step in range(1, 6):
            rows = table_of(*(row(f"L{step}", n * SECOND, n / 3, ingested=5) for n in range(20_000)))
            result = lake.append([Step(Mark("lane", step, step + 1), rows.to_batches())])
            assert (result.rows, result.skipped) == (20_000, ())
    finally:
        over.set()
        thread.join()
    found = lake.read()
    assert found.num_rows == 100_001
    assert lake.positions(["lane"]) == {"lane": 6}
    written = table_of(*(row("L3", n * SECOND, n / 3, ingested=5) for n in range(20_000)))
    back = found.filter(pa.compute.equal(found["tag_webid"], "L3")).sort_by("timestamp").cast(SCHEMA)
    assert back.equals(written)
    assert lake.tally(["L1"], Span(0, 10 * SECOND), step=DAY, flag="good")["rows"].to_pylist() == [10]
