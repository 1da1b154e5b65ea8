"""What a host gets: a specification that names real options, and one file that needs nothing beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pi_lakeflow.app.deploy.single import CODE, SPEC, build
from pi_lakeflow.engines.spark.lakeflow import _dotted
from pi_lakeflow.engines.spark.options import _known
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.simulator import FixedClock, Oddities, SimulatorConfig, run_in_thread

NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))

# The base classes as the host's documentation describes them; their package cannot be had here.
INTERFACE = """
from abc import ABC, abstractmethod


class LakeflowConnect(ABC):
    def __init__(self, options): ...
    @abstractmethod
    def list_tables(self): ...
    @abstractmethod
    def get_table_schema(self, table_name, table_options): ...
    @abstractmethod
    def read_table_metadata(self, table_name, table_options): ...
    @abstractmethod
    def read_table(self, table_name, start_offset, table_options): ...
    def read_table_deletes(self, table_name, start_offset, table_options):
        raise NotImplementedError


class SupportsPartition(ABC):
    @abstractmethod
    def get_partitions(self, table_name, table_options): ...
    @abstractmethod
    def read_partition(self, table_name, partition, table_options): ...


class SupportsPartitionedStream(SupportsPartition):
    def is_partitioned(self, table_name):
        return True
    @abstractmethod
    def latest_offset(self, table_name, table_options, start_offset=None): ...


class SupportsNamespaces(ABC):
    @abstractmethod
    def list_namespaces(self, prefix=None): ...
    @abstractmethod
    def list_tables_in_namespace(self, namespace): ...
"""

HOST = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("generated", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import pi_lakeflow
from databricks.labs.community_connector.interface import LakeflowConnect, SupportsPartitionedStream
options = json.loads(sys.argv[2])
connector = module.PiLakeflowConnect(options)
assert isinstance(connector, LakeflowConnect) and isinstance(connector, SupportsPartitionedStream)
end = connector.latest_offset("pi_timeseries", {})
parts = connector.get_partitions("pi_timeseries", {}, {}, end)
rows = sum(1 for part in parts for _ in connector.read_partition("pi_timeseries", part, {}))
print(json.dumps([pi_lakeflow.__file__, rows]))
"""


def test_the_one_file_runs_where_only_dependencies_are_installed(tmp_path: Path) -> None:
    build(tmp_path / "connector")
    interface = tmp_path / "host/databricks/labs/community_connector/interface"
    interface.mkdir(parents=True)
    (interface / "__init__.py").write_text(INTERFACE)
    config = SimulatorConfig(tags=12, twins=0, oddities=Oddities.none(), clock=FixedClock(NOW))
    with run_in_thread(config) as sim:
        since = NOW - 3600_000_000
        options = {
            "pi_web_api_url": sim.url,
            "data_server": "PISRV01",
            "auth_type": "anonymous",
            "tags": "all",
            "since": iso(since),
        }
        done = subprocess.run(
            [sys.executable, "-c", HOST, str(tmp_path / "connector" / CODE), json.dumps(options)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path / "host"), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        place, rows = json.loads(done.stdout)
        settled = NOW - 300_000_000
        true = sum(sim.world.truth(sim.world.webid(t), since, settled).num_rows for t in sim.world.tags())
    assert ".zip" in place
    assert rows == true > 0


def test_building_twice_gives_the_same_bytes_and_overwrites_only_when_told(tmp_path: Path) -> None:
    build(tmp_path / "one")
    build(tmp_path / "two")
    assert (tmp_path / "one" / CODE).read_bytes() == (tmp_path / "two" / CODE).read_bytes()
    with pytest.raises(SettingsError, match="there already"):
        build(tmp_path / "one")
    assert build(tmp_path / "one", overwrite=True) == [CODE, SPEC]


def test_the_specification_names_only_what_the_connector_knows(tmp_path: Path) -> None:
    """A name that the product does not have would be refused at run time, far from here."""
    build(tmp_path)
    spec = yaml.safe_load((tmp_path / SPEC).read_text())
    connection = spec["connection"]
    names = [each["name"] for each in connection["parameters"]]
    names += [each["name"] for method in connection["auth_methods"] for each in method["parameters"]]
    names += spec["external_options_allowlist"].split(",")
    for name in names:
        assert _known(_dotted(name)).replace(".", "_") == name
    with pytest.raises(SettingsError):
        _known(_dotted("auth_pin"))
    assert {"pi_web_api_url", "auth_password", "tags", "since", "max_records_per_batch"} <= set(names)
    secret = {
        each["name"]
        for group in (connection, *connection["auth_methods"])
        for each in group["parameters"]
        if each.get("secret")
    }
    assert {"auth_password", "auth_token", "auth_client_secret"} <= secret
