"""Who reads an archive that changes, while others do the same, never undoes what is newer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.engines.correcting import Corrections, Corrector
from pi_lakeflow.engines.embedded import EngineSize, Stop
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS
from pi_lakeflow.model.clock import FixedClock
from pi_lakeflow.model.events import Corrected, Event, Observer, ignore
from pi_lakeflow.model.ports import Table
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Mark, Piece, Step, TagFailure, WorkUnit
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.memory import MemoryLake

END = 40
TAGS = {f"T{i}": Tag(f"T{i}", f"T{i}") for i in range(4)}
EVENTS = TableSpec(
    "events",
    "test events",
    Grain.EVENT,
    ("tag", "at"),
    (
        Column("tag", pa.string(), "tag", nullable=False),
        Column("at", pa.int64(), "instant", nullable=False),
        Column("value", pa.float64(), "value"),
    ),
)
Archive = dict[tuple[str, int], float]


class ChangingReader:
    """Reads the archive as it is at some moment during the call; refuses tags at random."""

    def __init__(self, archive: Archive, dice: random.Random, failing: float = 0.0) -> None:
        self.archive, self.dice, self.failing = archive, dice, failing

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        await self._while()
        span = unit.span
        if span.length > 1 and self.dice.random() < 0.5:
            span = Span(span.start, span.start + self.dice.randrange(1, span.length + 1))
        failed = [tag for tag in unit.tags if self.dice.random() < self.failing]
        wanted = {tag.webid for tag in unit.tags if tag not in failed}
        rows = [(*key, value) for key, value in self.archive.items() if key[0] in wanted and key[1] in span]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        batch = pa.RecordBatch.from_pydict(
            dict(zip(EVENTS.arrow_schema.names, columns, strict=True)), schema=EVENTS.arrow_schema
        )
        await self._while()
        return Piece(unit, span, [batch], len(rows), tuple(TagFailure(t, "refused") for t in failed))

    async def _while(self) -> None:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(self.dice.random() * 0.003)


def change(archive: Archive, dice: random.Random) -> None:
    """An event is added, edited or deleted."""
    key = dice.choice(list(TAGS)), dice.randrange(END)
    if key in archive and dice.random() < 0.4:
        del archive[key]
    else:
        archive[key] = dice.random()


def held(table: Table) -> Archive:
    columns = [column.to_pylist() for column in table.read().columns]
    rows = list(zip(*columns, strict=True))
    assert not [key for key, times in Counter(row[:2] for row in rows).items() if times > 1]
    return {(tag, at): value for tag, at, value in rows}


def corrector(
    table: Table, archive: Archive, dice: random.Random, failing: float = 0.0, observer: Observer = ignore
) -> Corrector:
    return Corrector(
        ChangingReader(archive, dice, failing),
        data=table,
        errors=MemoryLake().table(PI_INGEST_ERRORS),
        run_id="run",
        clock=FixedClock(0),
        size=EngineSize(lanes=3, rows=60),
        observer=observer,
    )


async def story(table: Table, dice: random.Random) -> None:
    archive: Archive = {}
    table.append([Step(Mark("lane", None, 1))])
    tasks: list[asyncio.Task[Corrections]] = []
    for _ in range(dice.randrange(2, 7)):
        for _ in range(dice.randrange(6)):
            change(archive, dice)
            await asyncio.sleep(dice.random() * 0.004)
        chosen = dice.sample(list(TAGS), dice.randrange(1, len(TAGS) + 1))
        spans = {tag: [Span(*sorted((dice.randrange(END), dice.randrange(END + 1))))] for tag in chosen}
        each = corrector(table, archive, dice, failing=dice.choice([0.0, 0.1]))
        tasks.append(asyncio.create_task(each.run(spans, TAGS)))
    everything = {tag: [Span(0, END)] for tag in TAGS}
    versions: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, Corrected):
            versions.append(event.version)

    last = corrector(table, archive, dice, observer=note)
    assert not (await last.run(everything, TAGS)).failed
    await asyncio.gather(*tasks)
    now = held(table)
    for version in versions:
        changed = table.changes(version, version)
        for key in zip(changed["tag"].to_pylist(), changed["at"].to_pylist(), strict=True):
            assert now.get(key) == archive.get(key)
    await corrector(table, archive, dice).run(everything, TAGS)
    assert held(table) == archive


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_newest_reading_wins(seed: int) -> None:
    """Correctors overlap while the archive changes: what the newest one corrects stays, whoever else reads.

    What it finds right already leaves no trace, so an older reading may still spoil that: the next one
    repairs it.
    """
    dice = random.Random(seed)
    if dice.random() < 0.8:
        asyncio.run(story(MemoryLake().table(EVENTS), dice))
    else:
        with TemporaryDirectory() as folder:
            asyncio.run(story(DeltaLake(folder).table(EVENTS), dice))


async def test_what_fails_stays_as_it_is() -> None:
    """A tag that is refused keeps its rows, and is reported; the others are corrected."""
    table, dice = MemoryLake().table(EVENTS), random.Random(1)
    archive: Archive = {(tag, 1): 1.0 for tag in TAGS}
    everything = {tag: [Span(0, END)] for tag in TAGS}
    await corrector(table, archive, dice).run(everything, TAGS)
    archive.clear()
    done = await corrector(table, archive, dice, failing=1.0).run(everything, TAGS)
    assert {each.failure.tag.webid for each in done.failed} == set(TAGS)
    assert len(held(table)) == len(TAGS)
    assert (await corrector(table, archive, dice).run(everything, TAGS)).deleted == len(TAGS)


@pytest.mark.parametrize("draining", [False, True])
async def test_a_drained_correction_says_so(*, draining: bool) -> None:
    stop = Stop()
    if draining:
        stop.drain()
    table = MemoryLake().table(EVENTS)
    each = Corrector(
        ChangingReader({("T0", 1): 1.0}, random.Random(1)),
        data=table,
        errors=MemoryLake().table(PI_INGEST_ERRORS),
        run_id="run",
        clock=FixedClock(0),
        stop=stop,
    )
    done = await each.run({"T0": [Span(0, END)]}, TAGS)
    assert (done.interrupted, done.inserted) == ((True, 0) if draining else (False, 1))
