"""Each check says what is so, and a failure names itself and skips what needs it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pi_lakeflow.app.check import Check, Verdict, check
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import (
    Fault,
    Oddities,
    RunningClock,
    Simulator,
    SimulatorConfig,
    run_in_thread,
)
from pi_lakeflow.simulator.config import Auth

NAMES = [
    "settings",
    "network",
    "TLS",
    "PI Web API",
    "authentication",
    "version",
    "data server",
    "rate limit",
    "read a tag",
    "write the lake",
    "clock",
]
Checked = Callable[..., dict[str, Check]]


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    auth = Auth(methods=("basic",), users={"reader": "correct-horse"})
    config = SimulatorConfig(tags=5, twins=0, oddities=Oddities.none(), auth=auth)
    with run_in_thread(config) as sim:
        yield sim


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    yield server
    server.faults.clear()


@pytest.fixture
def checked(sim: Simulator, tmp_path: Path) -> Checked:
    """All checks with a configuration that is right, but for the changes."""

    def run(**changes: Any) -> dict[str, Check]:
        config = {
            "pi_web_api_url": sim.url,
            "auth": {"type": "basic", "username": "reader", "password": "correct-horse"},
            "data_server": "PISRV01",
            "tags": "all",
            "lake": str(tmp_path / "new" / "lake"),
            **changes,
        }
        return checks(lambda: load(config, environ={}))

    return run


def checks(given: Callable[[], Settings]) -> dict[str, Check]:
    async def collect() -> list[Check]:
        return [each async for each in check(given)]

    found = asyncio.run(collect())
    assert [each.name for each in found] == NAMES
    return {each.name: each for each in found}


def failed(found: dict[str, Check]) -> list[str]:
    return [name for name, each in found.items() if each.verdict is Verdict.FAILED]


def skipped(found: dict[str, Check]) -> set[str]:
    return {name for name, each in found.items() if each.verdict is Verdict.SKIPPED}


def hint(each: Check) -> str:
    return (each.error.hint if each.error else None) or ""


def test_all_is_well(checked: Checked, tmp_path: Path) -> None:
    """No trace is left in the lake's place."""
    found = checked()
    assert not failed(found)
    assert not skipped(found)
    assert found["TLS"].verdict is Verdict.WARN
    assert "reader" in found["authentication"].detail
    assert "PISRV01" in found["data server"].detail
    assert " was " in found["read a tag"].detail
    assert "GB free" in found["write the lake"].detail
    assert list(tmp_path.iterdir()) == []
    assert sum(each.exit_code for each in found.values()) == 0


def test_it_reads_no_more_than_one_event(checked: Checked, sim: Simulator) -> None:
    sim.stats.reset()
    checked()
    counted = sim.stats.as_dict()
    assert counted["events"] <= 1
    assert counted["requests"] <= 10


def test_unusable_settings_skip_all_else(sim: Simulator) -> None:
    found = checks(lambda: load({"pi_web_api_url": sim.url, "tagz": "all"}, environ={}))
    assert failed(found) == ["settings"]
    assert len(skipped(found)) == len(NAMES) - 1
    assert found["settings"].exit_code == 2


def test_a_secret_that_cannot_be_read_is_a_matter_of_settings(checked: Checked) -> None:
    found = checked(auth={"type": "bearer", "token": "env:PI_LAKEFLOW_NOWHERE"})
    assert failed(found) == ["settings"]


