"""Several processes for one run: the work is split between them, and so is what the server may bear.

The process that was asked works too; the others are ``app.worker``. Each reads, decodes and commits its own
lanes, so that no body ever crosses a pipe. Lanes are independent of one another (see
docs/design/coverage.md), so exactness and survival of a kill hold with any number of processes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import heapreplace
from typing import Any

from pi_lakeflow.app.frames import Allow, Drain, Ended, Happened, Job, packed, receive_async
from pi_lakeflow.app.reading import Share, read_share
from pi_lakeflow.app.source import Source
from pi_lakeflow.engines.embedded import EngineSize, Outcome, Stop
from pi_lakeflow.errors import Internal, Unavailable
from pi_lakeflow.flow.gate import Budget
from pi_lakeflow.flow.windows import expected_pace
from pi_lakeflow.model.events import Event, LimitChanged, Observer
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.work import LaneWork
from pi_lakeflow.settings.schema import Performance, Settings

WORTH_A_PROCESS = 5_000_000  # rows: starting a process costs about two seconds of a processor
LEAST_MEMORY = 0.9  # GB for each process: with less, requests and commits become small
WORTH_A_SHARE = 10  # requests per second: the rate of one process is rounded down
_SETTLED = 1.1  # seconds after which the last requests of a process no longer count against the rate
_PATIENCE = 10.0  # seconds for a worker to end by itself


def how_many(performance: Performance, rows: float, lanes: int) -> int:
    """Processes for a run of about ``rows`` rows in ``lanes`` lanes."""
    if performance.workers == "auto":
        bounds = [processors(), rows // WORTH_A_PROCESS, performance.memory_limit_gb // LEAST_MEMORY]
        if performance.rate_limit is not None:
            bounds.append(performance.rate_limit // WORTH_A_SHARE)
        wanted = int(min(bounds))
    else:
        wanted = performance.workers
    return max(1, min(wanted, lanes, performance.max_in_flight))


async def read_with_workers(
    settings: Settings, share: Share, count: int, source: Source, lake: Lake, observer: Observer, stop: Stop
) -> Outcome:
    """Read and commit a share with ``count`` processes, this one included.

    Raises what any of them raises; the others finish what is under way first.
    """
    budget = source.client.transport.gate.budget
    size = EngineSize.for_memory(
        settings.performance.memory_limit_gb / count, max(2, budget.max_in_flight // count)
    )
    size = replace(size, rows=min(size.rows, share.size.rows))
    parts = [replace(share, size=size, work=work) for work in split(share.work, count, share.rates)]
    parts = [_reduced(part) for part in parts]
    crew = _Crew(settings, budget, source, observer, stop)
    return await crew.run(parts, lake)


def split(work: Sequence[LaneWork], count: int, rates: Mapping[str, float]) -> list[tuple[LaneWork, ...]]:
    """Lanes in ``count`` parts of about as many events."""
    events = {item.lane: item.span.length * expected_pace(item.webids, rates) for item in work}
    parts: list[list[LaneWork]] = [[] for _ in range(count)]
    loads = [(0.0, place) for place in range(count)]
    for item in sorted(work, key=lambda each: (each.span.start, -events[each.lane])):
        load, place = loads[0]
        parts[place].append(item)
        heapreplace(loads, (load + events[item.lane], place))
    return [tuple(part) for part in parts if part]


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    limit: float = 0.0

    def send(self, message: object) -> None:
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(packed(message))


class _Crew:
    """This process and its workers."""

    def __init__(
        self, settings: Settings, budget: Budget, source: Source, observer: Observer, stop: Stop
    ) -> None:
        self._settings = settings
        self._budget = budget
        self._source = source
        self._observer = observer
        self._stop = stop
        self._limit = 0.0  # of this process
        self._workers: list[_Worker] = []
        self._busy: set[int] = set()
        self._closed = False

    async def run(self, parts: Sequence[Share], lake: Lake) -> Outcome:
        count = len(parts)
        self._busy = set(range(count))
        self._source.client.transport.gate.resize(self._budget.share(count, 0))
        self._stop.then(self._drain)
        try:
            for place, part in enumerate(parts[1:], start=1):
                self._workers.append(await self._start(part, self._budget.share(count, place), count))
            results = await asyncio.gather(
                self._guarded(0, self._own(parts[0], lake)),
                *(self._guarded(place, self._follow(place)) for place in range(1, count)),
                return_exceptions=True,
            )
        finally:
            self._closed = True
            self._source.client.transport.gate.resize(self._budget)
            await asyncio.gather(*(_end(worker) for worker in self._workers))
        return _together(results)

    async def _start(self, part: Share, budget: Budget, count: int) -> _Worker:
        performance = self._settings.performance
        mine = replace(
            performance,
            max_workers=budget.max_in_flight,
            rate_limit=budget.rate_per_second,
            connection_pool_size=max(1, performance.pool_size // count),
            workers=1,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pi_lakeflow.app.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; we tell it to drain
        )
        worker = _Worker(process)
        worker.send(Job(replace(self._settings, performance=mine), part))
        worker.send(Allow(budget))
        if self._stop.draining:
            worker.send(Drain())
        return worker

    async def _own(self, part: Share, lake: Lake) -> Outcome:
        return await read_share(self._settings, part, self._source, lake, self._note_own, self._stop)

    def _note_own(self, event: Event) -> None:
        self._note(event, None)

    def _note(self, event: Event, worker: _Worker | None) -> None:
        """Pass an event on; limits add up."""
        if isinstance(event, LimitChanged):
            if worker is None:
                self._limit = event.limit
            else:
                worker.limit = event.limit
            total = self._limit + sum(each.limit for each in self._workers)
            event = replace(event, limit=total)
        self._observer(event)

    async def _follow(self, place: int) -> Outcome:
        worker = self._workers[place - 1]
        pipe = worker.process.stdout
        if pipe is None:
            raise Internal("a worker without a pipe")
        while True:
            try:
                message = await receive_async(pipe)
            except EOFError:
                code = await worker.process.wait()
                raise _lost(code) from None
            if isinstance(message, Happened):
                for event in message.events:
                    self._note(event, worker)
            elif isinstance(message, Ended):
                worker.limit = 0.0
                if message.outcome is None:
                    raise message.error or Internal("a worker ended without an outcome")
                return message.outcome

    async def _guarded(self, place: int, part: Coroutine[Any, Any, Outcome]) -> Outcome:
        try:
            return await part
        except BaseException:
            self._stop.drain()  # the others commit what they have
            raise
        finally:
            self._busy.discard(place)
            asyncio.get_running_loop().call_later(_SETTLED, self._share_again)

    def _share_again(self) -> None:
        """Whoever still works gets what the others no longer need."""
        if self._closed:
            return
        busy = sorted(self._busy)
        for index, place in enumerate(busy):
            budget = self._budget.share(len(busy), index)
            if place == 0:
                self._source.client.transport.gate.resize(budget)
            else:
                self._workers[place - 1].send(Allow(budget))

    def _drain(self) -> None:
        if not self._closed:
            for worker in self._workers:
                worker.send(Drain())


def _reduced(share: Share) -> Share:
    """Only what concerns its own tags: it crosses a pipe."""
    webids = [webid for item in share.work for webid in item.webids]
    tags = {webid: share.tags[webid] for webid in webids}
    return replace(share, tags=tags, rates={w: share.rates[w] for w in webids if w in share.rates})


def _together(results: Sequence[Outcome | BaseException]) -> Outcome:
    whole = Outcome()
    for result in results:
        if isinstance(result, BaseException):
            raise result
        whole.rows += result.rows
        whole.commits += result.commits
        whole.version = max((v for v in (whole.version, result.version) if v is not None), default=None)
        whole.failed += result.failed
        whole.moved += result.moved
        whole.rates.update(result.rates)
        whole.longest_stall = max(whole.longest_stall, result.longest_stall)
        whole.interrupted |= result.interrupted
        whole.peak_rows += result.peak_rows
    return whole


async def _end(worker: _Worker) -> None:
    """Close the pipe, which a worker takes for the order to stop; kill it when it does not."""
    if worker.process.stdin is not None:
        worker.process.stdin.close()
    try:
        await asyncio.wait_for(worker.process.wait(), _PATIENCE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            worker.process.kill()
        await worker.process.wait()


def _lost(code: int) -> Unavailable:
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return Unavailable(
        f"a worker process ended {how}",
        hint="run the same command again; when memory is short, lower performance.workers or memory_limit_gb",
    )


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
