"""One process's part of a run: planned work, a reader, the embedded engine."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pi_lakeflow.app.source import Source
from pi_lakeflow.engines.embedded import EmbeddedEngine, EngineSize, Outcome, Stop
from pi_lakeflow.flow.looplag import LoopLag
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_LANES
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
from pi_lakeflow.historians.pi.recorded.packing import AnswerSize, Sizer
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import LaneWork
from pi_lakeflow.settings.schema import Settings

_LOG = logging.getLogger("pi_lakeflow.performance")
_DECODERS = 2
_COLLECT = 3_000, 10, 100  # a few milliseconds at a time: the event loop waits meanwhile
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has to do, and what it may use for that. ``ingested_at`` in microseconds."""

    run_id: str
    ingested_at: int
    size: EngineSize
    work: tuple[LaneWork, ...]
    tags: Mapping[str, Tag]
    rates: Mapping[str, float]  # expected events per microsecond, of the tags that are known


async def read_share(
    settings: Settings, share: Share, source: Source, lake: Lake, observer: Observer, stop: Stop
) -> Outcome:
    """Read and commit all of a share."""
    data = lake.table(PI_TIMESERIES)
    reading = recorded_reader(
        settings, source, ingested_at=share.ingested_at, observer=observer, rates=share.rates
    )
    with reading as reader:
        engine = EmbeddedEngine(
            reader,
            data=data,
            registry=Registry(lake.table(PI_LANES), data),
            errors=lake.table(PI_INGEST_ERRORS),
            run_id=share.run_id,
            clock=SystemClock(),
            size=share.size,
            rates=share.rates,
            observer=observer,
            stop=stop,
        )
        async with LoopLag() as lag:
            outcome = await engine.run(share.work, share.tags)
        outcome.rates = await asyncio.to_thread(lambda: reader.rates)
        outcome.longest_stall = lag.longest
        _LOG.debug("the event loop was busy for at most %.0f ms at a time", 1000 * lag.longest)
        return outcome


@contextmanager
def recorded_reader(
    settings: Settings,
    source: Source,
    *,
    ingested_at: int,
    observer: Observer,
    rates: Mapping[str, float] | None = None,
) -> Iterator[RecordedReader]:
    """The way to recorded events, with threads for decoding that end with it."""
    with ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode") as pool:
        yield RecordedReader(
            source.client.transport,
            ingested_at=ingested_at,
            pool=pool,
            size=answer_sizer(settings),
            rates=rates,
            observer=observer,
        )


def answer_sizer(settings: Settings) -> Sizer:
    """How large answers are asked for, and between which bounds that follows the server."""
    performance = settings.performance
    return Sizer(
        AnswerSize(tags=performance.base_batch_size),
        fewest_tags=performance.min_batch_size,
        most_tags=performance.max_batch_size,
        adaptive=performance.adaptive_sizing,
    )


def settle_down() -> None:
    """Make a process that reads for long ready for it: for commands, not for other people's processes.

    What is in memory now stays for ever, and so does what compiling brings: the collector need not look at
    it again. The C library keeps the memory of bodies of megabytes instead of returning it each time
    (glibc only).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    COMPILER.then(gc.freeze)
    if os.name == "posix":
        with suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, 32 << 20)
            mallopt(_M_TRIM_THRESHOLD, 256 << 20)
