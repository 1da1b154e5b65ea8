"""Results as the tables of docs/performance.md, between markers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks import plot, results, suite, traces
from benchmarks.results import Curves, Line, Rates, Result

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def render(page: Path, folder: Path, pictures: Path) -> None:
    """Put each scenario's table, as measured last, between its markers."""
    text = page.read_text(encoding="utf-8")
    for name in suite.names():
        result = results.load(name, folder)
        if result is not None:
            text = _between(text, name, section(result))
            _draw(result, pictures)
    rates = results.load_rates(folder)
    if rates is not None:
        text = _between(text, "decode", decoding(rates))
    curves = results.load_curves(folder)
    if curves is not None:
        text = _between(text, "traces", tracing(curves))
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / "traces.svg").write_text(_traced(curves), encoding="utf-8")
    rates = results.load_rates(folder, "spark")
    if rates is not None:
        text = _between(text, "spark", through_spark(rates))
    page.write_text(text, encoding="utf-8")


def tracing(curves: Curves) -> str:
    """The limit over time."""
    bad, good = curves.trace["bad"], curves.trace["good"]
    words = _TRACE_TEXT.format(workers=traces.WORKERS, allowed=traces.ALLOWED, bad=bad, good=good)
    picture = "![Requests at once over time](performance/traces.svg)"
    return "\n\n".join([words, picture, _where(curves)])


def _traced(curves: Curves) -> str:
    samples = curves.trace["samples"]
    end = samples[-1][0]
    lines = {
        "allowed": [(at, allowed) for at, allowed, _ in samples],
        "under way": [(at, under_way) for at, _, under_way in samples],
        "workers of the server": [(0, traces.WORKERS), (end, traces.WORKERS)],
    }
    return plot.lines(lines, x="seconds", y="requests")


_TRACE_TEXT = """
A server with {workers} workers, and a client that may have {allowed} requests under way
(`performance.max_workers`) and always has more to ask. Between second {bad:.0f} and second {good:.0f} the
server refuses three requests in ten (503, with `Retry-After`) and takes half a second longer for the others.
""".strip()


def decoding(rates: Rates) -> str:
    """The routes side by side, in million rows per second of one processor."""
    routes = ("accelerated", "speculative", "typed", "lenient")
    head = "| answers | bytes a row | accelerated | fast route | simple route | odd answers "
    head += "| `orjson.loads` alone | body to rows | on two threads |"
    rows = [
        f"| {each['shape']} | {each['bytes_per_row']:.0f} | "
        + " | ".join(_rate(each["rates"][route]) for route in routes)
        + f" | {each['orjson']:.2f} | {each['to_rows']:.2f}"
        + f" | {each['two_threads']:.2f} times ({each['spinning']:.2f}) |"
        for each in rates.shapes
    ]
    return "\n\n".join([_DECODE_TEXT, "\n".join([head, "|---|" + "---:|" * 8, *rows]), _where(rates)])


def through_spark(rates: Rates) -> str:
    """Ways through Spark, beside the embedded engine of the same run."""
    base = rates.shapes[0]["rate"]
    rows = [
        f"| {each['label']} | {each['rows']:,} | {each['rate']:,.0f} | {each['rate'] / base:.0%} |"
        for each in rates.shapes
    ]
    head = "| | rows | rows/s | of the embedded engine |\n|---|---:|---:|---:|"
    return "\n\n".join([_SPARK_TEXT, "\n".join([head, *rows]), _where(rates)])


_SPARK_TEXT = """
One local Spark with two cores (`local[2]`), warm: its start, some ten seconds, is not counted. Tables are
compared with the archive. The start of a query, and of each micro-batch, is counted: a few seconds, however
many rows there are. Spark is set as [recommended](spark.md#6-write-delta). `python -m benchmarks.spark`
writes this table.
""".strip()

_DECODE_TEXT = """
Answers to rows, in million rows per second of processor time on one processor. An answer whose events all
have the same layout takes the fast route, or the accelerated one where numba is installed
(`pip install 'pi-lakeflow[fast]'`) and the process has decoded enough to have compiled it; any surprise
sends it to the simple one; only what breaks the documented types takes the last. `orjson.loads` makes Python
objects of the same bytes and no rows. "Body to rows" is what a run pays, up to the columns of
`pi_timeseries`, accelerated where that fits. The last column tells how many times as much two threads get
done by the clock, beside what loops that share nothing get at the same time.
""".strip()


