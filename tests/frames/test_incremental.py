"""The alarm tables follow the plant run by run, and no more is asked than must be."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import START, Plant, plant

from pi_lakeflow.app.alarms.run import AlarmReport, read_alarms
from pi_lakeflow.app.source import open_lake, open_source
from pi_lakeflow.historians.pi.tables.alarms import (
    PI_ACTIVE_ALARMS,
    PI_ALARM_EVENTS,
    PI_ALARM_SUMMARY,
    PI_ELEMENT_ALARMS,
)
from pi_lakeflow.historians.pi.tables.eventframes import (
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
    PI_EVENT_FRAMES,
)
from pi_lakeflow.historians.pi.tables.notifications import (
    PI_NOTIFICATION_CONTACTS,
    PI_NOTIFICATION_RULES,
    PI_NOTIFICATION_SUBSCRIBERS,
)
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.settings import load
from pi_lakeflow.settings.schema import Settings
from pi_lakeflow.simulator import Fault, FramePlan
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.frames import OPEN
from pi_lakeflow.sinks.delta import DeltaLake

FRAME_TABLES = (
    PI_EVENT_FRAMES,
    PI_EVENT_FRAME_ATTRIBUTES,
    PI_EVENT_FRAME_REFERENCES,
    PI_EVENT_FRAME_ANNOTATIONS,
    PI_ALARM_EVENTS,
    PI_ACTIVE_ALARMS,
    PI_ALARM_SUMMARY,
)
FULL = os.environ.get("PI_LAKEFLOW_FULL_FRAMES")
SMALL = FramePlan(alarm_tags=3, standing=6, downtime_units=1, batch_reactors=1)


class Works:
    """A plant, a lake, and runs between them."""

    def __init__(self, made: Plant, path: Path, **more: Any) -> None:
        self.plant = made
        self.settings: Settings = load(
            {"pi_web_api_url": made.url, "lake": str(path), "since": START.isoformat(), **more}, environ={}
        )
        self.lake: DeltaLake = open_lake(self.settings)
        self.requests: dict[str, int] = {}

    def run(self, **options: Any) -> AlarmReport:
        async def read() -> AlarmReport:
            async with open_source(self.settings) as source:
                return await read_alarms(
                    self.settings,
                    source,
                    self.lake,
                    run_id="test",
                    ingested_at=self.plant.sim.world.clock.now() // 10,
                    **options,
                )

        self.plant.sim.stats.reset()
        report = asyncio.run(read())
        self.requests = dict(self.plant.sim.stats.by_route)
        return report

    def rows(self, spec: TableSpec) -> list[dict[str, Any]]:
        return self.lake.table(spec).read().to_pylist()

    def versions(self) -> dict[str, int]:
        return {spec.name: self.lake.table(spec).version() for spec in FRAME_TABLES}

    def check(self) -> None:
        """All tables of frames equal the world."""
        frames = self.plant.frames
        known = frames.all()
        truth = {self.plant.id(f): self.plant.row(f) for f in known}
        held = {row["event_frame_id"]: row for row in self.rows(PI_EVENT_FRAMES)}
        assert held.keys() == truth.keys()
        for one, row in truth.items():
            assert {name: held[one][name] for name in row} == row
        assert all(row["is_complete"] for row in held.values())
        alarms = {self.plant.id(f): f for f in self.plant.alarms()}
        events = [row for row in self.rows(PI_ALARM_EVENTS) if row["source"] == "event_frame"]
        assert sorted(row["annotation_id"] for row in events) == sorted(alarms)
        assert {row["annotation_id"]: row["acknowledged_at"] for row in events} == {
            one: truth[one]["acknowledged_at"] for one in alarms
        }
        active = {row["event_frame_id"] for row in self.rows(PI_ACTIVE_ALARMS)}
        assert active == {one for one, f in alarms.items() if f.is_open}
        noted = self.rows(PI_EVENT_FRAME_ANNOTATIONS)
        notes = {(row["event_frame_id"], row["annotation_id"], row["value"]) for row in noted}
        assert notes == {(self.plant.id(f), str(n.id), n.value) for f in known for n in f.annotations}
        references = {
            (row["event_frame_id"], row["element_id"]) for row in self.rows(PI_EVENT_FRAME_REFERENCES)
        }
        assert references == {
            (self.plant.id(f), frames.assets.webid(e, "IDOnly")) for f in known for e in frames.elements(f)
        }
        values: dict[str, dict[str, Any]] = {}
        for row in self.rows(PI_EVENT_FRAME_ATTRIBUTES):
            values.setdefault(row["event_frame_id"], {})[row["attribute_name"]] = row
        for frame in known:
            mine = values.get(self.plant.id(frame), {})
            for name, value in frame.values if frame.captured else ():
                assert plain(mine[name]) == (str(value).lower() if isinstance(value, bool) else value)
        assert sum(row["total_alarms"] for row in self.rows(PI_ALARM_SUMMARY)) == len(alarms)


def plain(row: dict[str, Any]) -> Any:
    return row["value"] if row["value_kind"] == "number" else row["value_text"]


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    with plant(frames=SMALL) as made:
        yield Works(made, tmp_path / "lake")


def disturb(made: Plant) -> int:
    """What people and time do between two runs; how many frames were touched by people."""
    frames, changes = made.frames, made.frames.changes
    alarms = [f for f in made.alarms() if f.tag is not None and not f.is_open]
    late = [f for f in alarms if f.end > made.sim.world.clock.now() - 2 * t.DAY]
    unseen = next(f for f in alarms if not f.acknowledged)
    changes.acknowledge(unseen, "PLANT\\late")
    changes.edit(alarms[3], severity="Critical", description="Looked at again")
    changes.edit(late[0], end=late[0].end + t.HOUR)
    changes.reopen(late[1])
    changes.annotate(late[2], "Seal replaced", by="PLANT\\fitter", name="Repair")
    changes.delete(late[3])
    gone = [f for f in frames.all() if f.is_open and f.template == "Equipment Alarm"]
    changes.delete(gone[0])
    changes.create(
        name="Spill",
        start=made.sim.world.clock.now() - t.HOUR,
        end=OPEN,
        template="Downtime",
        places=alarms[0].places,
    )
    return 8


def test_tables_equal_the_world_after_each_run(works: Works) -> None:
    report = works.run()
    works.check()
    assert report.frames_inserted == len(works.plant.frames.all()) > 200
    first = sum(works.requests.values())
    for _ in range(2):
        disturb(works.plant)
        works.plant.advance(7)
        report = works.run()
        works.check()
        assert report.frames_deleted == 2
    assert report.frames_read < 100
    assert sum(works.requests.values()) < first


def test_running_twice_changes_nothing(works: Works) -> None:
    """And asks only what must be asked: one search, one list of ids, and details of what moved lately."""
    works.run()
    before = works.versions()
    report = works.run()
    assert works.versions() == before
    assert (report.frames_inserted, report.frames_updated, report.frames_deleted) == (0, 0, 0)
    assert report.frames_read <= 20
    assert works.requests["GET /eventframes/search"] == 2  # one for each database
    assert works.requests["GET /assetdatabases/{webId}/eventframes"] == 2
    assert works.requests["POST /batch"] <= 10
    assert report.rules is None


def test_servers_without_a_search_for_modifications(works: Works) -> None:
    """The look-back is compared; what was touched before it stays as it was."""
    works.plant.sim.faults.add(Fault("status", status=404, route="/eventframes/search"))
    works.run()
    works.check()
    frames, changes = works.plant.frames, works.plant.frames.changes
    now = works.plant.sim.world.clock.now()
    late = [f for f in works.plant.alarms() if f.tag is not None and now - 3 * t.DAY < f.end < now]
    changes.acknowledge(next(f for f in late if not f.acknowledged), "PLANT\\late")
    changes.annotate(late[5], "Noted", by="PLANT\\me")
    changes.delete(late[6])
    works.plant.advance(5)
    report = works.run()
    works.check()
    assert report.frames_deleted == 1
    assert report.frames_read < len(frames.all()) / 4


def test_a_deletion_before_the_look_back_is_found_by_reading_again(works: Works) -> None:
    works.run()
    old = next(f for f in works.plant.alarms() if f.tag is not None)
    works.plant.frames.changes.delete(old)
    works.run()
    assert works.plant.id(old) in {row["event_frame_id"] for row in works.rows(PI_EVENT_FRAMES)}
    report = works.run(since=START.isoformat())
    assert report.frames_deleted == 1
    works.check()


def test_every_table_has_rows_and_every_column_a_value(tmp_path: Path) -> None:
    with plant(frames=SMALL) as made:
        works = Works(made, tmp_path / "lake")
        works.run()
        disturb(made)
        made.frames.changes.edit(made.frames.all()[0], locked=True)
        works.run(notifications=True)
        more = (
            PI_ELEMENT_ALARMS,
            PI_NOTIFICATION_RULES,
            PI_NOTIFICATION_SUBSCRIBERS,
            PI_NOTIFICATION_CONTACTS,
        )
        of_annotations = {"value", "creator", "annotation_time", "good"}  # see test_annotations
        for spec in (*FRAME_TABLES, *more):
            table = works.lake.table(spec).read()
            assert table.num_rows, spec.name
            empty = {name for name in table.schema.names if table[name].null_count == table.num_rows}
            assert empty <= (of_annotations if spec is PI_ALARM_EVENTS else set()), spec.name


@pytest.mark.skipif(not FULL, reason="set PI_LAKEFLOW_FULL_FRAMES=1 for a year of 50,000 event frames")
@pytest.mark.timeout(3600)
def test_a_year_of_fifty_thousand_frames(tmp_path: Path) -> None:
    """The full size, with figures on standard output."""
    plan = FramePlan(alarm_tags=25, standing=240, downtime_units=4, batch_reactors=3)
    start = datetime(2025, 3, 29, 12, tzinfo=UTC)
    with plant(frames=plan, tags=480, density=0.5, start=start) as made:
        works = Works(made, tmp_path / "lake", since=start.isoformat())
        for _ in range(3):
            before = monotonic()
            report = works.run()
            asked, took = sum(works.requests.values()), monotonic() - before
            frames = made.frames.all()
            is_open = sum(frame.is_open for frame in frames)
            told = f"{len(frames)} frames, {is_open} open; {report.frames_read} read, {asked} requests"
            sys.stdout.write(f"{told}, {took:.0f} s\n")
            works.check()
            disturb(made)
            made.advance(7)
        assert asked < 60
        assert report.frames_read < 1_000
