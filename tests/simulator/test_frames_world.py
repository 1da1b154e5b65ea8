"""Event frames of the simulated world follow from the data, and do not depend on who asks for what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pi_lakeflow.simulator import FixedClock, FramePlan, World
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.events import GOOD, NUMBER
from pi_lakeflow.simulator.world.frames import OPEN, Frames, UnknownFrame

START = datetime(2024, 3, 1, tzinfo=UTC)
PLAN = FramePlan(alarm_tags=8, standing=4, downtime_units=2, batch_reactors=2)


def make(days: float = 30, *, plan: FramePlan = PLAN) -> World:
    now = START + timedelta(days=days)
    return World(
        seed=3, tags=480, density=0.3, start=START, clock=FixedClock(t.from_datetime(now) // 10), frames=plan
    )


@pytest.fixture(scope="module")
def world() -> World:
    return make()


@pytest.fixture(scope="module")
def frames(world: World) -> Frames:
    return world.part(Frames)


def test_there_is_something_of_everything(frames: Frames) -> None:
    known = frames.all()
    assert {frame.template for frame in known} == {
        "Limit Alarm",
        "Equipment Alarm",
        "Downtime",
        "Batch",
        "Batch Phase",
    }
    assert any(frame.is_open for frame in known)
    assert any(frame.acknowledged_at > frame.end for frame in known)
    assert any(not frame.acknowledged for frame in known if frame.can_be_acknowledged)
    assert any(note.media for frame in known for note in frame.annotations)


def test_limit_alarms_follow_from_the_archive(world: World, frames: Frames) -> None:
    """No value beyond a limit is outside of an alarm, and each alarm begins with an archived event."""
    alarms = [frame for frame in frames.all() if frame.template == "Limit Alarm"]
    for index in {frame.tag for frame in alarms if frame.tag is not None}:
        tag = world.tag(index)
        events = world.archive.events(tag, 0, t.NEVER)
        events = events.take((events.kind == NUMBER) & ((events.flags & GOOD) != 0))
        for kind, high in (("LimitLo", False), ("LimitHi", True)):
            mine = [f for f in alarms if f.tag == index and dict(f.values)["Limit Type"] == kind]
            limit = frames.assets.child_attributes(frames.assets.attribute_of(tag))
            bound = next(a.definition.default for a in limit if a.trait == kind)
            beyond = events.value > bound if high else events.value < bound
            covered = np.zeros(len(events), bool)
            for frame in mine:
                covered |= (events.ticks >= frame.start) & (events.ticks <= frame.end)
                assert frame.start in events.ticks
                assert dict(frame.values)["Limit"] == bound
            assert not (beyond & ~covered).any()


def test_the_order_of_questions_does_not_matter(frames: Frames) -> None:
    """A world that is first asked for its last day knows the same frames."""
    other = make().part(Frames)
    now = other.world.clock.now()
    last_day = other.between(now - t.DAY, now)
    assert last_day == [f for f in frames.all() if f.end >= now - t.DAY]
    assert other.all() == frames.all()


def test_what_a_frame_is_grows_with_time() -> None:
    world = make(20)
    frames = world.part(Frames)
    before = {frame.id: frame for frame in frames.all()}
    clock = world.clock
    assert isinstance(clock, FixedClock)
    clock.advance(86_400 * 10**6)
    after = {frame.id: frame for frame in frames.all()}
    assert before.keys() < after.keys()
    closed = [f for one, f in after.items() if one in before and before[one].is_open and not f.is_open]
    assert closed
    assert all(frame.modified <= clock.now() for frame in after.values())


def test_ids_paths_and_elements_lead_back(frames: Frames) -> None:
    for frame in frames.all()[::50]:
        assert frames.by_guid(frames.guid(frame)) == frame
        for kind in ("Full", "IDOnly", "PathOnly"):
            assert frames.by_webid(webid.parse(frames.webid(frame, kind))) == frame
        assert frames.elements(frame)[0].name in frames.path(frame) or frame.tag is not None or frame.parent
    batch = next(frame for frame in frames.all() if frame.children)
    phases = frames.children(batch)
    assert [phase.name for phase in phases][:1] == ["Charge"]
    assert all(frames.parent(phase) == batch for phase in phases)


def test_changes_lie_over_what_the_seed_made() -> None:
    frames = make(10).part(Frames)
    now = frames.world.clock.now()
    one, two, three, *_ = [f for f in frames.all() if f.template == "Limit Alarm" and not f.is_open]
    frames.changes.acknowledge(one, "PLANT\\me")
    frames.changes.edit(one, description="Known", severity="Critical")
    frames.changes.reopen(two)
    frames.changes.delete(three)
    changed = frames.get(*one.id)
    assert (changed.acknowledged_by, changed.acknowledged_at, changed.modified) == ("PLANT\\me", now, now)
    assert (changed.description, changed.severity) == ("Known", "Critical")
    assert frames.get(*two.id).end == OPEN
    with pytest.raises(UnknownFrame):
        frames.get(*three.id)
    known = frames.all()
    assert three.id not in {frame.id for frame in known}
    assert frames.get(*two.id) in frames.between(now - 1, now)
    made = frames.changes.create(name="Spill", start=now - t.HOUR, template="Downtime", places=one.places)
    child = frames.changes.create(name="Cleaning", start=now - t.MINUTE, end=now, parent=made)
    assert frames.children(made) == [child]
    note = frames.changes.annotate(made, "Mop ordered", by="PLANT\\me")
    assert frames.get(*made.id).annotations == (note,)
    assert frames.path(frames.get(*child.id)).endswith("EventFrames[Spill]\\Cleaning")


def test_nothing_happens_in_a_plant_without_plan() -> None:
    assert make(5, plan=FramePlan.none()).part(Frames).all() == []
