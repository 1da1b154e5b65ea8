"""`pi-lakeflow stream` as a process: its pages, SIGTERM, and chaos with SIGKILL."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from lake_and_sent import assert_all_sent_is_there, assert_archived_once, assert_nothing_twice

from pi_lakeflow.simulator import Auth, Fault, Live, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

pytestmark = pytest.mark.alone  # a busy neighbour would be taken for the cause

CHAOS_SECONDS = float(os.environ.get("PI_LAKEFLOW_CHAOS_SECONDS", "8"))
TAGS = 40


def config(**changes: Any) -> SimulatorConfig:
    usual = {
        "tags": TAGS,
        "density": 20.0,
        "twins": 0,
        "start": datetime.now(UTC) - timedelta(hours=2),
        "live": Live(poll_seconds=0.1),
    }
    return SimulatorConfig(**{**usual, **changes})


def written(folder: Path, sim: Simulator, **more: Any) -> Path:
    """A configuration file."""
    keys = {
        "pi_web_api_url": sim.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": str(folder / "lake"),
        "streaming": {"overlap": "2s", "flush_interval": "500ms"},
        "performance": {"retry_backoff": 0.05},
        **more,
    }
    path = folder / "pi-lakeflow.yaml"
    path.write_text(yaml.safe_dump(keys))
    return path


def started(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pi_lakeflow", "stream", "--config", str(path), "--json", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PI_LAKEFLOW_")}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def page(port: int, name: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def wait_for(
    process: subprocess.Popen[str], port: int, true: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """The status page of a stream without problems of which something is true at last."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.2)
        with suppress(OSError):
            now: dict[str, Any] = json.loads(page(port, "status")[1])
            if not now["problems"] and true(now):
                return now
    raise AssertionError("it did not come about")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_pages_and_sigterm(tmp_path: Path) -> None:
    """Healthy while it runs; SIGTERM commits what has arrived, and exits with 0."""
    with run_in_thread(config()) as sim:
        port = free_port()
        process = started(written(tmp_path, sim), "--port", str(port), "--progress-every", "0.5")
        try:
            status = wait_for(process, port, lambda now: now["written"] > 30 and len(now["tags"]) > 20)
            assert page(port, "health") == (200, b'{"status":"ok","problems":[]}')
            assert b"pi_lakeflow_stream_written_total" in page(port, "metrics")[1]
            assert status["channels_open"] == status["channels"]
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 0, err
        end = json.loads(out.splitlines()[-1])
        assert (end["event"], end["status"], end["exit_code"]) == ("end", "done", 0)
        lake = DeltaLake(str(tmp_path / "lake"), "main", "streaming")
        assert assert_all_sent_is_there(lake, sim) > 0
        assert_archived_once(lake, sim, TAGS)


@pytest.mark.timeout(CHAOS_SECONDS + 300)
def test_chaos(tmp_path: Path) -> None:
    """Sockets dropped at random, the server restarted, messages late and twice, tokens that expire, a reader
    that stands still for seconds, and SIGKILL: nothing that was archived is missing or doubled.

    PI_LAKEFLOW_CHAOS_SECONDS says how long; from two minutes on, each of these must have happened.
    """
    dice = random.Random(7)
    faults = (
        Fault("channel_drop", probability=0.01),
        Fault("channel_drop", probability=0.01, message="abort"),
        Fault("channel_reorder", probability=0.05),
        Fault("channel_duplicate", probability=0.05),
        Fault("channel_stall", probability=0.01, seconds=0.7),
        Fault("status", status=503, probability=0.02),
        Fault("expire_tokens", probability=0.02),
    )
    with run_in_thread(config(faults=faults, auth=Auth(methods=("bearer",)))) as sim:
        auth = {"type": "oidc", "client_id": "lakeflow", "client_secret": "secret"}
        path = written(tmp_path, sim, auth=auth)
        ends = time.monotonic() + CHAOS_SECONDS
        torment = Torment(sim, dice)
        while time.monotonic() < ends:
            torment.strike(started(path), min(ends, time.monotonic() + dice.uniform(4.0, 12.0)))
        happened = dict(torment.happened) | {fault.kind: n for _, fault, n in sim.faults.active()}
        logging.getLogger(__name__).info("%s", happened)
        sim.faults.clear()
        port = free_port()
        process = started(path, "--port", str(port))
        wait_for(process, port, lambda now: now["channels"] and now["gaps"] >= now["channels"])
        time.sleep(4)  # claims what lies behind the chaos
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert torment.happened["kill"]
        assert CHAOS_SECONDS < 120 or min(happened.values()) > 0
        lake = DeltaLake(str(tmp_path / "lake"), "main", "streaming")
        assert assert_archived_once(lake, sim, TAGS) > 5 * CHAOS_SECONDS
        assert_nothing_twice(lake, sim)


class Torment:
    """What happens to a process that streams, and to its server; how often each thing did."""

    def __init__(self, sim: Simulator, dice: random.Random) -> None:
        self._sim, self._dice = sim, dice
        self._deck: list[Callable[[subprocess.Popen[str]], None]] = []
        self.happened = Counter(dict.fromkeys(("restart", "expired", "stood still", "kill"), 0))

    def strike(self, process: subprocess.Popen[str], until: float) -> None:
        """Until then, and then SIGKILL."""
        while time.monotonic() < until:
            time.sleep(0.5)
            if process.poll() == 3:  # the server was down when it started: whoever watches it starts it again
                process.communicate()
                return
            assert process.poll() is None, process.stderr and process.stderr.read()
            if self._dice.random() < 0.15:
                self._next()(process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.happened["kill"] += 1

    def _next(self) -> Callable[[subprocess.Popen[str]], None]:
        if not self._deck:
            self._deck = [self._restart, self._expire, self._stand_still]
            self._dice.shuffle(self._deck)
        return self._deck.pop()

    def _restart(self, _process: subprocess.Popen[str]) -> None:
        self._sim.restart(self._dice.uniform(0.0, 2.0))
        self.happened["restart"] += 1

    def _expire(self, _process: subprocess.Popen[str]) -> None:
        """All tokens are refused from now on, and the channels must come again."""
        self._sim.gatekeeper.expire_tokens()
        self._sim.channels.end("abort")
        self.happened["expired"] += 1

    def _stand_still(self, process: subprocess.Popen[str]) -> None:
        """A reader that reads nothing for a while: longer than the overlap, and than a ping waits."""
        process.send_signal(signal.SIGSTOP)
        time.sleep(self._dice.uniform(1.0, 4.0))
        process.send_signal(signal.SIGCONT)
        self.happened["stood still"] += 1
