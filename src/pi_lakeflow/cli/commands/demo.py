"""``demo``: the main job on a simulated plant, killed on the way, and proved in the end."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.text import Text

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Every, plain_command
from pi_lakeflow.cli.output import Output
from pi_lakeflow.errors import SettingsError, SourceUnavailable
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings import Settings, load

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from pi_lakeflow.app.ingest import Report
    from pi_lakeflow.simulator import SimulatorConfig
    from pi_lakeflow.simulator.world.tags import TagDef

_SEED = 7
_AFTERWARDS = timedelta(hours=6)
_DENSITY = 0.6  # events per minute of an ordinary tag
_SAMPLE = 25  # tags that are compared field by field
_MARK = "# Written by `pi-lakeflow demo`"
_CONFIG = """\
{mark}. The simulated server is gone when the demo ends; the lake stays.
pi_web_api_url: {url}
data_server: PISRV01
tags: all
lake: lake
since: "{since}"
performance:
  memory_limit_gb: 0.7      # small enough for several commits
"""

Folder = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where configuration and lake go.")]
TagCount = Annotated[int, typer.Option("--tags", metavar="N", min=1, help="Tags of the simulated plant.")]
Days = Annotated[float, typer.Option("--days", metavar="N", min=0.05, help="Days of history.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


@plain_command
def demo(
    call: Call,
    folder: Folder = Path("demo"),
    tags: TagCount = 1000,
    days: Days = 3.0,
    progress_every: Every = 10.0,
) -> int:
    """See it at work on a simulated PI server.

    Days of history with a kill on the way, then new events, then the proof. Replaces the lake of an
    earlier demo."""
    output = call.output
    _make_room(folder)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - _AFTERWARDS
    with _Plant(tags, now) as plant:
        settings = _configured(folder, plant.url, now - timedelta(days=days))
        output.text(f"A simulated PI Web API with {words.things(tags, 'tag')} answers at {plant.url}")
        _title(output, 1, f"{days:g} days of history, killed on the way")
        killed = _killed_run(output, settings)
        _title(output, 2, "The same command again: it goes on where the lake ends")
        history = _run(output, settings, progress_every)
        plant.advance(_AFTERWARDS)
        _title(output, 3, "Six hours later: only what is new")
        news = _run(output, settings, progress_every)
    _title(output, 4, "The proof")
    start = to_micros(now - timedelta(days=days))
    exact, rows = _proof(output, settings, plant, start, news.span_end)
    _conclude(output, settings, plant, folder)
    output.result(
        "done" if exact else "failed",
        rows=rows,
        exact=exact,
        rows_before_kill=killed,
        rows_per_second=round(history.rows_per_second),
        lake=str(folder / "lake"),
    )
    return max(history.exit_code, news.exit_code, 0 if exact else 1)


class _Plant:
    """A simulated server in a process of its own, and the same world here to know the truth."""

    def __init__(self, tags: int, now: datetime) -> None:
        from pi_lakeflow.simulator import FixedClock, Oddities, SimulatorConfig, World

        oddities = Oddities(fast_tags=0.002)
        clock = FixedClock(to_micros(now))
        config = SimulatorConfig(
            seed=_SEED, tags=tags, clock=clock, oddities=oddities, density=_DENSITY, gzip=False
        )
        self._clock = FixedClock(to_micros(now))
        self.world = World(seed=_SEED, tags=tags, clock=self._clock, oddities=oddities, density=_DENSITY)
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(config, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        try:
            self.url: str = self._line.recv()
        except EOFError as error:
            self._process.join()
            raise SourceUnavailable("the simulated server did not start", subject="demo") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.join(10)
        self._process.kill()

    def advance(self, by: timedelta) -> None:
        """Let time pass in the plant."""
        micros = by // timedelta(microseconds=1)
        self._clock.advance(micros)
        self._line.send(micros)
        self._line.recv()

    def first_number(self) -> TagDef:
        """A tag that is good to look at."""
        plain = (
            t for t in self.world.tags() if t.point_type == "Float64" and t.units and t.name.isprintable()
        )
        return next(plain, self.world.tag(0))


def _serve(config: SimulatorConfig, line: Connection) -> None:
    """The process of the server: says its URL, advances by what it is told, ends with its parent."""
    from pi_lakeflow.simulator import FixedClock, start_simulator

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def main() -> None:
        async with start_simulator(config) as sim:
            line.send(sim.url)
            while (micros := await asyncio.to_thread(_received, line)) is not None:
                if isinstance(config.clock, FixedClock):
                    config.clock.advance(micros)
                line.send(True)

    asyncio.run(main())


def _received(line: Connection) -> int | None:
    try:
        return int(line.recv())
    except EOFError:
        return None


def _make_room(folder: Path) -> None:
    """Remove the lake of an earlier demo, and nothing else."""
    config, lake = folder / "pi-lakeflow.yaml", folder / "lake"
    if not config.exists() and not lake.exists():
        return
    if not config.is_file() or not config.read_text(encoding="utf-8").startswith(_MARK):
        raise SettingsError(
            "holds something that is not of an earlier demo", subject=str(folder), hint="--dir OTHER"
        )
    shutil.rmtree(lake, ignore_errors=True)


def _configured(folder: Path, url: str, since: datetime) -> Settings:
    path = folder / "pi-lakeflow.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_CONFIG.format(mark=_MARK, url=url, since=since.isoformat()), encoding="utf-8")
    except OSError as error:
        text = f"cannot be written: {error.strerror}"
        raise SettingsError(text, subject=str(path), hint="--dir OTHER") from error
    return load(path=path, environ={})


def _title(output: Output, number: int, text: str) -> None:
    output.event("step", number=number, title=text)
    output.text(f"\n{number}  {text}", style="bold")


def _killed_run(output: Output, settings: Settings) -> int:
    """`pi-lakeflow run` as another process, ended with SIGKILL after its first commit."""
    options = ["--config", str(settings.file), "--json", "--progress-every", "0.5"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PI_LAKEFLOW_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pi_lakeflow", "run", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    with process, output.err.status("pi-lakeflow run") as status:
        try:
            rows = _first_commit(process, lambda text: status.update(f"pi-lakeflow run  {text}"))
        finally:
            process.kill()
    if process.returncode == -signal.SIGKILL:
        output.text(f"   kill -9 after {words.things(rows, 'row')} were committed")
    else:
        output.text(f"   it ended by itself, after {words.things(rows, 'row')}")
    return rows


def _first_commit(process: subprocess.Popen[str], tell: Callable[[str], None]) -> int:
    """Rows of the first commit that the process reports, 0 if it ends without one."""
    for line in process.stdout or ():
        event = json.loads(line)
        if event["event"] == "progress":
            tell(f"{event['rows_read']:,} rows read")
        elif event["event"] == "commit":
            return int(event["rows"])
    return 0


def _run(output: Output, settings: Settings, every: float) -> Report:
    from pi_lakeflow.app.ingest import ingest
    from pi_lakeflow.app.prepare import Request
    from pi_lakeflow.cli import reports
    from pi_lakeflow.cli.progress import Watch, watched

    watch = Watch(output, limit=settings.performance.max_in_flight)
    work = ingest(settings, Request("run"), observer=watch)
    report = asyncio.run(watched(output, watch, work, every=every))
    output.text(Text("   ").append_text(reports.headline(report)))
    if report.lanes:
        output.text(f"   {words.span(report.span_start, report.span_end)}")
        output.text(
            f"   {words.things(report.requests, 'request')}, {words.size(report.wire_bytes)} received"
        )
    reports.left_behind(output, report.quarantined)
    return report


def _proof(output: Output, settings: Settings, plant: _Plant, start: int, end: int) -> tuple[bool, int]:
    """Whether the lake holds the archive's events of the span, and how many rows it holds."""
    from pi_lakeflow.app.query import rows_of, rows_per_tag

    world = plant.world
    with output.err.status("comparing the lake with the archive"):
        held = rows_per_tag(settings)
        expected = {world.webid(tag): len(world.events(tag, start, end)) for tag in world.tags()}
        expected = {webid: count for webid, count in expected.items() if count}
        sample = list(world.tags())[:: max(1, len(expected) // _SAMPLE)]
        truths = {world.webid(tag): world.truth(tag, start, end) for tag in sample}
        columns = next(iter(truths.values())).schema.names
        rows = rows_of(settings, sorted(truths), columns)
    import pyarrow as pa

    truth = pa.concat_tables([truths[webid] for webid in sorted(truths)])
    same = rows.equals(truth.cast(rows.schema))
    total = sum(held.values())
    _verdict(
        output,
        held == expected,
        f"{sum(expected.values()):,} events in the archive, {total:,} rows in the lake, "
        f"equal for each of {words.things(len(expected), 'tag')}",
    )
    _verdict(
        output, same, f"{words.things(len(sample), 'tag')} compared field by field: {rows.num_rows:,} rows"
    )
    return held == expected and same, total


def _verdict(output: Output, good: bool, text: str) -> None:
    mark = ("✓", "green") if good else ("✗ not so: ", "bold red")
    output.text(Text.assemble("   ", mark, f" {text}"))


def _conclude(output: Output, settings: Settings, plant: _Plant, folder: Path) -> None:
    from pi_lakeflow.app.query import hourly_average, size_on_disk
    from pi_lakeflow.app.source import open_lake

    tag = plant.first_number()
    output.text(f"\nHourly average of {tag.name}", style="bold")
    output.table(
        ("hour (UTC)", f">average {tag.units}", ">lowest", ">highest", ">events"),
        [
            (
                f"{row['hour']:%Y-%m-%d %H:%M}",
                *(f"{row[name]:,.2f}" for name in ("average", "lowest", "highest")),
                row["events"],
            )
            for row in hourly_average(settings, tag.name, limit=4)
        ],
    )
    table = Path(open_lake(settings).path_of("pi_timeseries"))
    here = table.relative_to(Path.cwd()) if table.is_relative_to(Path.cwd()) else table
    output.text(f"\nThe table is Delta, {words.size(size_on_disk(settings))}, for any reader: {here}")
    output.text("Next:")
    output.text(f"  pi-lakeflow status --config {folder / 'pi-lakeflow.yaml'}")
    output.text("  pi-lakeflow init                                  # your own server")
