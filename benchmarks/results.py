"""What was measured, as JSON files that are committed."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Line:
    """One case. Seconds and bytes; rates are per second; ``apart`` holds the rates of the parts, and
    ``processor`` what each takes, the server included, in seconds of processor time per million rows."""

    label: str
    contender: str
    tags: int
    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    requests: int
    wire_bytes: int
    body_bytes: int
    files: int = 0
    file_bytes: int = 0  # half of the table is in files of this size or larger
    stands_for: int = 0
    time: dict[str, float] = field(default_factory=dict)
    apart: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Rows per second, from the start of the process to its end."""
        return self.rows / self.seconds

    @property
    def limit_share(self) -> float | None:
        """End to end as a part of the slowest of fetch, decode and write."""
        return self.rate / min(self.apart.values()) if self.apart else None

    def turns_share(self, processors: int) -> float | None:
        """End to end as a part of what so many processors could do, never idle, with all parts' work."""
        together = sum(self.processor.values())
        return self.rate * together / 1e6 / processors if together else None


@dataclass(frozen=True)
class Result:
    scenario: str
    size: str
    at: str
    machine: dict[str, Any]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Rates:
    """The micro-benchmark of decoding: a dict for each shape of answers, as ``decode.Result`` has it."""

    scenario: str
    size: str
    at: str
    machine: dict[str, Any]
    shapes: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Curves:
    """A trace: ``samples`` as ``traces.Trace`` has them, and what else is worth knowing."""

    scenario: str
    size: str
    at: str
    machine: dict[str, Any]
    trace: dict[str, Any]


def now() -> str:
    """The day, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def machine() -> dict[str, Any]:
    """What this was measured on."""
    return {
        "processors": psutil.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load_before": round(psutil.getloadavg()[0], 1),
        "python": platform.python_version(),
        "version": version("pi-lakeflow"),
    }


def save(result: Result | Rates | Curves, folder: Path) -> None:
    """Write ``<scenario>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(result), indent=1)
    (folder / f"{result.scenario}.json").write_text(text + "\n", encoding="utf-8")


def load_rates(folder: Path, name: str = "decode") -> Rates | None:
    """What decoding (or ``name``) did last, or None."""
    raw = _read(name, folder)
    return None if raw is None else Rates(**raw)


def load_curves(folder: Path) -> Curves | None:
    """What the trace was last, or None."""
    raw = _read("traces", folder)
    return None if raw is None else Curves(**raw)


def _read(name: str, folder: Path) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def load(scenario: str, folder: Path) -> Result | None:
    """What was saved, or None."""
    raw = _read(scenario, folder)
    if raw is None:
        return None
    lines = (Line(**each) for each in raw.pop("lines"))
    return Result(**raw, lines=tuple(replace(each, samples=_pairs(each.samples)) for each in lines))


def _pairs(found: list[Any]) -> list[tuple[float, int]]:
    return [(seconds, size) for seconds, size in found]
