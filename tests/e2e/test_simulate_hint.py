"""What `simulate` tells people to type in another terminal works as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("flags", [[], ["--tls", "--auth", "basic", "--user", "jane:a secret"]])
def test_the_command_for_another_terminal_works(flags: list[str], tmp_path: Path) -> None:
    """Also with a certificate of its own and a password."""
    source = str(Path(__file__).parents[2] / "src")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PI_LAKEFLOW_")}
    environment = {**kept, "PYTHONPATH": source, "COLUMNS": "400"}
    command = [sys.executable, "-m", "pi_lakeflow", "simulate", "--port", "0", "--tags", "8", *flags]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            line = next(line for line in server.stdout if "discover all" in line)
            typed = line.strip().replace("pi-lakeflow ", f"{sys.executable} -m pi_lakeflow ", 1)
            ran = subprocess.run(
                typed, shell=True, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
            )
        finally:
            server.terminate()
    assert ran.returncode == 0, ran.stderr
    assert "8 tags" in ran.stderr
