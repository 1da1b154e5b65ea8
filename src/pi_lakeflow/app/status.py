"""What the lake holds, and what earlier runs did: read from the lake alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pi_lakeflow.app.source import open_lake
from pi_lakeflow.flow.plan import coverage
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_COVERAGE, PI_INGEST_ERRORS, PI_INGEST_RUNS, PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.work import Lane
from pi_lakeflow.settings import Settings


@dataclass(frozen=True, slots=True)
class TagStatus:
    """One tag: the gap-free spans that the lake holds."""

    webid: str
    name: str
    spans: tuple[Span, ...]

    @property
    def gaps(self) -> int:
        return max(0, len(self.spans) - 1)


@dataclass(slots=True)
class Status:
    """``tags`` by name; ``runs`` and ``errors`` newest first, as rows of their tables."""

    path: str
    tags: list[TagStatus] = field(default_factory=list)
    waiting: int = 0  # tags that are registered, but have nothing yet
    runs: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def behind(self) -> int | None:
        """The oldest end of any tag's coverage, in microseconds."""
        return min((tag.spans[-1].end for tag in self.tags), default=None)


def status(settings: Settings, *, last: int = 5) -> Status:
    """The lake's status; empty when there is no lake yet."""
    lake = open_lake(settings)
    found = Status(lake.path_of(""))
    lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES)).load()
    _tags(found, lanes, _names(lake))
    found.runs = _newest(lake, "ended_at", last, runs=True)
    found.errors = _newest(lake, "occurred_at", last, runs=False)
    return found


def _tags(found: Status, lanes: Sequence[Lane], names: dict[str, str]) -> None:
    by_tag: dict[str, list[Lane]] = {}
    for lane in lanes:
        for webid in (*lane.members, *lane.left):
            by_tag.setdefault(webid, []).append(lane)
    for webid, mine in by_tag.items():
        spans = tuple(coverage(mine, webid))
        if spans:
            found.tags.append(TagStatus(webid, names.get(webid) or webid, spans))
        else:
            found.waiting += 1
    found.tags.sort(key=lambda tag: tag.name)


def _names(lake: Lake) -> dict[str, str]:
    table = lake.table(PI_COVERAGE)
    if not table.exists():
        return {}
    rows = table.read(["tag_webid", "tag_name"])
    return dict(zip(rows["tag_webid"].to_pylist(), rows["tag_name"].to_pylist(), strict=True))


def _newest(lake: Lake, by: str, last: int, *, runs: bool) -> list[dict[str, Any]]:
    table = lake.table(PI_INGEST_RUNS if runs else PI_INGEST_ERRORS)
    if not table.exists():
        return []
    rows: list[dict[str, Any]] = table.read().sort_by([(by, "descending")]).slice(0, last).to_pylist()
    return rows
