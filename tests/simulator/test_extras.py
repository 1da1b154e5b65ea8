"""What an option needs and is not installed is said, with what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_BLOCKED = """
import sys
import importlib.util as util
known = util.find_spec
util.find_spec = lambda name, package=None: None if name == sys.argv[1] else known(name, package)
from pi_lakeflow.cli import main
main(["simulate", "--port", "0", "--tags", "1", *sys.argv[2:]])
"""


@pytest.mark.parametrize(
    ("package", "flags", "what"),
    [("cryptography", ["--tls"], "TLS"), ("spnego", ["--auth", "kerberos"], "Negotiate")],
)
def test_a_missing_package_is_named(package: str, flags: list[str], what: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", _BLOCKED, package, *flags]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2, ran.stderr
    assert f"{what} needs the package {package}" in ran.stderr
    assert "pip install 'pi-lakeflow[simulator]'" in ran.stderr
    assert "Traceback" not in ran.stderr
