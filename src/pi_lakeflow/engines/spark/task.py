"""What a task does: read its units, a little ahead of Spark, and hand over Arrow batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import closing

import pyarrow as pa
from pyspark.sql.datasource import InputPartition

from pi_lakeflow import aio
from pi_lakeflow.engines.spark.delivery import Delivery
from pi_lakeflow.engines.spark.leftbehind import Notes, refuse
from pi_lakeflow.engines.spark.ports import Plant
from pi_lakeflow.engines.spark.told import told
from pi_lakeflow.engines.spark.work import Portion
from pi_lakeflow.flow.windows import LaneRun, StepSize
from pi_lakeflow.model.ports import UnitReader
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import LaneWork, Piece, WorkUnit

_STEP = StepSize(rows=200_000)
_AHEAD = 1  # pieces read and not yet taken by Spark: with those being read they bound a task's memory
_LANES = 2  # units read side by side, so that no request slot idles while another unit is decoded

Put = Callable[[Piece], Awaitable[None]]


def read_portion(
    plant: Plant, spec: TableSpec, portion: InputPartition, delivery: Delivery
) -> Iterator[pa.RecordBatch]:
    """What ``delivery`` makes of the rows of a partition.

    Raises ``Refused`` for a tag that cannot be read, unless the partition says where to note it.
    """
    if not isinstance(portion, Portion):  # Spark makes up one when there is nothing to read
        return
    with closing(_rows(plant, spec, portion)) as rows:
        yield from delivery.deliver(rows)


def _rows(plant: Plant, spec: TableSpec, portion: Portion) -> Generator[pa.RecordBatch]:
    notes = Notes(portion.note) if portion.note else None

    async def source(put: Put) -> None:
        async with plant.reader(portion.settings, spec, ingested_at=portion.ingested_at) as reader:
            await read_units(reader, [WorkUnit.from_json(text) for text in portion.units], put)

    ahead = _Ahead(source)
    try:
        while (piece := _take(ahead)) is not None:
            if piece.failures and notes is None:
                with told():
                    refuse(piece.failures)
            if piece.failures and notes is not None:
                notes.add(piece.failures, piece.span)
            yield from piece.batches
    finally:
        ahead.close()


@told()
def _take(ahead: _Ahead) -> Piece | None:
    return ahead.take()


async def read_units(reader: UnitReader, units: list[WorkUnit], put: Put) -> None:
    """Hand all pieces of all units to ``put``, in no order."""
    waiting = iter(units)

    async def lane() -> None:
        for unit in waiting:
            await _read_unit(reader, unit, put)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_LANES, len(units))):
            group.create_task(lane())


async def _read_unit(reader: UnitReader, unit: WorkUnit, put: Put) -> None:
    """Step by step, each as large as the steps before suggest. Every tag is tried in every step, so
    that what is missing of a failed one is exactly what the pieces say."""
    lane = LaneRun.of(LaneWork(unit.lane, None, None, unit.span, tuple(tag.webid for tag in unit.tags)))
    while not lane.finished:
        step = WorkUnit(unit.table, unit.lane, lane.next_span(_STEP), unit.tags)
        piece = await reader.read(step, row_limit=2 * _STEP.rows)
        lane.position = piece.span.end
        lane.learn(piece.span, piece.rows)
        await put(piece)


class _Ahead:
    """Runs ``source`` on the private loop and keeps a few of its pieces ready."""

    def __init__(self, source: Callable[[Put], Awaitable[None]]) -> None:
        self._source = source
        self._ready: asyncio.Queue[Piece] = asyncio.Queue(_AHEAD)
        self._task: asyncio.Task[None] | None = None

    def take(self) -> Piece | None:
        """The next piece, None when there are no more. Raises what the source raised."""
        return aio.run(self._take())

    def close(self) -> None:
        """Stop the source; Spark may want no more rows before there are none."""
        aio.run(self._close())

    async def _take(self) -> Piece | None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        getting = asyncio.create_task(self._ready.get())
        await asyncio.wait({getting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
        self._task.result()
        return None

    async def _run(self) -> None:
        try:
            await self._source(self._ready.put)
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from None

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
