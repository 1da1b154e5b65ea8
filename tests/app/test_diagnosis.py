"""Each bottleneck is made the true one, and a run must name it, with the key to change."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pi_lakeflow.app.diagnosis import Finding, RunFacts, explain
from pi_lakeflow.app.ingest import Report, ingest
from pi_lakeflow.app.status import status
from pi_lakeflow.app.timing import PARTS, Timekeeper, TimeSplit
from pi_lakeflow.flow.holding import Holding
from pi_lakeflow.flow.tables import PI_INGEST_RUNS
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import FixedClock as StillClock
from pi_lakeflow.model.events import BatchDecoded, Event, RequestDone, RunPlanned, UnitRead, Waited
from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.span import SECOND, iso, to_micros
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Step
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import Capacity, Fault, FixedClock, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Limits
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable

pytestmark = pytest.mark.alone  # a busy neighbour would be taken for the cause

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))


class HeldTable(DeltaLakeTable):
    """Rows wait in memory for their commit, as they do in front of an object store."""

    def writer(self, _held_rows: int, /) -> Holding:
        return Holding(self)


class SlowTable(HeldTable):
    """Storage that takes a while for each commit."""

    def append(self, steps: Sequence[Step]) -> CommitResult:
        time.sleep(0.6)
        return super().append(steps)


class HeldLake(DeltaLake):
    """Only the data table is special."""

    kind = HeldTable

    def table(self, spec: TableSpec) -> DeltaLakeTable:
        if spec.name not in self._tables:
            kind = self.kind if spec is PI_TIMESERIES else DeltaLakeTable
            self._tables[spec.name] = kind(self.path_of(spec.name), spec)
        return self._tables[spec.name]


class SlowLake(HeldLake):
    kind = SlowTable


def settings_of(url: str, folder: Path, **performance: Any) -> Settings:
    fixed = {"retry_backoff": 0.02, "adaptive_sizing": False}
    given: dict[str, Any] = {"pi_web_api_url": url, "data_server": "PISRV01", "tags": "all", "since": "*-8h"}
    given |= {"settle": 0, "lake": str(folder), "performance": {**fixed, **performance}}
    return load(given, environ={})


def run(
    folder: Path,
    *,
    performance: dict[str, Any] | None = None,
    lake: DeltaLake | None = None,
    **config: Any,
) -> Report:
    """Eight hours of 40 plain tags, from a server as ``config`` makes it."""
    world = {"tags": 40, "twins": 0, "uniform": True, "clock": FixedClock(NOW), **config}
    with run_in_thread(SimulatorConfig(**world)) as sim:
        settings = settings_of(sim.url, folder, base_batch_size=4, **(performance or {}))
        return asyncio.run(ingest(settings, lake=lake))


def first(report: Report) -> Finding:
    """The heaviest finding. Whatever the run waited for, the parts add up to its length."""
    assert report.facts.time.total == pytest.approx(report.seconds, rel=0.02)
    assert report.explanation.findings, report.facts
    return report.explanation.findings[0]


def test_a_slow_server_that_bears_more(tmp_path: Path) -> None:
    """Each answer takes its time, however many are asked for: ask for more at once."""
    slow = Capacity(workers=64, per_request=0.025)
    found = first(run(tmp_path, capacity=slow, tags=420, density=0.1, performance={"max_workers": 2}))
    assert (found.cause, found.keys) == ("server", ("performance.max_workers",))
    assert "raise performance.max_workers to 4" in found.solution


def test_a_server_at_its_limit(tmp_path: Path) -> None:
    """The laptop's two workers: more requests would only queue."""
    weak = Capacity(workers=1, per_request=0.015)
    report = run(tmp_path, capacity=weak, tags=600, performance={"max_workers": 16}, density=0.05)
    found = first(report)
    assert found.cause == "server"
    assert "not help" in found.solution, report.facts
    assert "performance.rate_limit" in found.keys


def test_a_server_that_refuses_too_many_requests(tmp_path: Path) -> None:
    limits = Limits(rate_limit_requests=5, rate_limit_seconds=1.0)
    found = first(run(tmp_path, limits=limits, performance={"retry_backoff": 0.3}))
    assert (found.cause, found.keys) == ("throttling", ("performance.rate_limit",))
    assert "429" in found.symptom


def test_an_overloaded_server(tmp_path: Path) -> None:
    fault = Fault("status", route="/streamsets/*", status=503, count=6, retry_after=0.3)
    found = first(run(tmp_path, faults=(fault,)))
    assert (found.cause, found.keys) == ("throttling", ("performance.max_workers", "performance.rate_limit"))
    assert "503" in found.symptom


