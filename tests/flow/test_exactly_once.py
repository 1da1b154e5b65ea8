"""Planner, registry, engine and commit together: no event twice, none lost, whatever happens.

The archive here is arithmetic (one event per tag and microsecond), the lake is in memory with the
same transaction rules as Delta. Runs overlap, are killed before and after commits, tags fail and
recover, requests change from run to run.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.engines.embedded import EmbeddedEngine, EngineSize
from pi_lakeflow.flow.plan import Sizing, coverage, plan
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_LANES
from pi_lakeflow.model.clock import FixedClock
from pi_lakeflow.model.ports import CommitResult, LaneMoved
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Piece, Step, TagFailure, WorkUnit
from pi_lakeflow.sinks.memory import MemoryLake, MemoryTable

END = 60
TAGS = [f"T{i}" for i in range(7)]
EVENTS = TableSpec(
    "events",
    "test events",
    Grain.EVENT,
    ("tag", "at"),
    (Column("tag", pa.string(), "tag"), Column("at", pa.int64(), "instant")),
)


class Killed(BaseException):
    """SIGKILL, as far as one task can tell."""


class DangerousTable(MemoryTable):
    """A table near which processes die: before the commit, or after it and before they hear of it."""

    def __init__(self, spec: TableSpec, dice: random.Random, danger: float) -> None:
        super().__init__(spec)
        self.dice, self.danger = dice, danger

    def append(self, steps: Sequence[Step]) -> CommitResult:
        if self.dice.random() < self.danger:
            raise Killed
        result = super().append(steps)
        if self.dice.random() < self.danger:
            raise Killed
        return result

    def add(self, rows: pa.Table) -> int:
        if self.dice.random() < self.danger:
            raise Killed
        return super().add(rows)


class ArithmeticReader:
    """One event per tag and microsecond; fails tags and ends pieces early at random."""

    def __init__(self, dice: random.Random, failing: float) -> None:
        self.dice, self.failing = dice, failing

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        span = unit.span
        if span.length > 1 and self.dice.random() < 0.5:
            span = Span(span.start, span.start + self.dice.randrange(1, span.length + 1))
        failed = [tag for tag in unit.tags if self.dice.random() < self.failing]
        rows = [(t.webid, at) for t in unit.tags if t not in failed for at in range(span.start, span.end)]
        batch = pa.RecordBatch.from_pydict(
            {"tag": [r[0] for r in rows], "at": [r[1] for r in rows]}, schema=EVENTS.arrow_schema
        )
        return Piece(unit, span, [batch], len(rows), tuple(TagFailure(t, "refused") for t in failed))


class Site:
    """One lake and its dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.lake = MemoryLake()
        self.data = DangerousTable(EVENTS, self.dice, 0.0)
        self.lanes = DangerousTable(PI_LANES, self.dice, 0.0)
        self.runs = 0

    def dangerous(self, danger: float) -> None:
        self.data.danger = self.lanes.danger = danger

    async def run(self, requests: dict[str, Span], *, failing: float = 0.0) -> bool:
        """One run as the product does it. False when it was killed or another run was faster."""
        self.runs += 1
        run_id = f"run-{self.runs}"
        registry = Registry(self.lanes, self.data)
        sizing = Sizing(lane_tags=3, parallel=2, segment=20, merge_above=2)
        try:
            lanes = registry.load()
            await asyncio.sleep(0)
            made = plan(requests, lanes, sizing=sizing, nonce=run_id)
            registry.record_plan(made.joins, made.leaves, lanes, run_id)
            engine = EmbeddedEngine(
                ArithmeticReader(self.dice, failing),
                data=self.data,
                registry=registry,
                errors=self.lake.table(PI_INGEST_ERRORS),
                run_id=run_id,
                clock=FixedClock(0),
                size=EngineSize(lanes=2, rows=60),
            )
            outcome = await engine.run(made.work, {w: Tag(w, w) for w in TAGS})
        except (Killed, LaneMoved):
            return False
        return outcome.moved == 0 and not outcome.failed

    def check(self) -> None:
        table = self.data.read()
        held = Counter(zip(table["tag"].to_pylist(), table["at"].to_pylist(), strict=True))
        assert not [event for event, times in held.items() if times > 1]
        lanes = Registry(self.lanes, self.data).load() if self.lanes.exists() else []
        claimed = {
            (webid, at)
            for webid in TAGS
            for span in coverage(lanes, webid)
            for at in range(span.start, span.end)
        }
        assert claimed == set(held)


def _requests(dice: random.Random) -> dict[str, Span]:
    chosen = dice.sample(TAGS, dice.randrange(1, len(TAGS) + 1))
    spans = [Span(*sorted((dice.randrange(END + 1), dice.randrange(END + 1)))) for _ in range(2)]
    return {webid: dice.choice(spans) for webid in chosen}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_overlapping_killed_and_failing_runs_leave_each_event_once(seed: int) -> None:
    """Coverage claims exactly what the lake holds at every moment, and the last run completes it."""
    asyncio.run(_story(seed))


async def _story(seed: int) -> None:
    site = Site(seed)
    for _ in range(site.dice.randrange(1, 6)):
        site.dangerous(site.dice.choice([0.0, 0.1, 0.3]))
        together = site.dice.randrange(1, 3)
        failing = site.dice.choice([0.0, 0.2])
        await asyncio.gather(*(site.run(_requests(site.dice), failing=failing) for _ in range(together)))
        site.check()
    site.dangerous(0.0)
    everything = dict.fromkeys(TAGS, Span(0, END))
    for _ in range(20):
        if await site.run(everything):
            break
    site.check()
    assert site.data.read().num_rows == len(TAGS) * END


def test_running_again_reads_nothing() -> None:
    """What is covered is not planned again."""

    async def twice() -> tuple[int, int]:
        site = Site(1)
        everything = dict.fromkeys(TAGS, Span(0, END))
        await site.run(everything)
        before = site.data.read().num_rows
        again = plan(everything, Registry(site.lanes, site.data).load(), sizing=Sizing(), nonce="x")
        return before, len(again.work)

    assert asyncio.run(twice()) == (len(TAGS) * END, 0)
