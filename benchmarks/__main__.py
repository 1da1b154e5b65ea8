"""Run benchmarks and write their tables.

    python -m benchmarks                            # all scenarios, size small: a few minutes
    python -m benchmarks --size full                # what the documentation should show: under 20 minutes
    python -m benchmarks --scenario scale --size full
    python -m benchmarks --quick                    # everything, tiny, written nowhere
    python -m benchmarks --render                   # only the tables, from benchmarks/results

Each case has a fresh server and a fresh lake, and fails when the lake differs from the archive.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks import apart, contenders, decode, results, suite, tables, traces, truth
from benchmarks.server import serving
from benchmarks.suite import Case


def measured(case: Case) -> results.Line:
    """One case from start to proof. Raises ``truth.Wrong``, ``RuntimeError``."""
    with serving(case) as server, TemporaryDirectory() as folder:
        parts = apart.measured(case, server) if case.apart else None
        brought = contenders.compete(case, server.url, Path(folder))
        truth.verify(case, brought.table)
        files, file_bytes = truth.files_of(brought.table)
    usage = brought.usage
    return results.Line(
        label=case.label,
        contender=case.contender,
        tags=case.tags,
        rows=brought.rows,
        seconds=round(usage.seconds, 3),
        cpu_seconds=round(usage.cpu_seconds, 3),
        peak_bytes=usage.peak_bytes,
        requests=brought.requests,
        wire_bytes=brought.wire_bytes,
        body_bytes=brought.body_bytes,
        files=files,
        file_bytes=file_bytes,
        stands_for=case.stands_for,
        time=brought.time,
        apart={} if parts is None else parts.rates,
        processor={} if parts is None else parts.processor,
        samples=usage.samples if case.plot else [],
    )


def run(name: str, size: str) -> results.Result:
    """All cases of one scenario."""
    scenario, on = suite.load(name, size), results.machine()
    print(f"\n{scenario.title}", flush=True)
    lines = []
    for case in scenario.cases:
        line = measured(case)
        lines.append(line)
        print(
            f"  {line.label:44} {line.rows:>13,} rows {line.seconds:>8.1f} s {line.rate:>11,.0f} rows/s "
            f"{line.peak_bytes / 1e6:>7,.0f} MB",
            flush=True,
        )
    return results.Result(name, size, results.now(), on, tuple(lines))


def run_decode(size: str) -> results.Rates:
    """The routes of decoding, without server and lake."""
    on = results.machine()
    print("\nDecoding by itself", flush=True)
    found = decode.measured(size)
    for each in found:
        print(f"  {decode.line(each)}", flush=True)
    return results.Rates("decode", size, results.now(), on, tuple(asdict(each) for each in found))


def run_traces(size: str) -> results.Curves:
    """The adaptive limit over time."""
    on = results.machine()
    print("\nRequests at once over time", flush=True)
    trace = traces.traced({"quick": 2.0, "small": 30.0, "full": 90.0}[size])
    print(f"  {trace.answers:,} answers", flush=True)
    return results.Curves("traces", size, results.now(), on, asdict(trace))


_OTHERS = {"decode": run_decode, "traces": run_traces}


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and run; 1 when a scenario failed, which leaves its table as it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    names = [*suite.names(), *_OTHERS]
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument("--size", choices=suite.SIZES, default="small")
    parser.add_argument("--quick", action="store_true", help="as --size quick; writes no tables")
    parser.add_argument("--render", action="store_true", help="write the tables of what was measured last")
    options = parser.parse_args(arguments)
    size = "quick" if options.quick else options.size
    began = monotonic()
    wanted = [] if options.render else options.scenario or names
    failed = [name for name in wanted if not kept(name, size)]
    if size != "quick":
        tables.render(tables.PAGE, results.FOLDER, tables.PAGE.parent / "performance")
    print(f"\n{monotonic() - began:,.0f} s", flush=True)
    return 1 if failed else 0


def kept(name: str, size: str) -> bool:
    """Run one scenario and keep what it measured; whether that went well."""
    try:
        result = _OTHERS[name](size) if name in _OTHERS else run(name, size)
    except (RuntimeError, truth.Wrong) as error:
        print(f"error: {name}: {error}", file=sys.stderr, flush=True)
        return False
    if size != "quick":
        results.save(result, results.FOLDER)
    return True


if __name__ == "__main__":
    sys.exit(main())