def test_our_own_rate_limit(tmp_path: Path) -> None:
    found = first(run(tmp_path, performance={"rate_limit": 6}))
    assert (found.cause, found.keys[0]) == ("rate_limit", "performance.rate_limit")
    assert "(6 a second)" in found.symptom


@pytest.mark.parametrize("compression", [True, False])
def test_a_slow_line(tmp_path: Path, compression: bool) -> None:
    """Compression is recommended where it is off, and not where it is on."""
    slow = Fault("trickle", route="/streamsets/*", rate=150_000 if compression else 1_500_000)
    found = first(run(tmp_path, faults=(slow,), performance={"enable_compression": compression}))
    assert found.cause == "network"
    assert ("performance.enable_compression" in found.keys) != compression


@pytest.fixture(scope="module")
def fast_url() -> Iterator[str]:
    """A server in a process of its own, with all answers ready from the second time on."""
    command = [sys.executable, "-m", "pi_lakeflow.simulator", "--uniform", "--rate-limit", "0"]
    command += ["--tags", "600", "--now", iso(NOW), "--answer-cache", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def undisturbed(
    url: str, folder: Path, cause: str, lake: type[DeltaLake] = DeltaLake, **performance: Any
) -> Finding:
    """Neighbours on this machine may slow anything down: one of some runs shows the true cause."""
    for attempt in range(25):
        place = folder / str(attempt)
        report = asyncio.run(ingest(settings_of(url, place, **performance), lake=lake(str(place))))
        assert report.rows == 600 * 480
        found = first(report)
        if attempt and found.cause == cause:
            break
    return found


def test_a_slow_sink(fast_url: str, tmp_path: Path) -> None:
    """Commits take long, and what is read fills the memory meanwhile."""
    found = undisturbed(fast_url, tmp_path, "write", SlowLake, memory_limit_gb=0.5)
    assert (found.cause, found.keys[0]) == ("write", "lake"), found


def test_a_computer_that_decodes_slower_than_a_fast_server_answers(fast_url: str, tmp_path: Path) -> None:
    assert "performance.workers" in undisturbed(fast_url, tmp_path, "decode").keys


def test_memory_that_makes_commits_small(fast_url: str, tmp_path: Path) -> None:
    """The ceiling is low, so that steps wait until many small commits are through."""
    found = undisturbed(fast_url, tmp_path, "write", HeldLake, memory_limit_gb=0.3)
    assert "performance.memory_limit_gb" in found.keys, found


def test_stored_with_the_run_and_explained_from_the_lake(tmp_path: Path) -> None:
    report = run(tmp_path, performance={"rate_limit": 8})
    found = status(settings_of("http://127.0.0.1:9/piwebapi", tmp_path)).explanation
    assert found is not None
    assert found.bottleneck == "rate_limit"
    assert found.facts == report.facts


def test_runs_of_an_older_version_stay_readable(tmp_path: Path) -> None:
    """Columns that came later are added to a table that lacks them."""
    old = [c for c in PI_INGEST_RUNS.columns if c.name not in RunFacts().as_row() or c.name == "rows"]
    narrow = replace(PI_INGEST_RUNS, columns=tuple(old))
    when = datetime(2026, 1, 1, tzinfo=UTC)
    row = {f.name: when if pa.types.is_timestamp(f.type) else None for f in narrow.arrow_schema}
    row |= {f.name: 0 for f in narrow.arrow_schema if pa.types.is_integer(f.type)}
    row |= {f.name: "x" for f in narrow.arrow_schema if pa.types.is_string(f.type)}
    DeltaLake(str(tmp_path)).table(narrow).add(pa.Table.from_pylist([row], schema=narrow.arrow_schema))
    settings = settings_of("http://127.0.0.1:9/piwebapi", tmp_path)
    assert status(settings).explanation is None
    assert run(tmp_path).status == "done"
    found = status(settings)
    assert [each["seconds"] is None for each in found.runs] == [False, True]
    assert found.explanation is not None


def fed(*events: Event, seconds: float = 10.0) -> TimeSplit:
    """The split of a run of ``seconds`` that planned for one and wrote for one at its end."""
    clock = StillClock(0)
    keeper = Timekeeper(clock)
    clock.micros = SECOND
    keeper(RunPlanned("run", 1, 1, 0, 1, 1))
    for event in events:
        keeper(event)
    clock.micros = round((seconds - 1) * SECOND)
    keeper(UnitRead("lane", 1, 1, seconds - 2))
    clock.micros = round(seconds * SECOND)
    keeper.finish()
    return keeper.split()


def test_the_parts_of_a_run() -> None:
    """Requests side by side are worth as many seconds as the run had, in proportion."""
    split = fed(
        RequestDone("/", 200, 6.0, 1, 1, first_byte_seconds=4.0, inflate_seconds=0.5),
        RequestDone("/", 503, 9.0, 1, 1, first_byte_seconds=9.0),
        BatchDecoded(1, 1, 1.0, 1.0),
        Waited("pause", 0.5),
    )
    assert split.planning == split.write == pytest.approx(1.0)
    assert split.server == pytest.approx(8.0 * 4.0 / 8.5)
    assert split.network == pytest.approx(8.0 * 1.5 / 8.5)
    assert split.decode == pytest.approx(8.0 * 2.5 / 8.5)
    assert split.throttling == pytest.approx(8.0 * 0.5 / 8.5)
    assert split.total == pytest.approx(10.0)


def test_a_queue_waits_for_what_those_before_it_wait_for() -> None:
    request = RequestDone("/", 200, 2.0, 1, 1, first_byte_seconds=2.0)
    split = fed(request, BatchDecoded(1, 1, 1.0), Waited("limit", 5.0))
    assert (split.server, split.network) == (pytest.approx(7.0), 0.0)


def test_memory_and_sink_hold_steps_back() -> None:
    split = fed(
        RequestDone("/", 200, 1.0, 1, 1, first_byte_seconds=1.0), Waited("memory", 6.0), Waited("sink", 2.0)
    )
    assert split.memory == pytest.approx(8.0 * 6 / 16)
    assert split.write == pytest.approx(8.0 * 2 / 16 + 1.0)


def facts(**given: Any) -> RunFacts:
    time = TimeSplit(**{name: given.pop(name) for name in PARTS if name in given})
    defaults: dict[str, Any] = {"seconds": time.total, "max_workers": 8, "memory_limit_gb": 1.0}
    defaults |= {"rows": 1_000_000}
    return RunFacts(time=time, **{**defaults, **given})


def test_memory_that_is_too_small() -> None:
    """Waits for memory, and commits so small that they cost more than their rows."""
    waiting = explain(facts(memory=8.0, server=2.0)).findings[0]
    assert waiting.keys[0] == "performance.memory_limit_gb"
    small = explain(facts(write=8.0, server=2.0, commits=100)).findings[0]
    assert small.keys == ("performance.memory_limit_gb",)
    large = explain(facts(write=8.0, server=2.0, commits=3)).findings[0]
    assert large.keys == ("lake",)


def test_a_computer_that_is_used_up() -> None:
    """More processes are no help where no processor is idle."""
    idle = explain(facts(decode=10.0, cpu_seconds=10.0, processors=4)).findings[0]
    busy = explain(facts(decode=10.0, cpu_seconds=38.0, processors=4)).findings[0]
    assert "raise performance.workers" in idle.solution
    assert "used up" in busy.solution


def test_several_processes_measure_together(fast_url: str, tmp_path: Path) -> None:
    """What workers report counts as what this process does."""
    settings = settings_of(fast_url, tmp_path, workers=2, memory_limit_gb=2.0)
    report = asyncio.run(ingest(settings))
    assert report.facts.time.total == pytest.approx(report.seconds, rel=0.02)
    assert report.facts.requests >= 600 / 100
    assert report.facts.time.decode > 0
    assert report.rows == 600 * 480


def test_a_run_too_short_to_judge_by() -> None:
    found = explain(facts(server=9.0, requests=12, at_once=2.0, allowed=2.8)).findings[0]
    assert "longer run" in found.solution


def test_too_little_to_ask_for() -> None:
    found = explain(facts(server=9.0, at_once=1.2, base_batch_size=100)).findings[0]
    assert found.keys == ("performance.base_batch_size",)


def test_every_key_that_is_named_exists() -> None:
    """A solution that names a key which the configuration lacks would be none."""
    settings = load({"pi_web_api_url": "http://x/piwebapi"}, environ={})
    for name in PARTS[:-1]:
        for keys in (found.keys for found in explain(facts(**{name: 1.0})).findings):
            for key in keys:
                settings.value(key)


def test_nothing_stands_out_of_an_even_run() -> None:
    split = dict.fromkeys(PARTS, 1.0)
    assert explain(facts(**split)).bottleneck is None
    assert explain(RunFacts()).findings == ()
