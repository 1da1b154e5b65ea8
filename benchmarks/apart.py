"""Fetch, decode and write by themselves: what each would allow if the others took no time.

    python -m benchmarks.apart URL TAGS HOURS DENSITY

The engine's own parts on a sample of the same server's answers: requests with inflating, answers to
rows in two threads, rows into Delta in commits of the engine's size. Each the best of some rounds.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from time import perf_counter

import pyarrow as pa

from benchmarks import measure
from benchmarks.server import NOW
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
_COMMIT = 500_000  # rows of one commit


@dataclass(frozen=True)
class Apart:
    """Rows per second of each part."""

    fetch: float
    decode: float
    write: float

    @property
    def limit(self) -> float:
        return min(self.fetch, self.decode, self.write)


def measured(case: Case, url: str) -> Apart:
    """The three rates, in a process of its own."""
    numbers = [str(each) for each in (case.tags, case.hours, case.density)]
    usage = measure.run([sys.executable, "-m", "benchmarks.apart", url, *numbers])
    return Apart(**json.loads(usage.output))


def main() -> None:
    """Print the rates as JSON."""
    url, tags, hours, density = sys.argv[1], *map(float, sys.argv[2:])
    hours = min(hours, _ANSWER / (60 * density))
    each = hours * 60 * density
    print(json.dumps(asyncio.run(_all(url, min(int(tags), max(1, int(ROWS / each))), hours, each))))


async def _all(url: str, tags: int, hours: float, each: float) -> dict[str, float]:
    until = to_micros(NOW)
    span = Span(until - round(hours * 3_600_000_000), until)
    async with AsyncPIWebAPIClient(url, max_in_flight=8) as client:
        resolved = await Catalog(client, "PISRV01").resolve(parse_selection(["all"]))
        found = list(resolved.tags.values())[:tags]
        size = max(1, min(100, int(_ANSWER / each)))
        calls = [found[place : place + size] for place in range(0, len(found), size)]
        fetching, bodies = [], []
        for _ in range(ROUNDS):
            started = perf_counter()
            bodies = await asyncio.gather(*(_body(client, call, span, round(each) + 10) for call in calls))
            fetching.append(perf_counter() - started)
    batches, decoding = await asyncio.to_thread(_decode, calls, bodies, span)
    rows = sum(batch.num_rows for batch in batches)
    return {"fetch": rows / min(fetching), "decode": rows / decoding, "write": rows / _write(batches)}


async def _body(client: AsyncPIWebAPIClient, tags: Sequence[Tag], span: Span, most: int) -> bytes:
    params = [("webId", tag.webid) for tag in tags]
    params += [("startTime", iso(span.start)), ("endTime", iso(span.end)), ("boundaryType", "Inside")]
    params += [("maxCount", str(most)), ("selectedFields", FIELDS), ("webIdType", "IDOnly")]
    return (await client.transport.request("GET", "streamsets/recorded", params=params)).body


def _decode(
    calls: Sequence[Sequence[Tag]], bodies: Sequence[bytes], span: Span
) -> tuple[list[pa.RecordBatch], float]:
    with ThreadPoolExecutor(2) as pool:

        def batches() -> list[pa.RecordBatch]:
            return list(pool.map(lambda body, call: _batch(body, call, span), bodies, calls))

        return batches(), _best(batches)


def _batch(body: bytes, call: Sequence[Tag], span: Span) -> pa.RecordBatch:
    return digest_first(body, call, span, ingested_at=0).batch


def _write(batches: Sequence[pa.RecordBatch]) -> float:
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
            started = perf_counter()
            for place, group in enumerate(groups):
                table.append([Step(Mark(f"lane/{place}", None, 1), group)])
            times.append(perf_counter() - started)
    return min(times)


def _best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        action()
        times.append(perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
