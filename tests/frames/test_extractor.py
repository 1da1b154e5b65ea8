"""``AlarmExtractor`` against the truth of a simulated plant."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import NOW, START, Plant, plant

from pi_lakeflow import AlarmCriteria, AlarmExtractor, PIWebAPIClient
from pi_lakeflow.errors import Refused
from pi_lakeflow.simulator import Limits
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.annotations import annotations_at
from pi_lakeflow.simulator.world.assets import Level, Place
from pi_lakeflow.simulator.world.events import ANNOTATED


@pytest.fixture(scope="module")
def works() -> Iterator[Plant]:
    with plant() as made:
        yield made


@pytest.fixture(scope="module")
def alarms(works: Plant) -> Iterator[AlarmExtractor]:
    with PIWebAPIClient(works.url) as client:
        yield AlarmExtractor(client)


def test_active_alarms_are_those_in_progress(works: Plant, alarms: AlarmExtractor) -> None:
    rows = alarms.extract_active_alarms(works.database)
    truth = [f for f in works.alarms() if f.is_open]
    assert truth
    assert [row["event_frame_id"] for row in rows] == [works.id(f) for f in truth]
    assert {"alarm_name", "template_name", "start_time", "severity", "primary_element_id"} <= rows[0].keys()
    assert all(row["is_active"] for row in rows)
    assert [row["acknowledged"] for row in rows] == [f.acknowledged for f in truth]


def test_the_summary_counts_alarms_that_started_in_the_span(works: Plant, alarms: AlarmExtractor) -> None:
    start, end = START + timedelta(days=3), NOW - timedelta(days=2)
    summary = alarms.extract_alarm_summary(works.database, start, end)
    truth = [f for f in works.alarms() if start <= t.to_datetime(f.start) < end]
    assert summary["total_alarms"] == len(truth) > 100
    assert summary["active_alarms"] == sum(f.is_open for f in truth)
    assert summary["severity_distribution"] == dict(Counter(f.severity for f in truth))
    assert summary["acknowledged_alarms"] == sum(f.acknowledged for f in truth)
    delays = [(f.acknowledged_at - f.start) / t.SECOND for f in truth if f.acknowledged]
    assert summary["mean_seconds_to_acknowledge"] == pytest.approx(sum(delays) / len(delays))
    assert (summary["start_time"], summary["end_time"]) == (start, end)


def test_naive_times_are_local(works: Plant, alarms: AlarmExtractor) -> None:
    """As ``datetime.now()`` gives them."""
    aware = datetime(2026, 3, 10, 6, tzinfo=UTC)
    naive = aware.astimezone().replace(tzinfo=None)
    summary = alarms.extract_alarm_summary(works.database, naive, aware + timedelta(days=2))
    assert summary["start_time"] == aware
    assert summary == alarms.extract_alarm_summary(works.database, aware, aware + timedelta(days=2))


def test_the_events_of_a_tag_are_its_annotations(works: Plant, alarms: AlarmExtractor) -> None:
    world = works.sim.world
    tag = next(tag for tag in world.tags() if tag.kind == "number" and tag.period <= 2 * t.MINUTE * 10)
    rows = alarms.extract_alarm_events(world.webid(tag), START, NOW)
    events = world.archive.events(tag, t.from_datetime(START), t.from_datetime(NOW) - 10)
    marked = events.ticks[(events.flags & ANNOTATED) != 0].tolist()
    truth = {(t.to_datetime(at), str(note.id)) for at in marked for note in annotations_at(tag, at)}
    assert truth
    assert {(row["timestamp"], row["annotation_id"]) for row in rows} == truth
    assert len(rows) == len(truth)
    wanted = {"annotation_id", "tag_webid", "timestamp", "value", "description", "creator", "annotation_time"}
    assert wanted | {"good"} <= rows[0].keys()
    assert {row["source"] for row in rows} == {"annotation"}


def test_the_events_of_an_element_are_its_event_frames(works: Plant, alarms: AlarmExtractor) -> None:
    frames = works.frames
    machine = Place(Level.EQUIPMENT, next(f.tag for f in frames.all() if f.tag is not None) // 8)
    element = frames.assets.element(frames.assets.databases[0], machine)
    rows = alarms.extract_alarm_events(frames.assets.webid(element, "IDOnly"), START, NOW)
    truth = [f for f in works.alarms() if machine in f.places]
    assert sorted(row["event_frame_id"] for row in rows) == sorted(works.id(f) for f in truth)
    assert {row["source"] for row in rows} == {"event_frame"}


def test_lists_are_read_to_their_end_over_small_pages() -> None:
    with plant(limits=Limits(max_returned_items=70)) as works, PIWebAPIClient(works.url) as client:
        summary = AlarmExtractor(client).extract_alarm_summary(works.database, START, NOW)
        assert summary["total_alarms"] == len(works.alarms()) > 500


def test_the_limits_of_an_element_and_their_state(works: Plant, alarms: AlarmExtractor) -> None:
    assets, world = works.frames.assets, works.sim.world
    element = assets.element(assets.databases[0], Place(Level.EQUIPMENT, 0))
    rows = alarms.extract_element_alarms(assets.webid(element, "IDOnly"))
    assert rows
    for row in rows:
        attribute = next(a for a in assets.attributes(element) if a.name == row["attribute_name"])
        limit = next(c for c in assets.child_attributes(attribute) if c.name == row["limit_name"])
        assert row["limit_value"] == limit.definition.default
        if row["good"] and attribute.point:
            last = world.archive.before(world.tag(attribute.point[1]), world.clock.now() + 1)
            assert row["value"] == float(last.value[0])
        bounds = {r["limit_name"]: r["limit_value"] for r in rows if r["attribute_name"] == attribute.name}
        assert row["state"] == expected_state(row["value"], row["good"], bounds)


def expected_state(value: float | None, good: bool, bounds: dict[str, float]) -> str:
    if value is None or not good:
        return "Unknown"
    for name in ("HiHi", "LoLo", "Hi", "Lo"):
        if value > bounds[name] if name.startswith("Hi") else value < bounds[name]:
            return name
    return "Normal"


def test_notification_rules_come_with_their_subscribers(works: Plant, alarms: AlarmExtractor) -> None:
    rules = alarms.extract_notification_rules(works.database)
    equipment = works.frames.assets.equipment(works.frames.assets.databases[0])
    assert len(rules) == 2 * equipment + equipment // 4
    limit = next(rule for rule in rules if rule["name"] == "Limit Alarm")
    assert limit["nonrepetition_seconds"] == 300.0
    assert [told["contact_type"] for told in limit["subscribers"]] == ["Group", "Escalation"]


def test_older_servers_are_named_as_such() -> None:
    with plant(version="1.10.0.1", tags=16) as works, PIWebAPIClient(works.url) as client:
        with pytest.raises(Refused) as caught:
            AlarmExtractor(client).extract_notification_rules(works.database)
        assert "2018" in str(caught.value.hint)


def test_what_an_alarm_is_can_be_said(works: Plant) -> None:
    criteria = AlarmCriteria(templates=("limit alarm",), names=("*High*",), min_severity="minor")
    with PIWebAPIClient(works.url) as client:
        summary = AlarmExtractor(client, criteria=criteria).extract_alarm_summary(works.database, START, NOW)
    truth = [
        f
        for f in works.frames.all()
        if f.template == "Limit Alarm" and "High" in f.name and f.severity in ("Minor", "Major", "Critical")
    ]
    assert summary["total_alarms"] == len(truth) > 0


def test_a_database_that_is_not_there_is_an_error(alarms: AlarmExtractor) -> None:
    with pytest.raises(Refused):
        alarms.extract_active_alarms("F1DP-DB1")
