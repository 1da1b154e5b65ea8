"""Who runs: the product by its own command, or a naive program."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks import measure
from benchmarks.server import NOW
from benchmarks.suite import Case
from pi_lakeflow.model.span import iso, to_micros


@dataclass(frozen=True)
class Brought:
    """What a contender says of itself; bytes are 0 where it does not know."""

    usage: measure.Usage
    rows: int
    requests: int
    wire_bytes: int
    body_bytes: int
    time: dict[str, float]
    table: Path


def compete(case: Case, url: str, folder: Path) -> Brought:
    """Run one contender into a lake in ``folder``."""
    return _product(case, url, folder) if case.contender == "product" else _naive(case, url, folder)


def span_of(case: Case) -> tuple[str, str]:
    """Since and until, ISO 8601."""
    return iso(to_micros(NOW - timedelta(hours=case.hours))), iso(to_micros(NOW))


def _product(case: Case, url: str, folder: Path) -> Brought:
    since, until = span_of(case)
    config = {"pi_web_api_url": url, "data_server": "PISRV01", "tags": "all", "settle": 0}
    config |= {"since": since, "until": until, "lake": str(folder), "performance": case.performance}
    path = folder / "pi-lakeflow.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    usage = measure.run([sys.executable, "-m", "pi_lakeflow", "run", "--json", "--config", str(path)])
    end = json.loads(usage.output.splitlines()[-1])
    table = folder / "main/bronze/pi_timeseries"
    numbers = (end["rows"], end["requests"], end["wire_bytes"], end["body_bytes"])
    return Brought(usage, *numbers, end["time"], table)


def _naive(case: Case, url: str, folder: Path) -> Brought:
    how = case.contender.removeprefix("naive ")
    table = folder / "naive"
    usage = measure.run([sys.executable, "-m", "benchmarks.naive", how, url, *span_of(case), str(table)])
    said = json.loads(usage.output)
    return Brought(usage, said["rows"], said["requests"], 0, 0, {}, table)
