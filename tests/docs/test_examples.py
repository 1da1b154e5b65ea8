"""What the documents tell people to type is typed here, against a simulated server."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from pi_lakeflow.simulator import Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.config import Auth

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password with spaces & signs"
TABLE = "lake/main/bronze/pi_timeseries"


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of one language in a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """A server with a user, whose present is the real one: examples say "yesterday"."""
    auth = Auth(methods=("basic",), users={"reader": PASSWORD})
    with run_in_thread(SimulatorConfig(tags=8, twins=0, oddities=Oddities.none(), auth=auth)) as simulator:
        yield simulator


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the password that the examples refer to.

    The simulated site has two data servers; the examples are for a site with one.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PI_LAKEFLOW_DATA_SERVER", "PISRV01")
    monkeypatch.setenv("PI_PASSWORD", PASSWORD)
    return tmp_path


def localized(text: str, sim: Simulator) -> str:
    """The example with this server's address, user and tags in place of the documents'."""
    first, second = [tag.name for tag in sim.world.tags()][:2]
    for written, meant in {
        "https://pi-server.example.com/piwebapi": sim.url,
        "SINUS*": f"{first.split('.')[0]}*",
        "SINUSOID": first,
        "CDT158": second,
    }.items():
        text = text.replace(written, meant)
    return text


def run_python(text: str) -> Mapping[str, object]:
    names: dict[str, object] = {}
    exec(compile(text, "example", "exec"), names)  # running it is the point
    return names


def test_python_of_the_readme_then_the_queries_of_the_guide(sim: Simulator, here: Path) -> None:
    """The connector fills a lake; Polars and DuckDB give the same hourly averages for yesterday."""
    (connector_example,) = blocks("README.md", "python")
    assert getattr(run_python(localized(connector_example, sim))["report"], "status", None) == "done"
    assert DeltaTable(str(here / TABLE)).version() >= 0

    (polars_example,) = blocks("docs/guide.md", "python")
    hourly = run_python(polars_example)["hourly"]
    assert isinstance(hourly, pl.DataFrame)

    (sql,) = blocks("docs/guide.md", "sql")
    sql, replaced = re.subn(r"delta_scan\('[^']*'\)", "read_parquet($files, hive_partitioning = true)", sql)
    assert replaced == 1
    zone, query = sql.strip().removesuffix(";").split(";")
    with duckdb.connect() as connection:
        connection.execute(zone)
        found = connection.sql(query, params={"files": DeltaTable(TABLE).file_uris()}).to_arrow_table()
    averages = pl.DataFrame(found)
    assert averages.height > 0
    got = {(name, hour.astimezone(UTC)): mean for name, hour, mean in averages.rows()}
    assert got == pytest.approx({(name, hour.astimezone(UTC)): mean for name, hour, mean in hourly.rows()})


def test_commands_of_the_readme(sim: Simulator, here: Path) -> None:
    """`init`, `check` and `run`, one after the other as written, end with 0 and leave a table."""
    (shown,) = [text for text in blocks("README.md", "text") if "pi-lakeflow init" in text]
    commands = re.findall(r"^\$ pi-lakeflow (.*)$", localized(shown, sim), re.MULTILINE)
    assert [command.split(" ")[0] for command in commands] == ["init", "check", "run"]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "pi_lakeflow", *shlex.split(command)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert done.returncode == 0, f"pi-lakeflow {command}\n{done.stdout}{done.stderr}"
    assert DeltaTable(str(here / TABLE)).count() > 0
