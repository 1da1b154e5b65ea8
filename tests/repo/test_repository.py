"""What a stranger meets first: documents that are true, packages that are whole."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from pi_lakeflow.settings import load

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """Fenced blocks of a language in all documents, as (place, text)."""
    fence = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(path.name, text) for path in DOCS for text in fence.findall(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("place", "text"), blocks("yaml"))
def test_configuration_in_the_documents_loads(place: str, text: str, tmp_path: Path) -> None:
    """Every YAML block is a configuration that the product accepts."""
    load(yaml.safe_load(text), environ={}, cwd=tmp_path)


@pytest.mark.parametrize(("place", "text"), blocks("python"))
def test_python_in_the_documents_compiles(place: str, text: str) -> None:
    """No block is a sketch."""
    compile(text, place, "exec")


def test_make_targets_in_the_documents_exist() -> None:
    """`make X` in a document is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        target
        for path in DOCS
        for target in re.findall(r"(?:`|^\s*)make ([a-z]+)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test", "check"} <= named & targets
    assert named <= targets


def test_files_that_the_documents_name_exist() -> None:
    """A path under tests/ or benchmarks/ in a document leads somewhere."""
    for path in DOCS:
        for name in re.findall(r"`((?:tests|benchmarks|src)/[\w./-]+)`", path.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_generated_pages_are_what_the_code_says() -> None:
    """docs/reference is fresh."""
    script = ROOT / "scripts" / "generate_docs.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_the_package(tmp_path: Path) -> None:
    """What is installed is the whole package, and its command."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*command, "-w", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    source = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src").rglob("*.py")}
    assert source <= set(names)
    assert any(name.endswith("entry_points.txt") for name in names)
