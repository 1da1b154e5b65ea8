"""Fetch, decode and write by themselves: what each would allow if the others took no time.

    python -m benchmarks.apart URL SERVERS-PID TAGS HOURS DENSITY

The engine's own parts on a sample of the same server's answers: requests with inflating, answers to
rows in two threads, rows into Delta in a commit of the engine's size. Each the best of some rounds.

In a run the parts share the processors with one another and with the server, so their processor time is
measured as well: of fetching in the first round, in which the server makes each answer anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import psutil
import pyarrow as pa

from benchmarks import measure
from benchmarks.server import NOW, Served
from benchmarks.suite import Case
from pi_lakeflow.historians.pi.catalog import Catalog
from pi_lakeflow.historians.pi.recorded.digest import digest_first
from pi_lakeflow.historians.pi.recorded.reader import FIELDS
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import Span, iso, to_micros
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.settings import parse_selection
from pi_lakeflow.sinks.delta import DeltaLake

ROUNDS = 3
ROWS = 2_000_000  # of the sample, at most
_ANSWER = 40_000  # rows of one answer
_COMMIT = 500_000  # rows that are handed to the writer at a time


@dataclass(frozen=True)
class Apart:
    """Rows per second of fetch, decode and write; and what they and the server take of the processors,
    in seconds per million rows."""

    rates: dict[str, float]
    processor: dict[str, float]


@dataclass(frozen=True)
class _Took:
    """Seconds by the wall clock and of this process's processor time."""

    seconds: float
    processor: float


def measured(case: Case, server: Served) -> Apart:
    """The parts, in a process of their own."""
    numbers = [str(each) for each in (server.pid, case.tags, case.hours, case.density)]
    usage = measure.run([sys.executable, "-m", "benchmarks.apart", server.url, *numbers])
    return Apart(**json.loads(usage.output))


def main() -> None:
    """Print what was measured as JSON."""
    url, pid = sys.argv[1], int(sys.argv[2])
    tags, hours, density = map(float, sys.argv[3:])
    hours = min(hours, _ANSWER / (60 * density))
    each = hours * 60 * density
    most = min(int(tags), max(1, int(ROWS / each)))
    print(json.dumps(asdict(asyncio.run(_all(url, psutil.Process(pid), most, hours, each)))))


async def _all(url: str, server: psutil.Process, tags: int, hours: float, each: float) -> Apart:
    until = to_micros(NOW)
    span = Span(until - round(hours * 3_600_000_000), until)
    async with AsyncPIWebAPIClient(url, max_in_flight=8) as client:
        resolved = await Catalog(client, "PISRV01").resolve(parse_selection(["all"]))
        found = list(resolved.tags.values())[:tags]
        size = max(1, min(100, int(_ANSWER / each)))
        calls = [found[place : place + size] for place in range(0, len(found), size)]
        fetching, answering = [], []
        bodies: list[bytes] = []
        for _ in range(ROUNDS):
            before, began = _busy(server), (perf_counter(), process_time())
            bodies = await asyncio.gather(*(_body(client, call, span, round(each) + 10) for call in calls))
            fetching.append(_since(*began))
            answering.append(_busy(server) - before)
    batches, decoding = await asyncio.to_thread(_decode, calls, bodies, span)
    writing = await asyncio.to_thread(_write, batches)
    rows = sum(batch.num_rows for batch in batches)
    best = {"fetch": min(fetching, key=lambda one: one.seconds), "decode": decoding, "write": writing}
    busy = {"fetch": fetching[0].processor, "decode": decoding.processor, "write": writing.processor}
    return Apart(
        {name: rows / one.seconds for name, one in best.items()},
        {name: seconds / rows * 1e6 for name, seconds in (busy | {"server": answering[0]}).items()},
    )


async def _body(client: AsyncPIWebAPIClient, tags: Sequence[Tag], span: Span, most: int) -> bytes:
    params = [("webId", tag.webid) for tag in tags]
    params += [("startTime", iso(span.start)), ("endTime", iso(span.end)), ("boundaryType", "Inside")]
    params += [("maxCount", str(most)), ("selectedFields", FIELDS), ("webIdType", "IDOnly")]
    return (await client.transport.request("GET", "streamsets/recorded", params=params)).body


def _decode(
    calls: Sequence[Sequence[Tag]], bodies: Sequence[bytes], span: Span
) -> tuple[list[pa.RecordBatch], _Took]:
    with ThreadPoolExecutor(2) as pool:

        def batches() -> list[pa.RecordBatch]:
            return list(pool.map(lambda body, call: _batch(body, call, span), bodies, calls))

        return batches(), _best(batches)


def _batch(body: bytes, call: Sequence[Tag], span: Span) -> pa.RecordBatch:
    return digest_first(body, call, span, ingested_at=0).batch


def _write(batches: Sequence[pa.RecordBatch]) -> _Took:
    groups: list[list[pa.RecordBatch]] = [[]]
    for batch in batches:
        if sum(each.num_rows for each in groups[-1]) >= _COMMIT:
            groups.append([])
        groups[-1].append(batch)
    times = []
    for _ in range(ROUNDS):
        with TemporaryDirectory() as folder:
            table = DeltaLake(folder).table(PI_TIMESERIES)
            table.append([])  # makes the table
            writer = table.writer(_COMMIT)
            steps = [Step(Mark(f"lane/{place}", None, 1), group) for place, group in enumerate(groups)]
            began = perf_counter(), process_time()
            for step in steps:
                writer.write([step])
            writer.commit(steps)
            times.append(_since(*began))
    return min(times, key=lambda took: took.seconds)


def _best(action: Callable[[], object]) -> _Took:
    times = []
    for _ in range(ROUNDS):
        began = perf_counter(), process_time()
        action()
        times.append(_since(*began))
    return min(times, key=lambda took: took.seconds)


def _since(started: float, busy: float) -> _Took:
    return _Took(perf_counter() - started, process_time() - busy)


def _busy(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
