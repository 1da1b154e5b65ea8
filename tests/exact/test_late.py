"""LATE TRUTH: the archive changes after it was read, and the lake follows."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_truth import assert_exact, lake_rows, true_rows
from test_worlds import NOW, random_world

from pi_lakeflow.app.ingest import Report, ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.reconcile import reconcile, repair
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import SECOND, Span, from_micros
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import NewEvent, Simulator, SimulatorConfig, World, start_simulator
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

WORLDS = int(os.environ.get("PI_LAKEFLOW_WORLDS", "3"))
HOUR = 3600 * SECOND


def edit(world: World, dice: random.Random, span: Span, *, how: str | None = None) -> None:
    """Something happens to a tag's history inside the span: one event, or several, or many."""
    tags = [tag for tag in world.tags() if tag.kind != "blob"]
    tag = dice.choice(tags)
    how = how or dice.choice(["insert", "insert", "edit", "delete", "delete range"])
    events = world.events(tag, span.start, span.end)
    if how == "insert" or not len(events):
        times = [dice.randrange(span.start, span.end) for _ in range(dice.randrange(1, 4))]
        if len(events) and dice.random() < 0.5:  # beside an event that is there
            times[0] = int(dice.choice(events.ticks)) // 10
        values: list[Any] = [value(world, tag, dice) for _ in times]
        world.late_events(tag, [NewEvent(t, v, good=True) for t, v in zip(times, values, strict=True)])
        return
    ticks = int(dice.choice(events.ticks))
    micros = ticks // 10
    if how == "edit":
        world.edit_event(tag, NewEvent(micros, value(world, tag, dice), ticks=ticks % 10))
    elif how == "delete":
        world.delete_events(tag, micros, micros + 1)
    else:
        world.delete_events(tag, micros, min(span.end, micros + dice.randrange(1, 6 * HOUR)))


def value(world: World, tag: Any, dice: random.Random) -> Any:
    """A value that the tag may have."""
    if tag.point_type == "Digital":
        return dice.choice(world.sets[tag.digital_set].states)
    if tag.point_type == "Timestamp":
        return "2026-03-01T00:00:00Z"
    if tag.point_type == "String":
        return dice.choice(["late", "", "später"])
    return dice.randrange(100) if tag.kind in ("integer", "biginteger") else dice.uniform(-5, 5)


def made(sim: Simulator, **more: Any) -> Settings:
    config = {"pi_web_api_url": sim.url, "data_server": "PISRV01", "tags": "all", "settle": 0}
    return load(config | more, environ={})


async def run(sim: Simulator, lake: Lake, span: Span, *, look_back: int = 0) -> Report:
    """A run as the command does it."""
    late = {"look_back": f"{look_back // SECOND}s"}
    chosen = made(sim, late_data=late, since=from_micros(span.start).isoformat())
    report = await ingest(chosen, Request(until=from_micros(span.end).isoformat()), lake=lake)
    assert report.status == "done", report.quarantined[:3]
    return report


def webids_of(sim: Simulator) -> list[str]:
    return [sim.world.webid(tag) for tag in sim.world.tags()]


def within_lake(story: Any, seed: int) -> None:
    """Most stories in memory, some in Delta."""
    dice = random.Random(seed)
    config = random_world(dice)
    calmer = replace(config.oddities, fast_tags=min(config.oddities.fast_tags, 0.05))
    config = replace(config, oddities=calmer, summary_counts_bad=dice.random() < 0.5)
    if dice.random() < 0.6:
        asyncio.run(story(config, MemoryLake(), dice))
    else:
        with TemporaryDirectory() as folder:
            asyncio.run(story(config, DeltaLake(folder), dice))


worlds = settings(
    max_examples=WORLDS,
    derandomize=True,
    deadline=timedelta(minutes=5),
    suppress_health_check=list(HealthCheck),
)


def _span(config: SimulatorConfig, dice: random.Random) -> Span:
    hours = 30 if config.limits.max_returned_items >= 1000 else 2
    return Span(NOW - dice.randrange(1800, hours * 3600) * SECOND - dice.randrange(SECOND), NOW)


async def _look_back(config: SimulatorConfig, lake: Lake, dice: random.Random) -> None:
    async with start_simulator(config) as sim:
        span = _span(config, dice)
        first = dice.randrange(span.start + span.length // 2, span.end - 60 * SECOND)
        await run(sim, lake, Span(span.start, first))
        look_back = dice.randrange(60, max(61, (first - span.start) // SECOND)) * SECOND
        for _ in range(3):
            window = Span(max(span.start, first - look_back), first)
            for _ in range(dice.randrange(6)):
                edit(sim.world, dice, window)
            first = dice.randrange(first, span.end)
            await run(sim, lake, Span(span.start, first), look_back=look_back)
            assert_exact(lake, sim.world, webids_of(sim), Span(span.start, first))


@pytest.mark.timeout(3600)
@worlds
@given(st.integers(0, 2**32))
def test_looking_back_catches_everything_inside_its_window(seed: int) -> None:
    """Late events, edits and deletions between runs, at any point of the window."""
    within_lake(_look_back, seed)


async def _repair(config: SimulatorConfig, lake: Lake, dice: random.Random) -> None:
    async with start_simulator(config) as sim:
        span = _span(config, dice)
        claimed = Span(span.start, span.end - 60 * SECOND)
        await run(sim, lake, claimed)
        for _ in range(dice.randrange(1, 10)):
            edit(sim.world, dice, span)
        exact = lake_rows(lake).equals(true_rows(sim.world, webids_of(sim), claimed))
        request = Request(since=from_micros(span.start).isoformat(), until=from_micros(NOW).isoformat())
        found = await reconcile(made(sim), request, lake=lake, read=True)
        assert bool(found.found.different) == (not exact)
        assert not found.left_behind
        before = lake_rows(lake)
        done = await repair(made(sim), request, lake=lake, read=True)
        assert (done.found.corrections.rows > 0) == (not exact)
        assert_exact(lake, sim.world, webids_of(sim), claimed)
        again = await repair(made(sim), request, lake=lake, read=True)
        assert again.found.corrections.rows == 0
        assert before.equals(lake_rows(lake)) == exact


@pytest.mark.timeout(3600)
@worlds
@given(st.integers(0, 2**32))
def test_repairing_by_reading_restores_all(seed: int) -> None:
    """Whatever happened to the archive, the lake equals it again for what coverage claims."""
    within_lake(_repair, seed)


async def _counts(config: SimulatorConfig, lake: Lake, dice: random.Random) -> None:
    config = replace(config, summary_counts_bad=True)
    async with start_simulator(config) as sim:
        span = _span(config, dice)
        await run(sim, lake, span)
        request = Request(since=from_micros(span.start).isoformat(), until=from_micros(NOW).isoformat())
        calm = await reconcile(made(sim), request, lake=lake)
        assert not calm.found.different
        assert not calm.found.unread
        how = dice.choice(["insert", "delete"])  # both at once may leave a count as it was
        for _ in range(dice.randrange(1, 6)):
            edit(sim.world, dice, span, how=how)
        exact = lake_rows(lake).equals(true_rows(sim.world, webids_of(sim), span))
        done = await repair(made(sim), request, lake=lake)
        assert bool(done.found.different) == (not exact)
        assert_exact(lake, sim.world, webids_of(sim), span)


@pytest.mark.timeout(3600)
@worlds
@given(st.integers(0, 2**32))
def test_repairing_by_counts_restores_what_changed_a_count(seed: int) -> None:
    """Late or deleted events are found from the server's counts alone."""
    within_lake(_counts, seed)
