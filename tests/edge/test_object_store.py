"""The lake on an S3-compatible store: the same command, exact, also when it is killed on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "exact"))
from lake_and_truth import assert_exact

from pi_lakeflow.model.span import SECOND, Span, iso, to_micros
from pi_lakeflow.simulator import Simulator
from pi_lakeflow.sinks.delta import DeltaLake

HOUR = 3600 * SECOND
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SPAN = Span(NOW - 30 * HOUR, NOW - HOUR)
COMMAND = [sys.executable, "-m", "pi_lakeflow"]


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
    assert store["AWS_SECRET_ACCESS_KEY"] not in second.stdout + second.stderr

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
