"""What the lake holds, and what earlier runs did: read from the lake alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.app.coverage import known_names
from pi_lakeflow.app.diagnosis import Explanation, RunFacts, explain
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.flow.plan import coverage, lanes_by_tag
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_INGEST_RUNS, PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span, subtract
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Lane
from pi_lakeflow.settings import Settings


@dataclass(frozen=True, slots=True)
class TagStatus:
    """One tag: the gap-free spans that the lake holds, at least one."""

    webid: str
    name: str
    spans: tuple[Span, ...]

    @property
    def whole(self) -> Span:
        """From the first covered instant to the last."""
        return Span(self.spans[0].start, self.spans[-1].end)

    @property
    def gaps(self) -> tuple[Span, ...]:
        """What is missing between the spans."""
        return tuple(subtract(self.whole, self.spans))


@dataclass
class Status:
    """``tags`` by name; ``runs`` and ``errors`` newest first, as rows of their tables.

    ``waiting`` counts tags that are registered but have nothing yet; ``failing`` those that the
    last run left behind. ``explanation`` is of the newest run that measured itself.
    """

    path: str
    tags: list[TagStatus] = field(default_factory=list)
    waiting: int = 0
    failing: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    explanation: Explanation | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def covered(self) -> Span | None:
        """From the first covered instant of any tag to the last one of any."""
        if not self.tags:
            return None
        wholes = [tag.whole for tag in self.tags]
        return Span(min(each.start for each in wholes), max(each.end for each in wholes))

    @cached_property
    def until(self) -> int | None:
        """Where most tags end, in microseconds."""
        ends: dict[int, int] = {}
        for tag in self.tags:
            ends[tag.spans[-1].end] = ends.get(tag.spans[-1].end, 0) + 1
        return max(ends, key=lambda end: (ends[end], end)) if ends else None

    @cached_property
    def behind(self) -> list[TagStatus]:
        """Tags that end before most others do, the furthest behind first."""
        late = [tag for tag in self.tags if tag.spans[-1].end < (self.until or 0)]
        return sorted(late, key=lambda tag: (tag.spans[-1].end, tag.name))

    @cached_property
    def gappy(self) -> list[TagStatus]:
        """Tags with gaps, those that miss most first."""
        found = [tag for tag in self.tags if len(tag.spans) > 1]
        return sorted(found, key=lambda tag: (-sum(gap.length for gap in tag.gaps), tag.name))


def status(settings: Settings, *, tags: Sequence[str] = (), last: int = 5) -> Status:
    """The lake's status; empty when there is no lake yet.

    ``tags`` (names, masks or WebIds; none: all) limits tags and errors, ``last`` the runs and errors.
    """
    lake = open_lake(settings)
    found = Status(lake.path_of("").rstrip("/"))
    wanted = _matcher(tags)
    lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES)).load()
    _tags(found, lanes, known_names(lake), wanted)
    runs = _rows(lake, PI_INGEST_RUNS)
    found.runs = _newest(runs, "ended_at", last)
    measured = _newest(runs.filter(pc.is_valid(runs["seconds"])), "ended_at", 1)
    facts = RunFacts.from_row(measured[0]) if measured else None
    found.explanation = explain(facts) if facts else None
    _errors(found, _rows(lake, PI_INGEST_ERRORS), wanted, last)
    return found


def _tags(
    found: Status, lanes: Sequence[Lane], names: Mapping[str, str | None], wanted: Callable[[str, str], bool]
) -> None:
    for webid, mine in lanes_by_tag(lanes).items():
        name = names.get(webid) or webid
        if not wanted(name, webid):
            continue
        spans = tuple(coverage(mine, webid))
        if spans:
            found.tags.append(TagStatus(webid, name, spans))
        else:
            found.waiting += 1
    found.tags.sort(key=lambda tag: tag.name)


def _errors(found: Status, rows: pa.Table, wanted: Callable[[str, str], bool], last: int) -> None:
    chosen = [
        wanted(name, webid)
        for name, webid in zip(rows["tag_name"].to_pylist(), rows["tag_webid"].to_pylist(), strict=True)
    ]
    rows = rows.filter(pa.array(chosen, pa.bool_()))
    found.errors = _newest(rows, "occurred_at", last)
    if found.runs:
        latest = rows.filter(pc.equal(rows["run_id"], found.runs[0]["run_id"]))
        found.failing = len(set(latest["tag_name"].to_pylist()))


def _matcher(tags: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether a tag's name or WebId is meant. As on the server, case counts for nothing in names."""
    if not tags:
        return lambda _name, _webid: True
    webids = {tag.removeprefix("webid:") for tag in tags}
    masks = [re.compile(_pattern(tag), re.IGNORECASE) for tag in tags]
    return lambda name, webid: webid in webids or any(mask.fullmatch(name) for mask in masks)


def _pattern(tag: str) -> str:
    name = "*" if tag.lower() == "all" else tag.removeprefix("name:").rsplit("\\", 1)[-1]
    return "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in name)


def _rows(lake: Lake, spec: TableSpec) -> pa.Table:
    table = lake.table(spec)
    return table.read() if table.exists() else spec.arrow_schema.empty_table()


def _newest(rows: pa.Table, by: str, last: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.sort_by([(by, "descending")]).slice(0, last).to_pylist()
    return found
