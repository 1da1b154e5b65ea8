"""BOUNDED: rows in memory have a ceiling, steps follow the density, a slow sink slows the fetch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.engines.embedded import EmbeddedEngine, EngineSize
from pi_lakeflow.flow.memory import RowBudget
from pi_lakeflow.flow.plan import Sizing, plan
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_LANES
from pi_lakeflow.flow.windows import LaneRun, StepSize
from pi_lakeflow.model.clock import FixedClock
from pi_lakeflow.model.events import Event, Waited
from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import LaneWork, Piece, Step, WorkUnit
from pi_lakeflow.sinks.memory import MemoryLake, MemoryTable

EVENTS = TableSpec("events", "test", Grain.EVENT, ("at",), (Column("at", pa.int64(), "instant"),))


class SlowTable(MemoryTable):
    """Every commit takes a while."""

    def append(self, steps: Sequence[Step]) -> CommitResult:
        time.sleep(0.01)
        return super().append(steps)


class DenseReader:
    """One row per second and tag, at once."""

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        span = Span(unit.span.start, min(unit.span.end, unit.span.start + row_limit * 1_000_000))
        rows = span.length // 1_000_000 * len(unit.tags)
        return Piece(unit, span, [pa.RecordBatch.from_pydict({"at": range(rows)}, EVENTS.arrow_schema)], rows)


def test_a_slow_sink_slows_the_fetch() -> None:
    """However much is to be read, no more rows are held than the budget and one step of each lane."""
    lake, data = MemoryLake(), SlowTable(EVENTS)
    size = EngineSize(lanes=4, rows=200_000)
    registry = Registry(lake.table(PI_LANES), data)
    made = plan(
        {f"T{i}": Span(0, 10 * DAY) for i in range(4)}, [], sizing=Sizing(parallel=4, least_rows=1), nonce="n"
    )
    registry.record_plan(made.joins, made.leaves, [], "r")
    engine = EmbeddedEngine(
        DenseReader(),
        data=data,
        registry=registry,
        errors=lake.table(PI_INGEST_ERRORS),
        run_id="r",
        clock=FixedClock(0),
        size=size,
    )
    outcome = asyncio.run(engine.run(made.work, {f"T{i}": Tag(f"T{i}", f"T{i}") for i in range(4)}))
    assert outcome.rows == 4 * 10 * 86_400
    assert outcome.peak_rows <= size.rows + size.lanes * 2 * size.step.rows


def test_the_budget_serves_in_turn_and_never_starves_the_large() -> None:
    """A request larger than the whole budget passes once nothing else is out."""

    async def story() -> list[str]:
        told: list[str] = []
        budget = RowBudget(10, on_pressure=lambda: told.append("pressed"))
        await budget.take(8)
        waiting = [asyncio.create_task(_take(budget, rows, told)) for rows in (50, 1)]
        await asyncio.sleep(0)
        budget.give(8)
        await asyncio.sleep(0.01)
        budget.give(50)
        await asyncio.gather(*waiting)
        assert budget.used == 1
        return told

    assert asyncio.run(story()) == ["pressed", "pressed", "50", "1"]


def test_a_wait_for_memory_is_told_apart_from_one_for_the_sink() -> None:
    """While a commit runs, the sink holds memory; otherwise those who read do."""
    told: dict[str, float] = {}
    written = 0.0

    def add(event: Event) -> None:
        assert isinstance(event, Waited)
        told[event.reason] = event.seconds

    async def story() -> None:
        nonlocal written
        budget = RowBudget(10, writing=lambda: written, observer=add)
        await budget.take(10)
        waiting = asyncio.create_task(budget.take(1))
        await asyncio.sleep(0.05)
        written = 0.02
        budget.give(10)
        await waiting

    asyncio.run(story())
    assert told["sink"] == pytest.approx(0.02)
    assert told["memory"] > 0


async def _take(budget: RowBudget, rows: int, told: list[str]) -> None:
    await budget.take(rows)
    told.append(str(rows))


@given(
    st.integers(0, 10**15),
    st.integers(1, 10**15),
    st.lists(st.integers(0, 10**7), min_size=1, max_size=30),
)
def test_steps_tile_a_lane(start: int, length: int, rows: list[int]) -> None:
    """Whatever the density does, each step begins where the last ended, and the last one ends the lane."""
    span = Span(start, start + length)
    lane = LaneRun.of(LaneWork("l", None, None, span, ("a", "b")))
    size = StepSize()
    for count in rows:
        if lane.finished:
            break
        step = lane.next_span(size)
        assert step.start == lane.position
        assert step.start < step.end <= span.end
        lane.learn(step, count)
        lane.position = step.end


def test_quiet_and_busy_stretches_change_the_step() -> None:
    """Density is not guessed from one stretch: a quiet one widens the step, a busy one narrows it."""
    lane = LaneRun.of(LaneWork("l", None, None, Span(0, 3650 * DAY), ("a",)))
    size = StepSize(rows=1000)
    first = lane.next_span(size)
    lane.learn(first, 0)
    lane.position = first.end
    second = lane.next_span(size)
    assert second.length > first.length
    lane.learn(second, 1_000_000)
    lane.position = second.end
    assert lane.next_span(size).length < second.length / 100
