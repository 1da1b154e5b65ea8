"""Rows per processor-second of each decoding route, and as a multiple of ``orjson.loads``.

    python -m benchmarks.decode [--quick] [--json]

The bodies are made here: 100 streams of 1,000 events, 95 of them numeric, 3 digital, 2 of text, with
0.5 % system states. Processor time, the best of several interleaved rounds, so that neighbours count
little; compare the multiples, which neighbours move least.
"""

from __future__ import annotations

import gc
import json
import random
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from time import gmtime, perf_counter, process_time, strftime
from zlib import crc32

import orjson
import pyarrow as pa

from pi_lakeflow.historians.pi.decode.compiled import decode_compiled
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.page import RecordedPage
from pi_lakeflow.historians.pi.decode.recorded import StreamMeta, decode_recorded
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import Misfit, decode_typed
from pi_lakeflow.historians.pi.recorded.digest import digest_first
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tags import Tag


def decode_accelerated(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The accelerated route; it does not fit where its loop cannot be compiled."""
    scan = COMPILER.wait()
    if scan is None:
        raise Misfit("not compiled")
    return decode_compiled(body, meta, scan)


ROUTES = {
    "accelerated": decode_accelerated,
    "speculative": decode_speculative,
    "typed": decode_typed,
    "lenient": decode_lenient,
}
TIMEOUT = '{"Name":"I/O Timeout","Value":246,"IsSystem":true}'
TICKS = 10_000_000


@dataclass(frozen=True)
class Shape:
    """What a body looks like. Shares are of the streams, or of the events for ``irregular``."""

    full: bool = False
    digital: float = 0.03
    text: float = 0.02
    irregular: float = 0.0
    blanks: bool = False
    events: int = 1_000


SHAPES = {
    "reduced": Shape(),
    "full": Shape(full=True),
    "40 % digital": Shape(digital=0.4),
    "40 % text": Shape(text=0.4),
    "10 % questionable": Shape(irregular=0.1),
    "10 events a stream": Shape(events=10),
    "with blanks": Shape(blanks=True),
}


@dataclass(frozen=True)
class Result:
    """``rates`` are in million rows per processor-second; a route that does not fit has none.

    ``to_rows`` is the same from the body to rows of the table. ``two_threads`` is how many times as much
    two threads get done as one; ``spinning`` is that of loops that share nothing, which neighbours lessen.
    """

    shape: str
    bytes_per_row: float
    orjson: float
    rates: dict[str, float | None]
    to_rows: float
    two_threads: float
    spinning: float


def number(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return repr(float(f"{rng.uniform(-500, 500):.7g}"))
    return repr(rng.uniform(-500, 500)) if kind < 0.8 else str(rng.randint(-1_000, 1_000))


def value(rng: random.Random, kind: str) -> str:
    if kind == "digital":
        state = rng.randrange(4)
        return f'{{"Name":"State {state}","Value":{state},"IsSystem":false}}'
    return json.dumps(f'batch {rng.randrange(10**6)} "é" {{"Value":{{') if kind == "text" else number(rng)


def event(rng: random.Random, ticks: int, kind: str, shape: Shape) -> str:
    fraction = f".{ticks % TICKS:07}".rstrip("0").rstrip(".")
    time = strftime("%Y-%m-%dT%H:%M:%S", gmtime(ticks // TICKS)) + fraction + "Z"
    good, questionable, token = "true", "false", value(rng, kind)
    if rng.random() < 0.005:
        good, token = "false", TIMEOUT
    if rng.random() < shape.irregular:
        questionable = "true"
    units = '"UnitsAbbreviation":"",' if shape.full else ""
    flags = f'"Good":{good},"Questionable":{questionable},"Substituted":false,"Annotated":false'
    return f'{{"Timestamp":"{time}","Value":{token},{units}{flags}}}'


def stream(rng: random.Random, place: int, kind: str, shape: Shape) -> str:
    ticks, events = 1_704_067_200 * TICKS, []
    for _ in range(shape.events):
        ticks += rng.randrange(1, 90 * TICKS)
        ticks += -ticks % TICKS if rng.random() < 0.1 else 0
        events.append(event(rng, ticks, kind, shape))
    webid = f"I1DPa70Wf0zBA06CLkV9ovNQgQ{place:06}"
    path = f'"Name":"TAG{place}","Path":"\\\\\\\\SRV\\\\TAG{place}",' if shape.full else ""
    links = f'"Links":{{"Source":"https://pi/piwebapi/points/{webid}"}},' if shape.full else ""
    return f'{{"WebId":"{webid}",{path}{links}"Items":[{",".join(events)}],"UnitsAbbreviation":""}}'


def body_of(shape: Shape, rows: int) -> bytes:
    """A body of ``rows`` events, the same whenever it is asked for."""
    rng, streams = random.Random(7), rows // shape.events
    kinds = ["digital" if n < shape.digital * streams else "number" for n in range(streams)]
    kinds[len(kinds) - round(shape.text * streams) :] = ["text"] * round(shape.text * streams)
    body = f'{{"Items":[{",".join(stream(rng, n, kind, shape) for n, kind in enumerate(kinds))}]}}'
    return body.replace('":', '": ').encode() if shape.blanks else body.encode()


def seconds(action: Callable[[], object]) -> float:
    began = process_time()
    action()
    return process_time() - began


def loads_without_collector(body: bytes) -> float:
    """``orjson.loads`` at its best: the cyclic collector would cost it up to half."""
    gc.disable()
    try:
        return seconds(lambda: orjson.loads(body))
    finally:
        gc.enable()


def measure(name: str, shape: Shape, rows: int, rounds: int) -> Result:
    """Each route and ``orjson.loads`` on one body, in turn."""
    body = body_of(shape, rows)
    meta: dict[str, StreamMeta] = {}
    COMPILER.wait()
    expected = decode_recorded(body, meta)
    tags = [Tag(stream.webid, stream.webid) for stream in expected.streams]
    assert to_rows(body, tags).num_rows == rows
    best: dict[str, float] = {}
    for turn in range(rounds):
        best["orjson"] = min(best.get("orjson", 1e9), loads_without_collector(body))
        best["to rows"] = min(best.get("to rows", 1e9), seconds(lambda: to_rows(body, tags)))
        for route, decode in ROUTES.items():
            if route == "lenient" and turn:
                continue  # slow, and for odd answers only: once is enough
            try:
                taken = seconds(lambda decode=decode: decode(body, meta))
            except Misfit:
                continue
            best[route] = min(best.get(route, 1e9), taken)
    for route in best.keys() & ROUTES.keys():
        assert ROUTES[route](body, meta).rows.equals(expected.rows), route
    rates = {route: rows / best[route] / 1e6 if route in best else None for route in ROUTES}
    return Result(
        name,
        len(body) / rows,
        rows / best["orjson"] / 1e6,
        rates,
        rows / best["to rows"] / 1e6,
        *scaling(lambda: to_rows(body, tags), rounds),
    )


def to_rows(body: bytes, tags: list[Tag]) -> pa.RecordBatch:
    """What a run makes of an answer: rows of the table, all of them inside the span."""
    return digest_first(body, tags, Span(0, 50_000 * DAY), ingested_at=0).batch


def scaling(action: Callable[[], object], rounds: int) -> tuple[float, float]:
    """How many times as much two threads get done as one: of ``action``, and of a loop without the lock.

    By the clock, the best of interleaved rounds; each thread does ``action`` four times.
    """
    spin, data = (lambda: crc32(data)), bytes(16 << 20)
    best: dict[tuple[bool, int], float] = {}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            for ours in (True, False):
                for threads in (1, 2):
                    began = perf_counter()
                    each = [pool.submit(repeated, action if ours else spin) for _ in range(threads)]
                    for future in each:
                        future.result()
                    taken = perf_counter() - began
                    best[ours, threads] = min(best.get((ours, threads), 1e9), taken)
    return 2 * best[True, 1] / best[True, 2], 2 * best[False, 1] / best[False, 2]


def repeated(action: Callable[[], object]) -> None:
    for _ in range(4):
        action()


def line(result: Result) -> str:
    shown = "".join(
        f"{'-':>9}{'':7}" if rate is None else f"{rate:>9.2f}{rate / result.orjson:>6.2f}x"
        for rate in result.rates.values()
    )
    threads = f"{result.two_threads:>8.2f}x of {result.spinning:.2f}x"
    head = f"{result.shape:20}{result.bytes_per_row:>6.0f}{result.orjson:>9.2f}"
    return f"{head}{shown}{result.to_rows:>9.2f}{threads}"


def measured(size: str = "full") -> list[Result]:
    """All shapes; a quick look takes one small body each."""
    rows, rounds = {"quick": (5_000, 1), "small": (100_000, 4), "full": (100_000, 15)}[size]
    return [measure(name, shape, rows, rounds) for name, shape in SHAPES.items()]


def main() -> None:
    """One line, or one JSON object, for each shape."""
    results = measured("quick" if "--quick" in sys.argv else "full")
    if "--json" in sys.argv:
        print(json.dumps([asdict(result) for result in results]))
        return
    routes = "".join(f"{route:>16}" for route in ROUTES)
    print(f"{'million rows/s':20}{'B/row':>6}{'orjson':>9}{routes}{'to rows':>9}{'two threads':>17}")
    for result in results:
        print(line(result))


if __name__ == "__main__":
    main()
