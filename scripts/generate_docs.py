"""Writes the pages of docs/reference/ that derive from code. ``--check`` only says whether they are fresh."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pi_lakeflow.app.tables import markdown
from pi_lakeflow.settings import schema_doc

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def _commands() -> str:
    """The help of every command, as a person sees it."""
    from pi_lakeflow.cli.program import app

    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    parts = [
        "# Commands",
        "",
        "Every command takes `--help`. Results go to standard output, the rest to standard error.",
        "",
    ]
    for name in (*names, "config show"):
        parts += [f"## `pi-lakeflow {name}`", "", "```text", _help(name.split()), "```", ""]
    return "\n".join(parts)


def _help(words: list[str]) -> str:
    command = [sys.executable, "-m", "pi_lakeflow", *words, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": schema_doc,
    "tables.md": markdown,
    "commands.md": _commands,
}


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
