"""Streams, batch by batch: exact, bounded, replayable, fair to new and to broken tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

pytest.importorskip("pyspark")

from microbatches import Query
from rows import sorted_rows, true_rows

from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.model.span import Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, NewEvent, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.world.tags import TagDef

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3_600_000_000
SPAN = Span(NOW - 24 * HOUR, NOW)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def sim(clock: FixedClock) -> Iterator[Simulator]:
    config = SimulatorConfig(seed=5, tags=12, density=0.5, twins=0, clock=clock)
    with run_in_thread(config) as simulator:
        yield simulator


def webids(sim: Simulator) -> list[str]:
    return [sim.world.webid(tag) for tag in tags(sim)]


def tags(sim: Simulator) -> list[TagDef]:
    return list(sim.world.tags())


def query(sim: Simulator, **more: Any) -> Query:
    given = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01"}
    given |= {"since": iso(SPAN.start), "until": iso(SPAN.end), "settle": "0"}
    return Query(**{**given, **{name: str(value) for name, value in more.items()}})


def test_all_rows_once_in_bounded_batches(sim: Simulator) -> None:
    """The batches together are the archive; none is much larger than asked."""
    stream = query(sim, max_records_per_batch=2000)
    stream.available_now()
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, webids(sim), SPAN))
    assert len(stream.delivered) > 3
    assert max(batch.num_rows for batch in stream.delivered) < 3 * 2000


def test_a_window_bounds_a_batch_in_time(sim: Simulator) -> None:
    """No batch spans more than the window."""
    stream = query(sim, window="6h")
    stream.available_now()
    assert [batch.num_rows > 0 for batch in stream.delivered] == [True] * 4
    for batch in stream.delivered:
        first, last = pc.min_max(batch["timestamp"].cast("int64")).values()
        assert last.as_py() - first.as_py() < 6 * HOUR


def test_a_batch_that_runs_again_reads_the_same(sim: Simulator, clock: FixedClock) -> None:
    """The end of a batch is fixed when it is made: later data and another process change nothing."""
    stream = query(sim, max_records_per_batch=2000, until="*")
    assert stream.step()
    assert stream.step()
    clock.advance(HOUR)
    sim.world.add_tags(2)
    stream.restart(max_records_per_batch="777")
    before = [stream.reader.initialOffset(), *stream.offsets]
    for place, rows in enumerate(stream.delivered):
        again = stream.read(before[place], before[place + 1])
        assert sorted_rows(again).equals(sorted_rows(rows))


def test_equal_offsets_have_no_partitions(sim: Simulator) -> None:
    """What Spark asks after a restart."""
    stream = query(sim)
    stream.step()
    assert list(stream.reader.partitions(stream.start, stream.start)) == []


def test_offsets_are_small(sim: Simulator, tmp_path: Path) -> None:
    """With a folder for plans an offset is one version and one time."""
    stream = query(sim, state=tmp_path)
    stream.available_now()
    assert len(json.dumps(stream.offsets[-1])) < 100
    assert stream.offsets[-1]["at"] == [iso(SPAN.end)]


def test_an_unknown_plan_stops_the_query(sim: Simulator, tmp_path: Path) -> None:
    """A lost folder is an error, not a stream that begins anew."""
    stream = query(sim, state=tmp_path / "one", max_records_per_batch=2000)
    stream.step()
    stream.restart(state=str(tmp_path / "other"))
    with pytest.raises(SettingsError, match="needs the plan"):
        stream.step()


def test_new_tags_start_their_own_history(sim: Simulator, clock: FixedClock) -> None:
    """A tag that appears later is read from `since` on, whatever the others have reached."""
    all_of_them = webids(sim)
    stream = query(sim, tags=f"webid:{all_of_them[0]}", max_records_per_batch=2000)
    stream.available_now()
    stream.restart(tags="all")
    stream.available_now()
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, all_of_them, SPAN))
    clock.advance(HOUR)
    stream.restart(until=iso(SPAN.end + HOUR))
    stream.available_now()
    longer = Span(SPAN.start, SPAN.end + HOUR)
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, all_of_them, longer))
    assert len(stream.offsets[-1]["at"]) == 1, "having met, they go on together"


def test_a_tag_that_comes_back_goes_on_where_it_stopped(sim: Simulator) -> None:
    """Leaving the selection and returning loses nothing and repeats nothing."""
    all_of_them = webids(sim)
    stream = query(sim, window="8h")
    assert stream.step()
    stream.restart(tags=json.dumps([f"webid:{webid}" for webid in all_of_them[3:]]))
    assert stream.step()
    stream.restart(tags="all")
    stream.available_now()
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, all_of_them, SPAN))


def test_a_broken_tag_fails_the_query_that_has_no_place_to_note_it(sim: Simulator) -> None:
    """Nothing is skipped and forgotten."""
    sim.faults.add(Fault("tag_status", status=403, tags=(tags(sim)[2].name,)))
    stream = query(sim)
    with pytest.raises(Refused, match=r"403|Access denied"):
        stream.step()


def test_a_broken_tag_is_left_behind_and_made_good(sim: Simulator, tmp_path: Path) -> None:
    """With `state` the others go on; the tag's rows come when it can be read again."""
    all_of_them, bad = webids(sim), tags(sim)[2]
    stream = query(sim, state=tmp_path, max_records_per_batch=2000)
    fault = sim.faults.add(Fault("tag_status", status=403, tags=(bad.name,)))
    stream.available_now()
    others = [webid for webid in all_of_them if webid != sim.world.webid(bad)]
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, others, SPAN))
    noted = [json.loads(path.read_text()) for path in tmp_path.glob("left/*/*.json")]
    assert {note["tag_name"] for note in noted} == {bad.name}
    sim.faults.remove(fault)
    stream.restart()
    stream.available_now()
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, all_of_them, SPAN))


