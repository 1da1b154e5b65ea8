"""The lane registry: which tags advance together, and how far they are.

Two places, one truth. ``pi_lanes`` says who may be in a lane; the transactions in the data
table's log say how far each lane is and who left. The registry is always written first and the
log decides, so a process killed between the two leaves hints that nothing confirms, never a claim
that nothing backs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.model.ports import LaneMoved, Table
from pi_lakeflow.model.work import (
    APP_ID_PREFIX,
    Join,
    Lane,
    Leave,
    Mark,
    Step,
    departure_version,
    position_of,
    version_at,
)

_TURN = APP_ID_PREFIX + "registry"


def leave_app_id(lane: str, webid: str) -> str:
    """The application id whose version says where ``webid`` left ``lane``."""
    return f"{APP_ID_PREFIX}{lane}!{webid}"


def leave_marks(leaves: Iterable[Leave]) -> list[Mark]:
    """The transactions that make leaves count."""
    return [Mark(leave_app_id(leave.lane, leave.webid), None, version_at(leave.at)) for leave in leaves]


class Registry:
    """Reads and writes ``pi_lanes`` for one data table."""

    def __init__(self, lanes: Table, data: Table) -> None:
        self._lanes = lanes
        self._data = data
        self._turn: int | None = None

    def load(self) -> list[Lane]:
        """All lanes with their positions. Also takes the turn that ``record_plan`` must hold.

        Raises ``SettingsError`` when the data table holds lanes that the registry does not know:
        reading on would write rows twice.
        """
        if not self._lanes.exists():
            self._turn = None
            if self._data.exists():
                raise SettingsError(
                    f"the table {self._data.spec.name} exists but {PI_LANES.name} beside it is missing",
                    hint=f"restore {PI_LANES.name}, or move {self._data.spec.name} away to start afresh",
                )
            return []
        while True:
            before = self._lanes.version()
            self._turn = self._lanes.positions([_TURN])[_TURN]
            joins, leaves = self._read()
            hints = [leave_app_id(lane, webid) for lane, webid in leaves]
            versions = self._data.positions([*hints, *(APP_ID_PREFIX + lane for lane in joins)])
            # A hint comes before the commit that confirms it. With no new hint by now, none that
            # this snapshot of the log confirms was overlooked.
            if self._lanes.version() == before:
                return [_lane(join, leaves, versions) for join in joins.values()]

    def record_plan(
        self, joins: Sequence[Join], leaves: Sequence[Leave], lanes: Iterable[Lane], run_id: str
    ) -> None:
        """Write a plan's changes, or raise ``LaneMoved`` when another run was faster: load and plan again.

        ``lanes`` are those that the plan was made from.
        """
        if not joins and not leaves:
            return
        turn = Mark(_TURN, self._turn, (self._turn or 0) + 1)
        rows = _rows(joins, leaves, self._data.spec.name, run_id)
        if skipped := self._lanes.append([Step(turn, rows.to_batches())]).skipped:
            raise LaneMoved(skipped)
        self._turn = turn.version
        steps = _departures(leaves, {lane.id: lane for lane in lanes})
        if steps and (skipped := self._data.append(steps).skipped):
            raise LaneMoved(skipped)

    def record_split(self, joins: Sequence[Join], leaves: Sequence[Leave], run_id: str) -> None:
        """Write that tags are about to leave lanes of this run (the data commit makes it count)."""
        if joins or leaves:
            self._lanes.add(_rows(joins, leaves, self._data.spec.name, run_id))

    def _read(self) -> tuple[dict[str, Join], set[tuple[str, str]]]:
        table = self._lanes.read(["lane", "kind", "tag_webid", "at", "until", "data_table"])
        joined: dict[str, tuple[int, int | None, list[str]]] = {}
        leaves: set[tuple[str, str]] = set()
        columns = [
            table["lane"].to_pylist(),
            table["kind"].to_pylist(),
            table["tag_webid"].to_pylist(),
            table["at"].cast(pa.int64()).to_pylist(),
            table["until"].cast(pa.int64()).to_pylist(),
            table["data_table"].to_pylist(),
        ]
        for lane, kind, webid, at, until, data_table in zip(*columns, strict=True):
            if data_table != self._data.spec.name:
                continue
            if kind == "join":
                joined.setdefault(lane, (at, until, []))[2].append(webid)
            else:
                leaves.add((lane, webid))
        return {lane: Join(lane, at, until, tuple(w)) for lane, (at, until, w) in joined.items()}, leaves


def _departures(leaves: Sequence[Leave], lanes: Mapping[str, Lane]) -> list[Step]:
    by_lane: dict[str, list[Leave]] = defaultdict(list)
    for leave in leaves:
        by_lane[leave.lane].append(leave)
    return [
        Step(
            Mark(APP_ID_PREFIX + lane_id, lanes[lane_id].version, departure_version(lanes[lane_id])),
            riders=tuple(leave_marks(group)),
        )
        for lane_id, group in by_lane.items()
    ]


def _lane(join: Join, leaves: set[tuple[str, str]], versions: Mapping[str, int | None]) -> Lane:
    left: dict[str, int] = {}
    for webid in join.webids:
        at = versions[leave_app_id(join.lane, webid)] if (join.lane, webid) in leaves else None
        if at is not None:
            left[webid] = position_of(at)
    version = versions[APP_ID_PREFIX + join.lane]
    members = frozenset(join.webids) - left.keys()
    return Lane(join.lane, join.start, join.cap, version, members, left)


def _rows(joins: Sequence[Join], leaves: Sequence[Leave], data_table: str, run_id: str) -> pa.Table:
    columns: dict[str, list[object]] = defaultdict(list)
    for join in joins:
        count = len(join.webids)
        columns["lane"] += [join.lane] * count
        columns["kind"] += ["join"] * count
        columns["tag_webid"] += join.webids
        columns["at"] += [join.start] * count
        columns["until"] += [join.cap] * count
    for leave in leaves:
        columns["lane"].append(leave.lane)
        columns["kind"].append("leave")
        columns["tag_webid"].append(leave.webid)
        columns["at"].append(leave.at)
        columns["until"].append(None)
    count = len(columns["lane"])
    columns["data_table"] = [data_table] * count
    columns["run_id"] = [run_id] * count
    schema = PI_LANES.arrow_schema
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
