"""Peak memory of a run, measured from outside: few tags with a long past, many tags with a short one.

    python -m benchmarks.memory [--quick]

The server is a simulator in this process; what is measured is the child that runs the command.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import FixedClock, SimulatorConfig, run_in_thread

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """``density`` is in events per minute and tag."""

    name: str
    tags: int
    days: float
    density: float = 1.0


CASES = (Case("10 tags, 10 years", 10, 3652), Case("50,000 tags, 1 hour", 50_000, 1 / 24))
QUICK = (Case("10 tags, 1 year", 10, 365), Case("5,000 tags, 1 hour", 5_000, 1 / 24))


def measure(case: Case) -> dict[str, object]:
    """Run one case; peak resident memory of the child in MB, as the kernel counted it."""
    config = SimulatorConfig(
        tags=case.tags,
        uniform=True,
        density=case.density,
        clock=FixedClock(to_micros(NOW)),
        start=NOW - timedelta(days=case.days + 1),
    )
    with run_in_thread(config) as sim, TemporaryDirectory() as folder:
        path = Path(folder) / "pi-lakeflow.yaml"
        since = (NOW - timedelta(days=case.days)).isoformat()
        given = {"pi_web_api_url": sim.url, "data_server": "PISRV01", "tags": "all", "since": since}
        path.write_text(json.dumps({**given, "settle": 0, "lake": f"{folder}/lake"}))
        started = monotonic()
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "pi_lakeflow", "run", "--config", str(path)],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        _, status, usage = os.wait4(child, 0)
        seconds = monotonic() - started
        rows = round(case.tags * case.days * 1440 * case.density)
    return {
        "case": case.name,
        "exit": os.waitstatus_to_exitcode(status),
        "rows": rows,
        "seconds": round(seconds, 1),
        "peak_mb": round(usage.ru_maxrss / 1000),
    }


def main() -> None:
    """Print one line per case."""
    for case in QUICK if "--quick" in sys.argv else CASES:
        found = measure(case)
        print(
            f"{found['case']:<22} exit {found['exit']}  {found['rows']:>12,} rows  {found['seconds']:>7} s  "
            f"peak {found['peak_mb']:,} MB"
        )


if __name__ == "__main__":
    main()
