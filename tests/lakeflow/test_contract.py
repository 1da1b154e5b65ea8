"""The interface's documented rules, checked on a real (simulated) plant. No Spark session is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql.types import DateType, StructType, TimestampType

from pi_lakeflow.app.lakeflow import PILakeflowConnect
from pi_lakeflow.errors import PiLakeflowError, SettingsError
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import SECOND, iso, to_micros
from pi_lakeflow.simulator import Fault, FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

HOUR = 3600 * SECOND
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))
SINCE = NOW - 6 * HOUR
SETTLED = NOW - 300 * SECOND
TABLE = "pi_timeseries"
Row = dict[str, Any]
Offset = dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    config = SimulatorConfig(
        seed=5,
        tags=60,
        twins=0,
        oddities=Oddities(),
        clock=FixedClock(NOW),
        start=datetime(2026, 3, 20, tzinfo=UTC),
    )
    with run_in_thread(config) as sim:
        yield sim


@pytest.fixture
def options(server: Simulator) -> dict[str, str]:
    """As a connection gives them: texts, names without dots."""
    return {
        "pi_web_api_url": server.url,
        "data_server": "PISRV01",
        "auth_type": "anonymous",
        "tags": "all",
        "since": iso(SINCE),
        "sourceName": "pi_lakeflow",
        "tableConfigs": "{}",
        "performance_max_workers": "4",
    }


def key(row: Row) -> tuple[str, str, int]:
    return row["tag_webid"], row["timestamp"], row["event_index"]


def truth(server: Simulator, webids: list[str] | None = None) -> set[tuple[str, str, int]]:
    found = set()
    for tag in server.world.tags():
        webid = server.world.webid(tag)
        if webids is None or webid in webids:
            for row in server.world.truth(webid, SINCE, SETTLED).to_pylist():
                time = row["timestamp"].astimezone(UTC).isoformat(timespec="microseconds")
                found.add((webid, time, row["event_index"]))
    return found


def read_all(
    connector: PILakeflowConnect, start: Offset | None, options: dict[str, str]
) -> tuple[list[Row], Any]:
    """As the host pages: until the offset comes back. At most 50 calls, as its own suite allows."""
    rows: list[Row] = []
    for _ in range(50):
        batch, end = connector.read_table(TABLE, start, options)
        rows += batch
        if end == start:
            return rows, end
        start = end
    raise AssertionError("the offsets do not converge")


def test_the_present_stands_still_while_a_run_goes_on(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a batch takes: else a run over a slow server brings ever more and never ends."""
    connector = PILakeflowConnect(options)
    _, end = read_all(connector, None, {})
    later = FixedClock(SystemClock().now() + HOUR)
    monkeypatch.setattr("pi_lakeflow.engines.spark.sight.SystemClock", lambda: later)
    assert connector.latest_offset(TABLE, {}, end) == end


def test_tables_are_listed_once_and_described(options: dict[str, str]) -> None:
    connector = PILakeflowConnect(options)
    names = connector.list_tables()
    assert TABLE in names
    assert len(names) == len(set(names))
    for name in names:
        schema = connector.get_table_schema(name, {})
        assert isinstance(schema, StructType)
        assert len(schema.names) == len(set(schema.names))
        assert schema == PILakeflowConnect(options).get_table_schema(name, {})
        metadata = connector.read_table_metadata(name, {})
        assert metadata["ingestion_type"] in ("snapshot", "cdc", "append")
        assert set(metadata["primary_keys"]) <= set(schema.names)
        if metadata["ingestion_type"] == "cdc":
            assert metadata["cursor_field"] in schema.names
        assert metadata == PILakeflowConnect(options).read_table_metadata(name, {})


@pytest.mark.parametrize("call", ["get_table_schema", "read_table_metadata"])
def test_an_unknown_table_is_refused_with_the_nearest_name(options: dict[str, str], call: str) -> None:
    with pytest.raises(SettingsError) as caught:
        getattr(PILakeflowConnect(options), call)("pi_timeserie", {})
    assert TABLE in str(caught.value.hint)
    with pytest.raises(SettingsError):
        PILakeflowConnect(options).read_table("pi_timeserie", None, {})


@pytest.mark.parametrize("first", [None, {}])
def test_a_paged_read_ends_and_is_exact(
    server: Simulator, options: dict[str, str], first: Offset | None
) -> None:
    """Bounded batches, each row once, every column filled somewhere, keys never null."""
    rows, end = read_all(PILakeflowConnect(options), first, {"max_records_per_batch": "9000"})
    assert len(rows) == len(truth(server))
    assert {key(row) for row in rows} == truth(server)
    filled = {name for row in rows for name, value in row.items() if value is not None}
    assert filled == set(PI_TIMESERIES.arrow_schema.names)
    again, same = read_all(PILakeflowConnect(options), end, {})
    assert (again, same) == ([], end)
    assert json.loads(json.dumps(end)) == end
    assert all(isinstance(value, str) for value in end.values())


