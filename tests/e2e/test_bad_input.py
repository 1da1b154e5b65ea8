"""Bad input, bad answers and bad certificates: one clear error, whatever the command."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.sites import NOW, WRONG, Site, assert_clear, ended

from pi_lakeflow.simulator import Fault, FixedClock, Oddities, SimulatorConfig, run_in_thread

CASES = {
    "wrong url": (["run"], {"pi_web_api_url": "http://127.0.0.1:9/piwebapi"}, 3, "127.0.0.1:9"),
    "unknown tag": (["run"], {"tags": ["NO.SUCH.TAG"]}, 2, "NO.SUCH.TAG"),
    "unknown tag to plan": (["plan"], {"tags": ["NO.SUCH.TAG"]}, 2, "NO.SUCH.TAG"),
    "unknown tag to discover": (["discover", "NO.SUCH.TAG"], {}, 1, "NO.SUCH.TAG"),
    "unknown key": (["run"], {"max_wokers": 3}, 2, "max_workers"),
    "unwritable lake": (["run"], {"lake": "/proc/lake"}, 3, "/proc/lake"),
    "unwritable lake to check": (["check"], {"lake": "/proc/lake"}, 3, "/proc/lake"),
    "unknown option": (["run", "--sinse", "*-1d"], {}, 2, "--sinse"),
    "unknown command": (["rnu"], {}, 2, "rnu"),
    "no time": (["run", "--since", "yesterdayish"], {}, 2, "yesterdayish"),
    "empty span": (["run", "--since", "*"], {}, 2, "empty"),
    "backfill without since": (["backfill"], {}, 2, "--since"),
    "wrong password": (["run"], {"auth": WRONG}, 2, "401"),
    "wrong password to check": (["check"], {"auth": WRONG}, 2, "401"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_is_one_clear_error(site: Site, case: str) -> None:
    """Names the input, hints at the remedy, exits with the right code, and tells no secret."""
    arguments, changes, code, mention = CASES[case]
    verbose = [] if case.startswith("unknown command") else ["-vv"]
    assert_clear(site.run(*arguments, *verbose, "--json", **changes), code, mention)


@pytest.mark.parametrize("command", ["run", "check", "discover", "plan"])
@pytest.mark.parametrize("kind", ["html", "half_json"])
def test_answers_that_make_no_sense(site: Site, kind: Any, command: str) -> None:
    """A proxy's page, and a body that is half there."""
    site.sim.faults.add(Fault(kind))
    assert_clear(site.run(command, "-vv", "--json"), 3, "piwebapi")


def test_a_self_signed_certificate(site: Site) -> None:
    """Refused with a hint; accepted with its authority."""
    config = SimulatorConfig(tags=3, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW), tls=True)
    with run_in_thread(config) as sim:
        changes = {"pi_web_api_url": sim.url, "auth": {"type": "anonymous"}}
        assert_clear(site.run("run", "-vv", "--json", **changes), 2, "certificate")
        assert_clear(site.run("check", "-vv", "--json", **changes), 2, "certificate")
        trusted = site.run("run", tls={"ca_bundle": str(sim.ca_file)}, **changes)
        assert trusted.returncode == 0, trusted.stderr


def test_another_process_says_the_same(site: Site) -> None:
    """The border holds around a whole interpreter too."""
    done = ended(site.start("run", "-vv", "--json", auth=WRONG))
    assert_clear(done, 2, "401")


def test_people_are_told_without_json(site: Site) -> None:
    done = site.run("run", auth=WRONG)
    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "warning:",
        "warning:",
        "error:",
        "hint:",
    ]
