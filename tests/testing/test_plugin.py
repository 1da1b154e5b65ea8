"""The pytest plugin as another project uses it: a project of its own, a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pi_lakeflow.testing import SimulatorConfig, run_in_thread, start_simulator

_PROJECT = """
import json
import urllib.error
import urllib.request

import pytest

HOUR = 3_600_000_000


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def test_a_server_with_a_truth(pi_server):
    tag = pi_server.world.tag(0)
    now = pi_server.world.clock.now() // 10
    items = get(f"{pi_server.url}/streams/{pi_server.world.webid(tag)}/recorded?startTime=*-1h")["Items"]
    assert 0 < len(items) == len(pi_server.world.truth(tag, now - HOUR, now + 1))


@pytest.mark.pi_server(tags=7, faults=["status:status=429,count=1"])
def test_with_faults(pi_server):
    with pytest.raises(urllib.error.HTTPError):
        get(pi_server.url + "/dataservers")
    server = get(pi_server.url + "/dataservers")["Items"][0]
    assert len(get(server["Links"]["Points"])["Items"]) == 7


@pytest.mark.pi_server(changes=["limits.max_returned_items=10"])
class TestMarkersAdd:
    @pytest.mark.pi_server(plain=True)
    def test_up(self, pi_server):
        assert pi_server.config.limits.max_returned_items == 10
        assert pi_server.config.oddities.system_events == 0
        with pytest.raises(urllib.error.HTTPError):
            point = pi_server.world.webid(pi_server.world.tag(0))
            get(f"{pi_server.url}/streams/{point}/recorded?maxCount=11")


def test_two_servers(pi_servers):
    one, two = pi_servers(seed=1), pi_servers(seed=2)
    assert one.url != two.url
    assert one.world.servers[0].guid != two.world.servers[0].guid


@pytest.mark.pi_server(nonsense=1)
def test_a_wrong_word(pi_server):
    pass
"""


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": source, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "pi_lakeflow.testing.plugin", "--strict-markers"]
    command += [*arguments, "--rootdir", str(folder), "-c", os.devnull, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_a_project_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(_PROJECT)
    ran = _pytest(tmp_path, "-rA")
    assert "4 passed, 1 error" in ran.stdout, ran.stdout
    assert "unexpected keyword argument 'nonsense'" in ran.stdout


def test_the_marker_and_the_fixtures_explain_themselves(tmp_path: Path) -> None:
    assert "@pytest.mark.pi_server(tags=50" in _pytest(tmp_path, "--markers").stdout
    told = _pytest(tmp_path, "--fixtures").stdout
    assert "pi_server -- " in told
    assert "pi_servers -- " in told


def test_the_plugin_costs_nothing_until_it_is_used(tmp_path: Path) -> None:
    """Neither the server nor its libraries are imported."""
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_it():\n"
        "    assert not {'aiohttp', 'numpy', 'pyarrow', 'pi_lakeflow.simulator'} & set(sys.modules)\n"
    )
    assert "1 passed" in _pytest(tmp_path).stdout


async def test_without_pytest() -> None:
    """In a thread, and in an event loop that runs."""
    with run_in_thread(SimulatorConfig(tags=3)) as one:
        async with start_simulator(SimulatorConfig(tags=3)) as other:
            assert one.url != other.url


@pytest.mark.parametrize("what", ["pytest11", "pi_lakeflow.testing.plugin"])
def test_the_entry_point_is_declared(what: str) -> None:
    assert what in (Path(__file__).parents[2] / "pyproject.toml").read_text()