def test_records_parse_by_the_schema(options: dict[str, str]) -> None:
    """Times are ISO 8601 with an offset and six digits at most, as the host's parser needs them."""
    connector = PILakeflowConnect(options)
    rows, _ = connector.read_table(TABLE, None, {})
    row = next(iter(rows))
    json.dumps(row)
    for field in connector.get_table_schema(TABLE, {}).fields:
        value = row[field.name]
        if isinstance(field.dataType, TimestampType) and value is not None:
            assert datetime.fromisoformat(value).utcoffset() is not None
            assert len(value.partition(".")[2].partition("+")[0]) <= 6
        elif isinstance(field.dataType, DateType):
            assert date.fromisoformat(value).isoformat() == row["timestamp"][:10]


def test_a_stream_that_is_not_told_where_it_stands_is_exact(
    server: Simulator, options: dict[str, str]
) -> None:
    """The host asks for the latest offset without the start, and for partitions between the two."""
    connector = PILakeflowConnect(options)
    assert connector.is_partitioned(TABLE)
    end = connector.latest_offset(TABLE, {})
    assert end == connector.latest_offset(TABLE, {}, None)
    parts = connector.get_partitions(TABLE, {}, {}, end)
    assert parts
    assert connector.get_partitions(TABLE, {}, end, end) == []
    rows = [row for part in parts for row in worker(options, part)]
    assert len(rows) == len(truth(server))
    assert {key(row) for row in rows} == truth(server)


def worker(options: dict[str, str], part: dict[str, Any]) -> list[Row]:
    """A task elsewhere has the options and the partition's JSON, nothing else."""
    sent = json.loads(json.dumps(part))
    assert all(isinstance(value, str | int) for value in sent.values())
    return list(PILakeflowConnect(options).read_partition(TABLE, sent, {}))


def test_a_replayed_batch_is_the_same(options: dict[str, str]) -> None:
    connector = PILakeflowConnect(options)
    end = connector.latest_offset(TABLE, {"max_records_per_batch": "5000"}, {})
    runs = []
    for each in (connector, PILakeflowConnect(options)):
        parts = each.get_partitions(TABLE, {}, {}, end)
        runs.append(sorted(key(row) for part in parts for row in each.read_partition(TABLE, part, {})))
    assert runs[0] == runs[1]
    assert runs[0]


def test_a_batch_read_covers_the_configured_span(server: Simulator, options: dict[str, str]) -> None:
    connector = PILakeflowConnect(options)
    parts = connector.get_partitions(TABLE, {})
    assert {key(row) for part in parts for row in worker(options, part)} == truth(server)


def test_a_tag_that_joins_later_brings_its_own_history(server: Simulator, options: dict[str, str]) -> None:
    names = [tag.name for tag in server.world.tags()][:8]
    before, after = ({**options, "tags": json.dumps(chosen)} for chosen in (names[:5], names))
    rows, end = read_all(PILakeflowConnect(before), None, {})
    more, _ = read_all(PILakeflowConnect(after), end, {})
    known = {row["tag_webid"] for row in rows}
    late = {row["tag_webid"] for row in more}
    assert not known & late
    assert {key(row) for row in rows + more} == truth(server, list(known | late))
    assert len(rows) + len(more) == len(truth(server, list(known | late)))


def test_options_are_checked(options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="unknown option") as caught:
        PILakeflowConnect({**options, "auth_pasword": "x"}).latest_offset(TABLE, {})
    assert "auth.password" in str(caught.value.hint)
    with pytest.raises(SettingsError, match="not one of this connector"):
        PILakeflowConnect(options).latest_offset(TABLE, {}, {"cursor": "2026"})


def test_deletes_are_refused_and_namespaces_hold_every_table(options: dict[str, str]) -> None:
    connector = PILakeflowConnect(options)
    with pytest.raises(SettingsError, match="deletions"):
        connector.read_table_deletes(TABLE, None, {})
    held = [
        name for space in connector.list_namespaces() for name in connector.list_tables_in_namespace(space)
    ]
    assert sorted(held) == sorted(connector.list_tables())
    assert connector.list_namespaces(["recorded"]) == []
    with pytest.raises(SettingsError, match="namespace"):
        connector.list_tables_in_namespace(["nowhere"])


def test_a_snapshot_is_read_whole_and_parses(server: Simulator, options: dict[str, str]) -> None:
    """Offset None: there is nothing to continue from."""
    rows, end = PILakeflowConnect(options).read_table("pi_points", None, {})
    held = list(rows)
    assert end is None
    assert len({row["tag_webid"] for row in held}) == len(held) >= len(list(server.world.tags()))
    json.dumps(held)


def test_a_snapshot_that_cannot_be_complete_is_an_error(server: Simulator, options: dict[str, str]) -> None:
    """Snapshot ingestion deletes what is missing, so half a table would delete the other half."""
    number = server.faults.add(Fault("status", status=403, route="*/points*"))
    try:
        with pytest.raises(PiLakeflowError):
            PILakeflowConnect(options).read_table("pi_points", None, {})
    finally:
        server.faults.remove(number)