def test_nobody_listens(checked: Checked) -> None:
    """The lake is tried all the same."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        found = checked(pi_web_api_url=f"http://127.0.0.1:{taken.getsockname()[1]}/piwebapi")
    assert failed(found) == ["network"]
    assert "refused" in found["network"].detail
    assert found["write the lake"].verdict is Verdict.OK
    assert found["rate limit"].verdict is Verdict.OK
    assert found["network"].exit_code == 3


def test_a_name_that_does_not_exist(checked: Checked) -> None:
    found = checked(pi_web_api_url="http://pi-server.invalid/piwebapi")
    assert failed(found) == ["network"]
    assert "cannot be resolved" in found["network"].detail


def test_https_where_http_is_spoken(checked: Checked, sim: Simulator) -> None:
    found = checked(pi_web_api_url=sim.url.replace("http:", "https:"))
    assert failed(found) == ["TLS"]
    assert found["TLS"].exit_code == 3


def test_certificates(tmp_path: Path) -> None:
    """Refused, trusted through its authority, and unverified with a warning."""
    with run_in_thread(SimulatorConfig(tags=1, twins=0, tls=True)) as sim:
        config = {"pi_web_api_url": sim.url, "data_server": "PISRV01", "lake": str(tmp_path)}
        found = checks(lambda: load(config, environ={}))
        assert failed(found) == ["TLS"]
        assert found["TLS"].exit_code == 2
        assert "ca_bundle" in hint(found["TLS"])
        trusting = config | {"tls": {"ca_bundle": str(sim.ca_file)}}
        assert "Simulated plant CA" in checks(lambda: load(trusting, environ={}))["TLS"].detail
        blind = config | {"tls": {"verify": False}}
        with pytest.warns(UserWarning, match="not verified"):
            found = checks(lambda: load(blind, environ={}))
        assert found["TLS"].verdict is Verdict.WARN


def test_a_wrong_password(checked: Checked) -> None:
    """PI Web API is there; it does not know us."""
    found = checked(auth={"type": "basic", "username": "reader", "password": "wrong"})
    assert failed(found) == ["authentication"]
    assert found["PI Web API"].verdict is Verdict.OK
    assert found["authentication"].exit_code == 2


@pytest.mark.parametrize("kind", ["html", "half_json", "cut_body"])
def test_what_answers_is_not_pi_web_api(checked: Checked, sim: Simulator, kind: Any) -> None:
    sim.faults.add(Fault(kind))
    found = checked()
    assert failed(found) == ["PI Web API"]
    assert found["PI Web API"].exit_code == 3


def test_data_servers(checked: Checked) -> None:
    """An unknown one, and none chosen where there are two; full paths need none."""
    assert failed(checked(data_server="PISRV99")) == ["data server"]
    found = checked(data_server=None)
    assert failed(found) == ["data server"]
    assert "name one" in hint(found["data server"])
    assert not failed(checked(data_server=None, tags=["\\\\PISRV01\\*"]))


def test_tags(checked: Checked) -> None:
    """One that is unknown, a mask that matches none, and none chosen."""
    found = checked(tags=["NO.SUCH.TAG"])
    assert failed(found) == ["read a tag"]
    assert found["read a tag"].exit_code == 1
    assert failed(checked(tags=["NOTHING*"])) == ["read a tag"]
    found = checked(tags=[])
    assert found["settings"].verdict is Verdict.WARN
    assert skipped(found) == {"read a tag"}


def test_an_unwritable_lake(checked: Checked, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    found = checked(lake=str(tmp_path / "file"))
    assert failed(found) == ["write the lake"]
    assert found["write the lake"].exit_code == 3


def test_an_existing_lake_is_left_as_it_is(checked: Checked, tmp_path: Path) -> None:
    (tmp_path / "lake" / "main" / "bronze" / "mine").mkdir(parents=True)
    assert not failed(checked(lake=str(tmp_path / "lake")))
    assert [path.name for path in (tmp_path / "lake" / "main" / "bronze").iterdir()] == ["mine"]


def test_an_object_store_is_left_as_it_is(checked: Checked, tmp_path: Path) -> None:
    """By the same code as for s3://: no file stays behind."""
    assert not failed(checked(lake=f"file://{tmp_path}/store"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    behind = RunningClock(1_700_000_000_000_000)
    with run_in_thread(SimulatorConfig(tags=1, twins=0, clock=behind)) as sim:
        config = {"pi_web_api_url": sim.url, "lake": str(tmp_path), "performance": {"rate_limit": 50}}
        found = checks(lambda: load(config, environ={}))
    assert found["clock"].verdict is Verdict.WARN
    assert "behind this machine" in found["clock"].detail
    assert "50 per second" in found["rate limit"].detail


def test_a_table_of_somebody_else_is_seen_before_the_first_run(checked: Checked, tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "new/lake/main/bronze/pi_timeseries"), pa.table({"a": [1]}))
    found = checked()
    assert failed(found) == ["write the lake"]
    assert "not ours" in found["write the lake"].detail
    assert "`schema`" in hint(found["write the lake"])
    assert found["write the lake"].exit_code == 2
