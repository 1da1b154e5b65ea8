"""Writes the pages of docs/reference/ that derive from code. ``--check`` only says whether they are fresh."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {}


def stale(folder: Path) -> list[str]:
    """Names of the pages whose stored text is not what the code says now."""
    return [name for name, page in PAGES.items() if not _same(folder / name, page())]


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        write(REFERENCE)
        return 0
    old = stale(REFERENCE)
    for name in old:
        print(f"error: docs/reference/{name} is not what the code says; hint: make docs", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
