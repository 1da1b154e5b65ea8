"""The page about the asset model: its SQL, its command and its YAML work as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from deltalake import DeltaTable

from pi_lakeflow.settings import parse_selection
from pi_lakeflow.settings.selection import SelectorKind
from pi_lakeflow.simulator import Oddities, Simulator, SimulatorConfig, run_in_thread

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "assets.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lake with the tables that the page joins, read by the command line."""
    folder = tmp_path_factory.mktemp("page")
    with run_in_thread(SimulatorConfig(tags=16, twins=0, oddities=Oddities.none())) as sim:
        names = ("pi_asset_hierarchy", "pi_asset_tags", "pi_attribute_traits", "pi_attribute_values")
        typed(sim, folder, "assets", *(word for name in names for word in ("--table", name)))
        typed(sim, folder, "run", "--tag", "*", "--since", "*-1h")
        yield folder


def typed(sim: Simulator, folder: Path, *words: str) -> None:
    options = ["--url", sim.url, "--lake", "lake", "--set", "data_server=PISRV01"]
    command = [sys.executable, "-m", "pi_lakeflow", *words, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("query", blocks("sql"))
def test_the_queries_find_something(lake: Path, query: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA bronze")
        for name in sorted(set(re.findall(r"bronze\.(\w+)", query))):
            rows = DeltaTable(str(lake / f"lake/main/bronze/{name}")).to_pyarrow_table()
            connection.register(f"held_{name}", rows)
            connection.execute(f"CREATE VIEW bronze.{name} AS SELECT * FROM held_{name}")
        found = connection.execute(query).fetchall()
    assert found
    assert all(value is not None for value in found[0][:3])


def test_the_yaml_is_a_selection() -> None:
    (block,) = blocks("yaml")
    (selector,) = parse_selection(yaml.safe_load(block)["tags"])
    assert (selector.kind, selector.template) == (SelectorKind.UNDER, "Pump")


def test_the_command_is_understood(tmp_path: Path) -> None:
    (block,) = blocks("sh")
    with run_in_thread(SimulatorConfig(tags=8, twins=0)) as sim:
        typed(sim, tmp_path, *shlex.split(block)[1:])
    assert (tmp_path / "lake/main/bronze/pi_asset_tags/_delta_log").is_dir()
