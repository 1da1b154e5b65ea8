"""The simulated server of a benchmark, in a process of its own.

    python -m benchmarks.server '{"tags": 1000, ...}'

Its clock stands still, so that answers can be kept: what is asked twice costs it little the second time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.suite import Case
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import Capacity, FixedClock, SimulatorConfig
from pi_lakeflow.simulator.__main__ import keep_memory
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.simulator.launch import serve

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_KEPT = 1_500_000_000  # bytes of whole answers
_PRESETS = {"plant": Capacity.plant, "enterprise": Capacity.enterprise, "laptop": Capacity.laptop}


def config_of(case: Case) -> SimulatorConfig:
    """Plain decimals at exactly the case's pace, and no limit of requests per second."""
    return SimulatorConfig(
        tags=case.tags,
        uniform=True,
        density=case.density,
        clock=FixedClock(to_micros(NOW)),
        start=NOW - timedelta(hours=case.hours + 24),
        limits=Limits(rate_limit_requests=0, search_rate_limit_requests=0),
        capacity=_PRESETS[case.capacity]() if case.capacity else Capacity(),
        answer_cache_bytes=_KEPT,
    )


@dataclass(frozen=True)
class Served:
    """A running server: where, and in which process."""

    url: str
    pid: int


@contextmanager
def serving(case: Case) -> Iterator[Served]:
    """A server for this case."""
    given: dict[str, Any] = {"tags": case.tags, "hours": case.hours, "density": case.density}
    command = [sys.executable, "-m", "benchmarks.server", json.dumps(given | {"capacity": case.capacity})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(json.loads(process.stdout.readline())["url"], process.pid)
        finally:
            process.terminate()


def main() -> None:
    """Serve until terminated."""
    keep_memory()
    config = config_of(Case(label="", contender="", **json.loads(sys.argv[1])))
    asyncio.run(serve(config, announce=lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
