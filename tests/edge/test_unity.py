"""The lake as external tables of Unity Catalog: found by name, opened with keys that expire."""

from __future__ import annotations

import json
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "exact"))
from lake_and_truth import assert_exact

from pi_lakeflow.cli import program
from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.span import SECOND, Span, iso, to_micros
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.simulator import Simulator
from pi_lakeflow.sinks.unity import UnityLake

HOUR = 3600 * SECOND
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SPAN = Span(NOW - 3 * HOUR, NOW - HOUR)
NOTES = TableSpec(
    name="notes",
    doc="",
    grain=Grain.LOG,
    key=("note",),
    columns=(Column("note", pa.string(), ""),),
)


@pytest.fixture
def options(store: dict[str, str], catalog: tuple[str, str]) -> dict[str, str]:
    """The store's options without keys, and the workspace's token: the keys come from the catalog."""
    kept = {key: value for key, value in store.items() if "KEY" not in key}
    return {**kept, "databricks_token": catalog[1]}


def test_a_run_into_external_tables_is_exact(
    options: dict[str, str],
    catalog: tuple[str, str],
    server: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = f"uc://{catalog[0]}"
    settings = {
        "pi_web_api_url": server.url,
        "data_server": "PISRV01",
        "tags": "all",
        "catalog": "plant",
        "lake": {"path": root, "storage_options": options},
    }
    (tmp_path / "pi-lakeflow.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code = program.run(["backfill", "--since", iso(SPAN.start), "--until", iso(SPAN.end)])
    told = capsys.readouterr()
    assert code == 0, told.err
    assert catalog[1] not in told.out + told.err

    webids = [server.world.webid(tag) for tag in server.world.tags()]
    lake = UnityLake(root, "plant", storage_options=options)
    assert_exact(lake, server.world, webids, SPAN)
    counted = lake.sql("SELECT count(*) AS n FROM pi_timeseries", [PI_TIMESERIES])
    assert counted["n"][0].as_py() == lake.table(PI_TIMESERIES).read(["tag_webid"]).num_rows


def test_keys_are_renewed_before_they_expire(options: dict[str, str], catalog: tuple[str, str]) -> None:
    now = [datetime.now(UTC).timestamp()]
    lake = UnityLake(f"uc://{catalog[0]}", "plant", storage_options=options, clock=lambda: now[0])
    table = lake.table(NOTES)
    before = _leases(catalog[0])
    table.add(pa.table({"note": ["first"]}))
    table.add(pa.table({"note": ["second"]}))
    assert _leases(catalog[0]) == before + 1
    now[0] += 3400  # the hour is not over, but what starts now may take longer
    table.add(pa.table({"note": ["third"]}))
    assert _leases(catalog[0]) == before + 2
    assert sorted(table.read()["note"].to_pylist()) == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("name", "token", "told"),
    [("elsewhere", None, "no such table"), ("plant", "wrong", "refuses")],
)
def test_what_the_catalog_denies_is_said_with_a_remedy(
    options: dict[str, str], catalog: tuple[str, str], name: str, token: str | None, told: str
) -> None:
    given = options | ({"databricks_token": token} if token else {})
    with pytest.raises(SinkUnavailable, match=told) as caught:
        UnityLake(f"uc://{catalog[0]}", name, storage_options=given).table(NOTES)
    assert caught.value.hint
    assert str(caught.value.subject) == f"{name}.bronze.notes"


def _leases(url: str) -> int:
    with urllib.request.urlopen(f"{url}/leases") as answer:
        return int(json.load(answer))
