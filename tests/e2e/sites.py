"""A folder with a configuration beside a simulated server, and the command in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import DeltaTable

from pi_lakeflow.cli import program
from pi_lakeflow.model.span import SECOND, to_micros
from pi_lakeflow.simulator import Simulator

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))


HOUR = 3600 * SECOND


SETTLED = NOW - 300 * SECOND


PASSWORD = "correct-horse-battery"


WRONG = {"type": "basic", "username": "reader", "password": "wrong-secret"}


@dataclass
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass
class Site:
    """A folder with a configuration, and a simulated server."""

    folder: Path
    sim: Simulator
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    config: dict[str, object] = field(default_factory=dict)

    def write(self, **changes: object) -> None:
        """The configuration, changed."""
        text = yaml.safe_dump(self.config | changes)
        (self.folder / "pi-lakeflow.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, **changes: object) -> Done:
        """The command in the folder, in this process: quicker by the start of an interpreter."""
        self.write(**changes)
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setenv("PI_PASSWORD", PASSWORD)
        self.capsys.readouterr()
        code = program.run(arguments)
        told = self.capsys.readouterr()
        return Done(code, told.out, told.err)

    def start(self, *arguments: str, **changes: object) -> subprocess.Popen[str]:
        """The command as another process."""
        self.write(**changes)
        return subprocess.Popen(
            [sys.executable, "-m", "pi_lakeflow", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PI_PASSWORD": PASSWORD},
        )

    def rows(self, table: str = "pi_timeseries") -> int:
        return DeltaTable(str(self.folder / "lake/main/bronze" / table)).to_pyarrow_table().num_rows

    def truth(self, start: int, end: int) -> int:
        """Events of the archive in the half-open span (microseconds)."""
        return sum(self.sim.world.truth(tag, start, end).num_rows for tag in names(self.sim))


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=100)
    return Done(process.returncode, out, err)


def names(sim: Simulator) -> list[str]:
    return [tag.name for tag in sim.world.tags()]


def wait_for(site: Site, route: str) -> None:
    while not any(route in each for each in site.sim.stats.as_dict()["by_route"]):
        time.sleep(0.05)


def assert_clear(done: Done, code: int, mention: str) -> None:
    """One error with a hint on stderr, one end event on stdout, the same code, and no secret."""
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 1, told
    assert mention in done.stderr, told
    assert "Traceback" not in told
    assert PASSWORD not in told
    assert "wrong-secret" not in told
    ends = [event for event in done.events if event["event"] == "end"]
    assert len(ends) == 1, done.stdout
    assert done.events[-1] == ends[0]
    assert ends[0]["exit_code"] == code
