"""An S3-compatible store and a simulated plant for the tests of lakes that are elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pi_lakeflow.model.span import SECOND, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

HOUR = 3600 * SECOND
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
KEYS = {
    "AWS_ACCESS_KEY_ID": "edge",
    "AWS_SECRET_ACCESS_KEY": "only-for-this-test",
    "AWS_REGION": "eu-central-1",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Storage options of an empty store with the bucket ``lake``.

    Another process: delta-rs keeps the interpreter's lock while it waits for the store.
    """
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with listening(command, tmp_path_factory.mktemp("store") / "log") as url:
        options = {**KEYS, "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}
        _make_bucket(options)
        yield options


@contextmanager
def listening(command: list[str], log: Path) -> Iterator[str]:
    """The URL of a development server that runs until the end of the block."""
    with log.open("w") as written, subprocess.Popen(command, stdout=written, stderr=written) as process:
        try:
            yield _address(log)
        finally:
            process.terminate()


def _address(log: Path) -> str:
    for _ in range(300):
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _make_bucket(options: dict[str, str]) -> None:
    import boto3

    boto3.client(
        "s3",
        endpoint_url=options["AWS_ENDPOINT_URL"],
        aws_access_key_id=options["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=options["AWS_SECRET_ACCESS_KEY"],
        region_name=options["AWS_REGION"],
    ).create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": options["AWS_REGION"]})


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    config = SimulatorConfig(
        seed=11,
        tags=30,
        twins=0,
        oddities=Oddities(),
        clock=FixedClock(NOW),
        start=datetime(2026, 3, 20, tzinfo=UTC),
        faults=(Fault("latency", seconds=0.05),),
    )
    with run_in_thread(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and token of a catalog that knows the tables of ``plant``."""
    token = "token-of-the-edge"
    command = [sys.executable, str(Path(__file__).parent / "catalog_server.py"), token]
    with listening(command, tmp_path_factory.mktemp("catalog") / "log") as url:
        yield url, token
