"""Refuses new lint suppressions: counts per file may fall, never rise.

``scripts/suppressions.txt`` holds the accepted counts, one ``count path`` a line. ``--update`` writes it
anew; a reviewer then sees the growth in the diff.
"""

from __future__ import annotations

import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "scripts" / "suppressions.txt"
FOLDERS = ("src", "tests", "scripts", "benchmarks", "examples")
SUPPRESSION = re.compile(
    r"noqa|type:\s*ignore|pragma:\s*no cover|ruff:\s*(?:noqa|disable)|mypy:\s*\S+|fmt:\s*(?:off|skip)"
)


def count(path: Path) -> int:
    """How many comments of one file switch a check off; text inside strings does not count."""
    with tokenize.open(path) as source:
        tokens = tokenize.generate_tokens(source.readline)
        return sum(len(SUPPRESSION.findall(t.string)) for t in tokens if t.type == tokenize.COMMENT)


def counts(root: Path) -> Counter[str]:
    """The count of each Python file below ``root`` that has any, by path relative to it."""
    files = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")))
    return Counter({str(path.relative_to(root)): found for path in files if (found := count(path))})


def read_baseline(path: Path) -> Counter[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter({name: int(number) for number, name in (line.split(" ", 1) for line in lines)})


def growth(now: Counter[str], accepted: Counter[str]) -> list[str]:
    """One line for each file that has more suppressions than were accepted."""
    return [
        f"{name}: {now[name]} suppressions, {accepted[name]} accepted"
        for name in sorted(now)
        if now[name] > accepted[name]
    ]


def main(arguments: list[str]) -> int:
    now = counts(ROOT)
    if "--update" in arguments:
        BASELINE.write_text("".join(f"{now[name]} {name}\n" for name in sorted(now)))
        return 0
    grown = growth(now, read_baseline(BASELINE))
    for line in grown:
        print(f"error: {line}", file=sys.stderr)
    if grown:
        print(
            "hint: repair what the check complains about; or give the reason beside it and run\n"
            "      python scripts/suppressions.py --update",
            file=sys.stderr,
        )
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
