"""Compares the live table with the archive and with what the server sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span
from pi_lakeflow.simulator import Simulator

# What an event says, beside whose it is and when; annotations may come later
SAID = ("value", "value_text", "state_code", "value_kind", "good", "questionable", "substituted")


def said(table: pa.Table) -> Counter[tuple[Any, ...]]:
    """How often each event is there."""
    columns = [table["tag_webid"].to_pylist(), table["timestamp"].cast(pa.int64()).to_pylist()]
    columns += [[repr(value) for value in table[name].to_pylist()] for name in SAID]
    return Counter(zip(*columns, strict=True))


def live_rows(lake: Lake) -> pa.Table:
    return lake.table(PI_TIMESERIES_LIVE).read()


def covered(lake: Lake) -> dict[str, Span]:
    """What the lanes claim of each tag."""
    lanes = Registry(lake.table(PI_LANES), lake.table(PI_TIMESERIES_LIVE)).load()
    found: dict[str, Span] = {}
    for lane in lanes:
        for webid in lane.members | lane.left.keys():
            span = lane.covered(webid)
            if span is not None:
                known = found.get(webid, span)
                found[webid] = Span(min(known.start, span.start), max(known.end, span.end))
    return found


def assert_archived_once(lake: Lake, sim: Simulator, tags: int) -> int:
    """Every archived event of the claimed spans is there exactly as often as in the archive; how many."""
    held = said(live_rows(lake))
    spans = covered(lake)
    assert len(spans) == tags
    checked = 0
    for webid, span in spans.items():
        truth = said(sim.world.truth(webid, span.start, span.end))
        for event, count in truth.items():
            assert held[event] == count, f"{count} in the archive, {held[event]} in the lake: {event}"
        checked += sum(truth.values())
    return checked


def assert_all_sent_is_there(lake: Lake, sim: Simulator) -> int:
    """Every value of every message is in the lake; how many there were."""
    assert sim.channels.log.forgotten == 0
    sent, held = said(sim.channels.log.table()), said(live_rows(lake))
    missing = [event for event in sent if event not in held]
    assert not missing, f"{len(missing)} of {len(sent)} are missing, such as {missing[0]}"
    return len(sent)


def assert_nothing_twice(lake: Lake, sim: Simulator) -> None:
    """Nothing is there more often than one message, or the archive, says."""
    held = live_rows(lake)
    keys = Counter(
        zip(
            held["tag_webid"].to_pylist(),
            held["timestamp"].cast(pa.int64()).to_pylist(),
            held["event_index"].to_pylist(),
            strict=True,
        )
    )
    assert max(keys.values(), default=1) == 1
    most: Counter[tuple[Any, ...]] = Counter()
    for message in sim.channels.log.tables():
        most |= said(message)
    for webid, span in covered(lake).items():
        most |= said(sim.world.truth(webid, span.start, span.end + 3_600_000_000))
    for event, count in said(held).items():
        assert count <= most[event], f"{count} times instead of {most[event]}: {event}"
