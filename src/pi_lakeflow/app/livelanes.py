"""Which tags share a channel: lanes of the live table, made where there are none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pi_lakeflow.engines.livelanes import Lanes, LaneState
from pi_lakeflow.errors import Internal
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.live.feed import fitting
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.ports import Lake, LaneMoved
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Join, Lane, Leave

_ATTEMPTS = 5


def live_lanes(
    lake: Lake, client: AsyncPIWebAPIClient, tags: Mapping[str, Tag], *, now: int, run_id: str
) -> Lanes:
    """The lanes of a run for ``tags``; those that were never streamed start at ``now`` (microseconds).

    A tag that is no longer chosen leaves its lane, so that it cannot come back as if it had been
    there. Tags of a lane that has grown too long for one channel move to lanes of their own.
    """
    if not lake.table(PI_LANES).exists():
        lake.table(PI_LANES).add(PI_LANES.arrow_schema.empty_table())
    registry = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES_LIVE))
    for attempt in range(_ATTEMPTS):
        known = registry.load()
        joins, leaves = _plan(known, client, tags, now, f"{run_id}\n{attempt}")
        try:
            registry.record_plan(joins, leaves, known, run_id)
        except LaneMoved:
            continue
        lanes = [_state(lane, tags) for lane in registry.load()]
        return Lanes(registry, [lane for lane in lanes if lane.tags])
    raise Internal("other runs keep changing the lanes", hint="run again when they have ended")


def further_lanes(
    client: AsyncPIWebAPIClient, tags: Mapping[str, Tag], *, now: int, nonce: str
) -> list[LaneState]:
    """Lanes for tags that appeared while the stream runs."""
    lanes = []
    for number, group in enumerate(fitting(client, list(tags))):
        name = hashlib.blake2b(f"{nonce}\n{number}".encode(), digest_size=10).hexdigest()
        lanes.append(LaneState(name, {webid: tags[webid] for webid in group}, now, None))
    return lanes


def _plan(
    known: Sequence[Lane], client: AsyncPIWebAPIClient, tags: Mapping[str, Tag], now: int, nonce: str
) -> tuple[list[Join], list[Leave]]:
    joins: list[Join] = []
    leaves: list[Leave] = []

    def join(at: int, webids: Sequence[str]) -> None:
        for group in fitting(client, webids):
            text = f"{nonce}\n{len(joins)}"
            name = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
            joins.append(Join(name, at, None, tuple(group)))

    for lane in known:
        leaves += [Leave(lane.id, webid, lane.position) for webid in lane.members if webid not in tags]
        staying = sorted(lane.members & tags.keys())
        for surplus in fitting(client, staying)[1:]:
            leaves += [Leave(lane.id, webid, lane.position) for webid in surplus]
            join(lane.position, surplus)
    streamed = {webid for lane in known for webid in lane.members}
    join(now, [webid for webid in tags if webid not in streamed])
    return joins, leaves


def _state(lane: Lane, tags: Mapping[str, Tag]) -> LaneState:
    mine = {webid: tags[webid] for webid in sorted(lane.members) if webid in tags}
    return LaneState(lane.id, mine, lane.position, lane.version)
