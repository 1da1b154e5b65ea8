"""What the lake holds, told from the lake alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.status import status
from pi_lakeflow.model.span import DAY, SECOND, Span, iso, to_micros
from pi_lakeflow.settings import Settings, load, parse_selection
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SETTLED = NOW - 300 * SECOND


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    config = SimulatorConfig(tags=6, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as found:
        yield found


@pytest.fixture
def settings(sim: Simulator, tmp_path: Path) -> Settings:
    config = {
        "pi_web_api_url": sim.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": str(tmp_path),
        "since": "*-1d",
    }
    return load(config, environ={})


def run(
    settings: Settings, *, tag: str | None = None, since: str | None = None, until: str | None = None
) -> None:
    tags = parse_selection(tag) if tag else None
    asyncio.run(ingest(settings, Request("run", tags, since, until)))


def names(sim: Simulator) -> list[str]:
    return sorted(tag.name for tag in sim.world.tags())


def test_no_lake_is_an_empty_status(settings: Settings) -> None:
    found = status(settings)
    assert (found.tags, found.runs, found.errors, found.covered, found.until) == ([], [], [], None, None)


def test_after_one_run_all_tags_end_together(settings: Settings, sim: Simulator) -> None:
    run(settings)
    found = status(settings)
    assert [tag.name for tag in found.tags] == names(sim)
    assert found.covered == Span(NOW - DAY, SETTLED)
    assert (found.until, found.behind, found.gappy) == (SETTLED, [], [])
    assert found.runs[0]["status"] == "done"


def test_gaps_come_forward_the_largest_first(settings: Settings, sim: Simulator) -> None:
    first, second = names(sim)[:2]
    run(settings, until=iso(NOW - DAY // 2), tag=first)
    run(settings, since=iso(NOW - DAY // 4))
    run(settings, tag=second, since=iso(NOW - 3 * DAY), until=iso(NOW - 2 * DAY))
    found = status(settings)
    by_name = {tag.name: tag for tag in found.tags}
    assert by_name[first].gaps == (Span(NOW - DAY // 2, NOW - DAY // 4),)
    assert by_name[second].gaps == (Span(NOW - 2 * DAY, NOW - DAY // 4),)
    assert [tag.name for tag in found.gappy] == [second, first]
    assert found.behind == []


def test_tags_that_end_early_come_forward(settings: Settings, sim: Simulator) -> None:
    run(settings, until=iso(NOW - DAY // 2))
    every = names(sim)
    for name in every[1:]:
        run(settings, tag=name)
    assert [tag.name for tag in status(settings).behind] == every[:1]


def test_a_tag_that_was_left_behind(settings: Settings, sim: Simulator) -> None:
    bad = names(sim)[3]
    number = sim.faults.add(Fault("tag_status", status=403, tags=(bad,)))
    try:
        run(settings)
    finally:
        sim.faults.remove(number)
    found = status(settings)
    assert (found.failing, found.waiting) == (1, 1)
    assert [error["tag_name"] for error in found.errors] == [bad]
    assert bad not in [tag.name for tag in found.tags]
    assert status(settings, tags=[names(sim)[0]]).errors == []


def test_tags_are_chosen_by_name_mask_and_webid(settings: Settings, sim: Simulator) -> None:
    run(settings)
    every = names(sim)
    webid = status(settings).tags[0].webid
    assert [tag.name for tag in status(settings, tags=[every[2].lower()]).tags] == [every[2]]
    assert [tag.name for tag in status(settings, tags=[f"webid:{webid}"]).tags] == [every[0]]
    assert len(status(settings, tags=["*"]).tags) == len(status(settings, tags=["all"]).tags) == 6
    assert [tag.name for tag in status(settings, tags=[f"\\\\PISRV01\\{every[1]}"]).tags] == [every[1]]
    assert status(settings, tags=["?"]).tags == []
