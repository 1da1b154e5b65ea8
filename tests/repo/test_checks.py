"""The checks of `make check` hold, and each of them notices what it is there for."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}
# One file for each wall, with imports that go through it.
INTRUDERS = {
    "model/intruder.py": "import pi_lakeflow.flow.plan",
    "historians/other/__init__.py": "import pi_lakeflow.historians.pi",
    "historians/pi/wire/intruder.py": "import pi_lakeflow.historians.pi.decode",
    "engines/intruder.py": "import pi_lakeflow.sinks.delta",
    "simulator/intruder.py": "import pi_lakeflow.errors",
    "app/intruder.py": "import pi_lakeflow.simulator, aiohttp, deltalake, pyspark, rich, yaml",
}


def lint_imports(tree: Path) -> dict[str, str]:
    """Verdict (KEPT or BROKEN) of each contract for the package below ``tree``/src."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = re.findall(r"^(.*?) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)
    assert verdicts, done.stdout + done.stderr
    return dict(verdicts)


def script(name: str) -> ModuleType:
    """A module of scripts/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestRooms:
    def test_every_import_contract_is_kept(self) -> None:
        assert lint_imports(ROOT) == dict.fromkeys(CONTRACTS, "KEPT")

    def test_every_import_contract_notices_an_intruder(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for name, line in INTRUDERS.items():
            path = tmp_path / "src" / "pi_lakeflow" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{line}\n", encoding="utf-8")
        assert lint_imports(tmp_path) == dict.fromkeys(CONTRACTS, "BROKEN")


class TestSuppressions:
    def test_none_were_added(self) -> None:
        suppressions = script("suppressions")
        accepted = suppressions.read_baseline(suppressions.BASELINE)
        assert suppressions.growth(suppressions.counts(ROOT), accepted) == []

    def test_comments_count_and_texts_do_not(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        source = tmp_path / "src" / "a.py"
        marks = ["# no" + "qa: E501", "# type:" + " ignore[x]", "# pragma:" + " no cover"]
        source.write_text("\n".join(f"x = 1  {mark}" for mark in marks) + f"\ny = '{marks[0]}'\n")
        suppressions = script("suppressions")
        counted = suppressions.counts(tmp_path)
        assert counted == {"src/a.py": 3}
        assert suppressions.growth(counted, {"src/a.py": 2, **dict.fromkeys(["src/b.py"], 9)}) == [
            "src/a.py: 3 suppressions, 2 accepted"
        ]


class TestHygiene:
    def test_no_tracked_file_names_one_machine(self) -> None:
        hygiene = script("hygiene")
        assert list(hygiene.findings(hygiene.tracked(ROOT))) == []

    @pytest.mark.parametrize(
        "line",
        ["open('/ho" + "me/me/x')", "https://py" + "pi.org/simple", "cd /ro" + "ot/x", "/wo" + "rk/main"],
    )
    def test_such_a_line_is_found(self, tmp_path: Path, line: str) -> None:
        path = tmp_path / "a.txt"
        path.write_text(f"fine\n{line}\n", encoding="utf-8")
        assert [(found, number) for found, number, _ in script("hygiene").findings([path])] == [(path, 2)]


class TestPins:
    @pytest.mark.parametrize("name", ["base.txt", "dev.txt"])
    def test_everything_is_pinned_and_hashed_and_no_index_is_named(self, name: str) -> None:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        entries = re.split(r"\n(?=\S)", text.strip())
        for entry in entries:
            assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
            assert "--hash=sha256:" in entry
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE)

    def test_base_holds_what_the_package_and_its_build_need(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
        pinned = set(
            re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE)
        )
        assert {re.match(r"[\w-]+", need).group() for need in needed} <= pinned

    def test_versions_agree_between_the_two_files(self) -> None:
        def versions(name: str) -> set[str]:
            text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
            return {line.split(" ")[0] for line in re.findall(r"^[a-z0-9].*", text, re.MULTILINE)}

        assert versions("base.txt") <= versions("dev.txt")


PYTHON = """\
#!/bin/sh
# A Python as Debian ships it, without what `-m venv` needs.
case "$1 $2 $3" in
    "-m venv --without-pip") ;;
    "-m venv "*) mkdir -p "$3/bin" && touch "$3/pyvenv.cfg"; echo "ensurepip is not available" >&2; exit 1 ;;
    "-m virtualenv "* | "-m pip "*) exit 1 ;;
esac
exec "{python}" "$@"
"""


class TestSetUp:
    """scripts/setup.sh as an ordinary user on a machine that lacks something; nothing is downloaded."""

    def run(self, tmp_path: Path, python: str, venv: Path) -> subprocess.CompletedProcess[str]:
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        for name in ("cat", "dirname", "head", "mkdir", "mktemp", "rm", "touch"):
            (tools / name).symlink_to(str(shutil.which(name)))
        self.program(tools / "id", "#!/bin/sh\necho 1000\n")  # root would be offered apt-get
        return subprocess.run(
            ["/bin/sh", str(ROOT / "scripts" / "setup.sh"), str(venv), "requirements/base.txt"],
            env={"PATH": str(tools), "PYTHON": python},
            capture_output=True,
            text=True,
            check=False,
        )

    @staticmethod
    def program(path: Path, text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def test_without_python(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, str(tmp_path / "nowhere"), tmp_path / "venv")
        assert done.returncode == 2
        assert "no Python 3.11 or later was found" in done.stderr
        assert "hint: install Python 3.11" in done.stderr

    def test_without_the_venv_package(self, tmp_path: Path) -> None:
        python = self.program(tmp_path / "python", PYTHON.replace("{python}", sys.executable))
        done = self.run(tmp_path, str(python), tmp_path / "venv")
        assert done.returncode == 2
        assert "cannot make a virtual environment" in done.stderr
        assert "hint: apt-get install python3-venv" in done.stderr

    def test_never_deletes_what_is_no_environment(self, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "file").touch()
        done = self.run(tmp_path, sys.executable, precious)
        assert done.returncode == 2
        assert "is there and is no virtual environment" in done.stderr
        assert (precious / "file").exists()


def test_every_target_of_the_help_has_a_rule() -> None:
    """`make help` lists what exists, and works without any set-up."""
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = set(re.findall(r"^  make (\w+)", done.stdout, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test", "check", "bench", "docs", "clean"} <= listed
    assert listed <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_the_gate_before_a_merge_is_strict_and_runs_everything() -> None:
    path = ROOT / ".ci" / "run"
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in text
    assert re.findall(r"^make (\w+)", text, re.MULTILINE) == ["test", "check"]
