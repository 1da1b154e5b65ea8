"""``demo``: the main job on a simulated plant, twice, with the proof."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import typer

from pi_lakeflow.app.counters import Counters
from pi_lakeflow.app.ingest import Report, Request, ingest
from pi_lakeflow.app.query import hourly_average, size_on_disk
from pi_lakeflow.cli.options import Debug, Json, Verbose, output_of
from pi_lakeflow.cli.output import Output
from pi_lakeflow.cli.progress import watched
from pi_lakeflow.errors import SettingsError, SourceUnavailable
from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.settings import Settings, load

SEED = 7
CONFIG = """\
# Written by `pi-lakeflow demo`. The simulated server is gone when the demo ends; the lake stays.
pi_web_api_url: {url}
data_server: PISRV01
tags: all
lake: {lake}
since: "{since}"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    folder: Path = typer.Option(Path("demo"), "--dir", help="Where configuration and lake go."),
    tags: int = typer.Option(1000, help="Tags of the simulated plant."),
    days: float = typer.Option(3.0, help="Days of history."),
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Simulate a PI server, ingest days of history, then what came since; no server needed."""
    output = output_of(context)
    if (folder / "lake").exists():
        raise SettingsError("there is a lake already", subject=str(folder), hint="rm -r it, or --dir OTHER")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with _Plant(tags, now) as plant:
        settings = _settings(folder, plant.url, now - timedelta(days=days))
        output.text(f"A simulated PI Web API with {tags:,} tags answers at {plant.url}\n")
        output.text(f"[bold]1. {days:g} days of history[/]")
        first = _ingest(output, settings)
        _told(output, first)
        plant.advance(timedelta(hours=6))
        output.text("\n[bold]2. Six hours later: only what is new[/]")
        second = _ingest(output, settings)
        _told(output, second)
        expected = plant.count(first.span_start, second.span_end)
    exact = expected == first.rows + second.rows
    _conclude(output, settings, folder, expected, exact=exact)
    code = max(first.exit_code, second.exit_code, 0 if exact else 1)
    output.end(code, "done" if code == 0 else "failed", rows=first.rows + second.rows, expected=expected)
    return code


class _Plant:
    """A simulated server in a process of its own, and the same world here to count the truth."""

    def __init__(self, tags: int, now: datetime) -> None:
        from pi_lakeflow.simulator import FixedClock, World

        self._clock = FixedClock(to_micros(now))
        self._world = World(seed=SEED, tags=tags, clock=self._clock)
        options = ["--tags", str(tags), "--seed", str(SEED), "--now", now.isoformat()]
        command = [sys.executable, "-m", "pi_lakeflow.simulator", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        announced = self._process.stdout.readline() if self._process.stdout else ""
        if not announced:
            raise SourceUnavailable("the simulated server did not start", subject="demo")
        self.url: str = json.loads(announced)["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def advance(self, by: timedelta) -> None:
        """Let time pass in the plant."""
        micros = by // timedelta(microseconds=1)
        self._clock.advance(micros)
        root = self.url.removesuffix("/piwebapi")
        body = json.dumps({"advance": micros}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{root}/simulator/clock", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def count(self, start: int, end: int) -> int:
        """Events that the archive holds."""
        return sum(self._world.truth(tag, start, end).num_rows for tag in self._world.tags())


def _settings(folder: Path, url: str, since: datetime) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pi-lakeflow.yaml"
    path.write_text(CONFIG.format(url=url, lake="lake", since=since.isoformat()), encoding="utf-8")
    return load(path=path, environ={})


def _ingest(output: Output, settings: Settings) -> Report:
    counters = Counters()
    work = watched(output, counters, ingest(settings, Request("run"), observer=counters))
    return asyncio.run(work)


def _told(output: Output, report: Report) -> None:
    output.text(f"   {report.rows:>12,} rows of {report.tags:,} tags")
    output.text(f"   {report.rows_per_second:>12,.0f} rows per second, {report.seconds:.1f} s")
    output.text(f"   {report.requests:>12,} requests")
    output.text(f"   {iso(report.span_start)} to {iso(report.span_end)}")


def _conclude(output: Output, settings: Settings, folder: Path, expected: int, *, exact: bool) -> None:
    verdict = "[green]the lake holds exactly these[/]" if exact else "[red]the lake holds another number[/]"
    output.text(f"\nThe simulated archive holds {expected:,} events over both spans: {verdict}.")
    output.text(f"Tables: {folder / 'lake'} ({size_on_disk(settings) / 1e6:,.1f} MB)\n")
    output.text("[bold]Hourly average of one tag[/]")
    rows = hourly_average(settings, limit=4)
    output.table(
        [("tag", "left"), ("hour", "left"), ("average", "right"), ("events", "right")],
        [
            (r["tag_name"], f"{r['hour']:%Y-%m-%d %H:%M}", f"{r['average']:,.3f}", f"{r['events']:,}")
            for r in rows
        ],
    )
    output.text("\nNext:")
    output.text(f"  pi-lakeflow status --config {folder / 'pi-lakeflow.yaml'}")
    output.text("  pi-lakeflow init          # for your own server")