def _rate(rate: float | None) -> str:
    return "does not fit" if rate is None else f"{rate:.2f}"


def section(result: Result) -> str:
    """One scenario's table with its words."""
    scenario = suite.load(result.scenario, result.size)
    parts = [scenario.text, _table(result)]
    parts += [_apart(line) for line in result.lines if line.apart]
    if any(line.samples for line in result.lines):
        parts.append(f"![Memory over time](performance/{result.scenario}.svg)")
    return "\n\n".join([*parts, _where(result)])


def _table(result: Result) -> str:
    """A column that no line has anything for is left out."""
    naive = [line for line in result.lines if line.contender != "product"]
    processors = result.machine["processors"]
    rows = [_cells(line, naive[0] if naive else None, processors) for line in result.lines]
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    lines = [
        " | ".join([line.label, *(row[name] for name in columns)])
        for line, row in zip(result.lines, rows, strict=True)
    ]
    head = "| | " + " | ".join(columns) + " |"
    return "\n".join([head, "|---|" + "---:|" * len(columns), *(f"| {line} |" for line in lines)])


def _cells(line: Line, slowest: Line | None, processors: int) -> dict[str, str]:
    """The cells of a line by column."""
    long = line.seconds * line.stands_for / line.tags
    turns = line.turns_share(processors)
    return {
        "rows": f"{line.rows:,}",
        "time": _time(line.seconds),
        "extrapolated to 100,000 tags": _time(long) if line.stands_for else "",
        "rows/s": f"{line.rate:,.0f}",
        "tags/s": f"{line.tags / line.seconds:,.{0 if line.tags > line.seconds else 2}f}",
        "times as fast": "" if slowest is None else f"{line.rate / slowest.rate:,.1f}",
        "requests": f"{line.requests:,}",
        "JSON / received": _received(line),
        "CPU s per M rows": f"{line.cpu_seconds / line.rows * 1e6:,.2f}",
        "peak memory": _size(line.peak_bytes),
        "files": f"{line.files} of {_size(line.file_bytes)}" if line.files else "",
        "of the slowest part": "" if line.limit_share is None else f"{line.limit_share:.0%}",
        "of the processors": "" if turns is None else f"{turns:.0%}",
    }


def _received(line: Line) -> str:
    return f"{_size(line.body_bytes)} / {_size(line.wire_bytes)}" if line.body_bytes else ""


def _apart(line: Line) -> str:
    rates = ", ".join(f"{name} {rate / 1e6:.2f}" for name, rate in line.apart.items())
    told = f"{line.label}, each part by itself, in million rows/s: {rates}."
    if line.processor:
        told += " Processor seconds per million rows: "
        told += ", ".join(f"{name} {seconds:.2f}" for name, seconds in line.processor.items()) + "."
    return told


def _where(result: Result | Rates | Curves) -> str:
    on = result.machine
    busy = on["load_before"] > _IDLE
    others = " *Others kept the computer busy meanwhile: only the ratios mean something.*" if busy else ""
    return (
        f"*Measured {result.at} at size `{result.size}`, {on['processors']} processors shared with the "
        f"simulator (load before: {on['load_before']}), Python {on['python']}, pi-lakeflow {on['version']}.*"
        f"{others}"
    )


_IDLE = 1.0  # load; above, somebody else is at work


def _draw(result: Result, pictures: Path) -> None:
    curves = {line.label: _thinned(line.samples) for line in result.lines if line.samples}
    if curves:
        pictures.mkdir(parents=True, exist_ok=True)
        text = plot.lines(curves, x="seconds", y="MB resident")
        (pictures / f"{result.scenario}.svg").write_text(text, encoding="utf-8")


def _thinned(samples: Iterable[tuple[float, int]], most: int = 300) -> list[tuple[float, float]]:
    """The highest of each stretch, so that no peak is lost."""
    points = list(samples)
    stretch = max(1, len(points) // most)
    groups = [points[place : place + stretch] for place in range(0, len(points), stretch)]
    return [(group[0][0], max(size for _, size in group) / 1e6) for group in groups]


def _between(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE.name} has no markers for {name}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} m {seconds % 60:02.0f} s"
    return f"{seconds / 3600:,.1f} h"


def _size(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.0f} MB"
