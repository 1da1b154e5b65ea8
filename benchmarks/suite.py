"""Scenarios are files: each says what is run at which size, and what its table is about."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "scenarios"
SIZES = ("quick", "small", "full")


@dataclass(frozen=True)
class Case:
    """One line of a table. ``density`` is in events per minute and tag; ``capacity`` a preset of the
    simulator, or "" for a server that is as fast as this computer; ``stands_for`` are the tags that
    the time is extrapolated to, 0 for none."""

    label: str
    contender: str
    tags: int
    hours: float
    density: float = 1.0
    capacity: str = ""
    stands_for: int = 0
    performance: dict[str, Any] = field(default_factory=dict)
    apart: bool = False  # measure fetch, decode and write by themselves as well
    plot: bool = False  # draw memory over time

    @property
    def rows(self) -> int:
        """Events in the span: what a right run brings."""
        return round(self.tags * self.hours * 60 * self.density)


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    text: str
    cases: tuple[Case, ...]


def names() -> list[str]:
    """All scenarios, in the order of their files."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str, size: str) -> Scenario:
    """One scenario at a size. Raises ``ValueError`` for an unknown size or a broken file."""
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}: one of {', '.join(SIZES)}")
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    shared = raw.get("shared", {})
    cases = (_case({**shared, **each}, size) for each in raw["case"])
    return Scenario(name, raw["title"], raw["text"].strip(), tuple(case for case in cases if case))


def _case(given: dict[str, Any], size: str) -> Case | None:
    """The case at a size; None where the file leaves that size out."""
    sizes = {name: given.pop(name, None) for name in SIZES}
    chosen = sizes[size]
    return None if chosen is None else Case(**{**given, **chosen})
