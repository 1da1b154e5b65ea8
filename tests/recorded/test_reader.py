"""The reader against a simulated server with traps: each is a case that loses rows elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pi_lakeflow.errors import SourceUnavailable
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.recorded.packing import AnswerSize
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader, iso_ticks
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import Span, to_micros
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Piece, WorkUnit
from pi_lakeflow.simulator import (
    Fault,
    FixedClock,
    NewEvent,
    Oddities,
    Simulator,
    SimulatorConfig,
    start_simulator,
)
from pi_lakeflow.simulator.config import Limits

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
HOUR = 3_600_000_000
SPAN = Span(NOW - 6 * HOUR, NOW)
PLAIN = SimulatorConfig(tags=4, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))


@asynccontextmanager
async def reading(
    config: SimulatorConfig, size: AnswerSize | None = None
) -> AsyncIterator[tuple[Simulator, Callable[..., object]]]:
    """A simulator, and a function that reads a span of all its tags."""
    async with start_simulator(config) as sim, AsyncPIWebAPIClient(sim.url) as client:
        with ThreadPoolExecutor(1) as pool:
            reader = RecordedReader(client.transport, ingested_at=0, pool=pool, size=size)
            tags = tuple(Tag(sim.world.webid(t), t.name) for t in sim.world.tags())

            async def read(span: Span = SPAN, row_limit: int = 10**6) -> Piece:
                return await reader.read(WorkUnit("pi_timeseries", "lane", span, tags), row_limit=row_limit)

            yield sim, read


def rows_of(piece: Piece) -> int:
    return pa.Table.from_batches(list(piece.batches)).num_rows if piece.batches else 0


def truth(sim: Simulator, span: Span) -> int:
    return sum(sim.world.truth(tag, span.start, span.end).num_rows for tag in sim.world.tags())


async def test_pages_join_without_loss() -> None:
    """A server that returns seven events at a time."""
    async with reading(replace(PLAIN, limits=Limits(max_returned_items=7))) as (sim, read):
        piece = await read()
        assert rows_of(piece) == truth(sim, SPAN) > 0
        assert piece.span == SPAN


async def test_more_events_at_one_timestamp_than_an_answer_may_hold() -> None:
    """The tag is left behind with a message; the others are complete."""
    config = replace(PLAIN, limits=Limits(max_returned_items=50))
    async with reading(config) as (sim, read):
        first = next(iter(sim.world.tags()))
        sim.world.late_events(first, [NewEvent(NOW - HOUR, float(i)) for i in range(60)])
        piece = await read()
        assert [failure.tag.name for failure in piece.failures] == [first.name]
        assert "more than" in piece.failures[0].message
        others = truth(sim, SPAN) - sim.world.truth(first, SPAN.start, SPAN.end).num_rows
        assert rows_of(piece) == others


async def test_a_unit_too_large_for_memory_ends_earlier() -> None:
    """What comes back is whole up to an earlier end."""
    async with reading(PLAIN, AnswerSize(rows=100, items=400)) as (sim, read):
        piece = await read(row_limit=500)
        assert SPAN.start < piece.span.end < SPAN.end
        assert rows_of(piece) == truth(sim, piece.span)


async def test_one_forbidden_tag_among_several() -> None:
    """A streamset call fails as a whole; the culprit is found and the rest is read."""
    async with reading(PLAIN) as (sim, read):
        names = [tag.name for tag in sim.world.tags()]
        sim.faults.add(Fault("tag_status", status=403, tags=(names[2],)))
        piece = await read()
        assert [(f.tag.name, f.status) for f in piece.failures] == [(names[2], 403)]
        assert piece.good_tags == 3


async def test_a_failed_value_is_never_a_good_null() -> None:
    """Errors on values quarantine the tag: none of its rows is kept."""
    async with reading(PLAIN) as (sim, read):
        names = [tag.name for tag in sim.world.tags()]
        sim.faults.add(Fault("value_errors", tags=(names[0],), probability=0.1))
        piece = await read()
        assert [failure.tag.name for failure in piece.failures] == [names[0]]
        kept = pa.Table.from_batches(list(piece.batches))["tag_name"].unique().to_pylist()
        assert names[0] not in kept


async def test_a_web_exception_under_200_is_asked_again() -> None:
    """Twice bad, then good: complete and nobody left behind."""
    async with reading(PLAIN) as (sim, read):
        sim.faults.add(Fault("web_exception", route="*recorded*", count=2))
        piece = await read()
        assert not piece.failures
        assert rows_of(piece) == truth(sim, SPAN)


async def test_a_server_that_is_away_stops_everybody() -> None:
    """No quarantine for what is the server's failure."""
    async with start_simulator(PLAIN) as sim:
        url, tags = sim.url, [Tag(sim.world.webid(t), t.name) for t in sim.world.tags()]
    with ThreadPoolExecutor(1) as pool:
        async with AsyncPIWebAPIClient(url, retry=RetryPolicy(attempts=1)) as client:
            reader = RecordedReader(client.transport, ingested_at=0, pool=pool)
            with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1"):
                await reader.read(WorkUnit("pi_timeseries", "lane", SPAN, tuple(tags)), row_limit=10)


def test_ticks_keep_all_seven_digits() -> None:
    """What a page is continued from is the server's own time, not ours."""
    assert iso_ticks(16_000_000_001_234_567) == "2020-09-13T12:26:40.1234567Z"
    assert iso_ticks(16_000_000_000_000_000) == "2020-09-13T12:26:40Z"
