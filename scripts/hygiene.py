"""Refuses files that name what only one machine has: home directories, package hosts, secrets' shapes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Written so that this file does not match itself.
FORBIDDEN = {
    "a package host": re.compile(
        r"pypi[.]org|files[.]pythonhosted|pythonhosted[.]org|--(?:extra-)?index-url[ =]"
    ),
    "a home directory": re.compile(r"(?<![\w.])/(?:home|Users)/\w+|(?<![\w.])/ro[o]t(?:/|\b)"),
    "a scratch directory": re.compile(r"(?<![\w.])/(?:work|tmp/team|farm)/\w+"),
    "a private key": re.compile(r"BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY"),
}


def tracked(root: Path) -> list[Path]:
    """The files that git knows; outside a checkout, everything that is no build product."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [root / name for name in listed.stdout.split("\0") if name]
    return [path for path in root.rglob("*") if not any(part.startswith(".") for part in path.parts)]


def findings(paths: list[Path]) -> Iterator[tuple[Path, int, str]]:
    """Each line of ``paths`` that names something forbidden, as (path, line number, what)."""
    for path in paths:
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            for what, pattern in FORBIDDEN.items():
                if pattern.search(line):
                    yield path, number, what


def main() -> int:
    found = list(findings(tracked(ROOT)))
    for path, number, what in found:
        print(f"error: {path.relative_to(ROOT)}:{number}: names {what}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
