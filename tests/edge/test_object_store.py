"""The lake on an S3-compatible store: the same command, exact, also when it is killed on the way."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "exact"))
from lake_and_truth import assert_exact

from pi_lakeflow.model.span import SECOND, Span, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

HOUR = 3600 * SECOND
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SPAN = Span(NOW - 30 * HOUR, NOW - HOUR)
KEYS = {
    "AWS_ACCESS_KEY_ID": "edge",
    "AWS_SECRET_ACCESS_KEY": "only-for-this-test",
    "AWS_REGION": "eu-central-1",
}
COMMAND = [sys.executable, "-m", "pi_lakeflow"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Storage options of an empty store with the bucket ``lake``.

    Another process: delta-rs keeps the interpreter's lock while it waits for the store.
    """
    log = tmp_path_factory.mktemp("store") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as written, subprocess.Popen(command, stdout=written, stderr=written) as process:
        try:
            options = {**KEYS, "AWS_ENDPOINT_URL": _address(log), "AWS_ALLOW_HTTP": "true"}
            _make_bucket(options)
            yield options
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


def test_a_run_killed_and_repeated_leaves_an_exact_lake_in_the_store(
    store: dict[str, str], server: Simulator, tmp_path: Path
) -> None:
    settings = {
        "pi_web_api_url": server.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": {"path": "s3://lake/plant", "storage_options": store},
    }
    (tmp_path / "pi-lakeflow.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [*COMMAND, "backfill", "--since", iso(SPAN.start), "--until", iso(SPAN.end)]

    first = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2.5)
    first.kill()
    first.communicate()
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90)
    assert second.returncode == 0, second.stderr
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in second.stdout + second.stderr

    webids = [server.world.webid(tag) for tag in server.world.tags()]
    assert_exact(DeltaLake("s3://lake/plant", storage_options=store), server.world, webids, SPAN)


def test_a_store_that_is_not_there_is_named_with_a_remedy(
    store: dict[str, str], server: Simulator, tmp_path: Path
) -> None:
    settings = {
        "pi_web_api_url": server.url,
        "data_server": "PISRV01",
        "tags": "all",
        "lake": {"path": "s3://no-such-bucket/plant", "storage_options": store},
    }
    (tmp_path / "pi-lakeflow.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "run"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 3, done.stderr
    assert "no-such-bucket" in done.stderr
    assert "lake.storage_options" in done.stderr
