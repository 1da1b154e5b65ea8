"""The page about the simulator says what is there, and its examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from pi_lakeflow.simulator import SimulatorConfig
from pi_lakeflow.simulator.__main__ import config_from, parser
from pi_lakeflow.simulator.config import Capacity
from pi_lakeflow.simulator.faults import Kind
from pi_lakeflow.simulator.http.control import _actions
from pi_lakeflow.simulator.http.functions import FUNCTIONS
from pi_lakeflow.simulator.http.versions import RELEASES
from pi_lakeflow.simulator.texts import changed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def _run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_its_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(BLOCKS[0])
    plugin = [
        "-m",
        "pytest",
        "-p",
        "pi_lakeflow.testing.plugin",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    assert "2 passed" in _run(tmp_path, *plugin, str(tmp_path))


def test_its_script_runs(tmp_path: Path) -> None:
    assert len(BLOCKS) == 2
    _run(tmp_path, "-c", BLOCKS[1])


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_fault_is_explained(kind: str) -> None:
    assert f"| `{kind}` |" in PAGE


def test_settings_that_are_named_exist() -> None:
    for name in set(re.findall(r"`((?:limits|capacity|live|oddities)\.\w+)(?:=|`)", PAGE)):
        part, _, field = name.partition(".")
        assert hasattr(getattr(SimulatorConfig(), part), field), name


def test_flags_that_are_named_are_understood() -> None:
    config = config_from(
        parser().parse_args(["--auth", "kerberos", "--auth", "basic", "--user", "jane:secret"])
    )
    assert config.auth.methods == ("negotiate", "basic")
    assert config.auth.users == {"jane": "secret"}
    for release in re.findall(r"`(20\d\d(?: (?:R2|SP\d))?)`", PAGE):
        assert release in RELEASES
        assert changed(SimulatorConfig(), {"version": release}).version == release


@pytest.mark.parametrize("preset", ["laptop", "plant", "enterprise"])
def test_presets_are_what_the_page_says(preset: str) -> None:
    model: Capacity = getattr(Capacity, preset)()
    row = re.search(
        rf"\| `{preset}` \| (\d+) \| ([\d.]+) ms \| ([\d.]+) µs \| ([\d.]+) ns \| ([\d,]+) \|", PAGE
    )
    assert row is not None
    workers, request, event, byte, queue = (float(cell.replace(",", "")) for cell in row.groups())
    said = (workers, request * 1e-3, event * 1e-6, byte * 1e-9, queue)
    got = (model.workers, model.per_request, model.per_event, model.per_byte, model.queue)
    assert said == pytest.approx(got)


def test_all_actions_and_functions_are_named() -> None:
    names = [action.partition(" ")[2] for action in _actions().explained()]
    assert not [name for name in names if name.rpartition("/")[2] not in PAGE]
    assert all(re.search(rf"\b{function.name}\b", PAGE) for function in FUNCTIONS.values())
