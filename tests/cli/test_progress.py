"""What a run shows of itself while it runs."""

from __future__ import annotations

import asyncio
import json

import pytest
from rich.console import Console

from pi_lakeflow.cli.output import Output
from pi_lakeflow.cli.progress import Watch, line, panel, watched
from pi_lakeflow.model.events import (
    BatchDecoded,
    Committed,
    Event,
    LimitChanged,
    Quarantined,
    RequestDone,
    RequestRetried,
    RunPlanned,
    UnitRead,
)
from pi_lakeflow.model.span import DAY

Capture = pytest.CaptureFixture[str]
HALF_WAY: tuple[Event, ...] = (
    RequestDone("/piwebapi/points/multiple", 200, 0.1, 500, 1_000),
    RunPlanned("run-1", tags=1_000, lanes=16, start=0, end=4 * DAY, effort=240_000.0),
    LimitChanged(5.4, 5, "latency"),
    BatchDecoded(70_000, 10_000_000, 0.5),
    BatchDecoded(50_000, 8_000_000, 0.4),
    Committed("pi_timeseries", 3, 70_000, 0.2, effort=120_000.0, tags_done=250, watermark=2 * DAY),
    Quarantined("W", "BAD.TAG", 403, "Access denied."),
)


def fed(output: Output, *events: Event) -> Watch:
    watch = Watch(output, limit=8)
    for event in events:
        watch(event)
    return watch


def drawn(watch: Watch) -> str:
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(panel(watch))
    return capture.get()


def test_a_line_says_how_far_and_how_fast() -> None:
    text = line(fed(Output(), *HALF_WAY))
    for part in ("50%", "70,000 rows", "250 of 1,000", "5 of 8", "lag 2 d 00 h", "1 quarantined", "left"):
        assert part in text


def test_a_panel_says_the_same_in_five_lines() -> None:
    text = drawn(fed(Output(), *HALF_WAY))
    assert len(text.splitlines()) == 5
    for part in ("50%", "70,000", "50,000", "250 of 1,000", "5 of 8", "2 d 00 h", "time"):
        assert part in text


def test_steps_under_way_count_and_the_next_plan_begins_anew() -> None:
    """A step may take minutes; what it has brought so far is progress."""
    planned = RunPlanned("run-1", tags=10, lanes=2, start=0, end=DAY, effort=1_000)
    watch = fed(Output(), planned, BatchDecoded(400, 1, 0.1))
    assert watch.counters.fraction == pytest.approx(0.95 * 0.4)
    watch(UnitRead("a", 5, 400, 1.0, effort=500, left=0))
    watch(BatchDecoded(100, 1, 0.1))
    assert watch.counters.fraction == pytest.approx(0.95 * 0.6), (
        "rows cost what they are expected to, at most"
    )
    watch(Committed("pi_timeseries", 1, 500, 0.1, effort=1_000))
    assert watch.counters.fraction == 1.0
    watch(planned)
    assert watch.counters.fraction == 0.0


def test_before_the_plan_there_is_no_percentage() -> None:
    watch = fed(Output())
    assert "asking the server" in line(watch)
    assert "%" not in drawn(watch)
    assert watch.left is None


def test_trouble_is_shown_until_an_answer_comes() -> None:
    """A user who waits is told what for."""
    watch = fed(Output(), RequestRetried("GET /piwebapi", 1, 2.5, "Transient: cannot connect"))
    assert "attempt 2 in 2.5 s, since Transient: cannot connect" in line(watch)
    watch(RequestDone("/piwebapi", 200, 0.1, 1, 1))
    assert "attempt" not in line(watch)


def test_nothing_to_read_is_all_done() -> None:
    watch = fed(Output(), RunPlanned("run-1", 0, 0, 0, DAY, 0))
    assert "100%" in line(watch)


@pytest.mark.parametrize(
    ("verbosity", "told"), [(0, ()), (1, ("commit", "limit", "tag")), (2, ("request", "commit"))]
)
def test_verbosity_tells_single_events(capsys: Capture, verbosity: int, told: tuple[str, ...]) -> None:
    fed(Output(verbosity=verbosity), *HALF_WAY)
    first_words = {each.split()[0] for each in capsys.readouterr().err.splitlines()}
    assert set(told) <= first_words
    assert bool(told) == bool(first_words)


async def _shown(output: Output, every: float) -> int:
    watch = fed(output, *HALF_WAY)

    async def work() -> int:
        await asyncio.sleep(0.25)
        return 7

    return await watched(output, watch, work(), every=every)


async def test_lines_come_at_intervals_where_there_is_no_terminal(capsys: Capture) -> None:
    assert await _shown(Output(), 0.05) == 7
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all("70,000 rows" in each for each in lines)


async def test_programs_get_progress_events(capsys: Capture) -> None:
    await _shown(Output(json=True), 0.05)
    told = capsys.readouterr()
    kinds = [json.loads(each)["event"] for each in told.out.splitlines()]
    assert kinds[:2] == ["planned", "commit"]
    assert set(kinds[2:]) == {"progress"}
    assert told.err == ""


async def test_an_error_of_the_work_comes_out_as_itself() -> None:
    async def work() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await watched(Output(), Watch(Output()), work(), every=0.05)