def test_what_is_noted_is_not_read_when_the_batch_runs_again(sim: Simulator, tmp_path: Path) -> None:
    """Else the rows would come twice: once in the repeated batch, once when they are made good."""
    all_of_them, bad = webids(sim), tags(sim)[2]
    stream = query(sim, state=tmp_path)
    fault = sim.faults.add(Fault("tag_status", status=403, tags=(bad.name,)))
    assert stream.step()
    sim.faults.remove(fault)
    stream.restart()
    stream.delivered = [stream.read(stream.reader.initialOffset(), stream.offsets[-1])]
    stream.available_now()
    assert sorted_rows(stream.rows).equals(true_rows(sim.world, all_of_them, SPAN))


def test_late_events_come_with_the_look_back(sim: Simulator) -> None:
    """An event that arrives after its span was read is delivered by a later batch."""
    all_of_them = webids(sim)
    stream = query(sim, window="4h", **{"late_data.look_back": "3h"})
    assert stream.step()
    late = SPAN.start + 2 * HOUR + 1
    sim.world.late_events(tags(sim)[0], [NewEvent(late, None)])
    stream.available_now()
    rows = sorted_rows(stream.rows)
    unique = rows.group_by(["tag_webid", "timestamp", "event_index"]).aggregate([])
    assert unique.num_rows == true_rows(sim.world, all_of_them, SPAN).num_rows
    assert rows.num_rows > unique.num_rows, "looking back repeats rows: the sink merges by key"
    assert pc.min(rows["timestamp"].cast("int64")).as_py() >= SPAN.start


def test_a_stream_without_trigger_does_not_ask_all_the_time(sim: Simulator) -> None:
    """The present moves in steps, so that a query that polls makes no empty batches."""
    stream = query(sim, until="*")
    assert stream.step()
    assert not stream.step()


def test_someone_elses_offset_is_refused(sim: Simulator) -> None:
    """A checkpoint of another source is an error, not a fresh start."""
    stream = query(sim)
    with pytest.raises(SettingsError, match="not one of ours"):
        stream.reader.latestOffset({"pos": 3}, stream.reader.getDefaultReadLimit())
