"""Tables that follow from the lake's own alarms: those in progress, and sums by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.app.alarms.keep import keep_all, rows_of
from pi_lakeflow.historians.pi.decode.frames import active_row
from pi_lakeflow.historians.pi.tables.alarms import PI_ACTIVE_ALARMS, PI_ALARM_EVENTS, PI_ALARM_SUMMARY
from pi_lakeflow.historians.pi.tables.eventframes import PI_EVENT_FRAMES
from pi_lakeflow.model.ports import Changed, Lake
from pi_lakeflow.model.span import from_micros


def refresh_active(lake: Lake, *, ingested_at: int) -> int:
    """Rebuild ``pi_active_alarms``; how many alarms are in progress."""
    frames = lake.table(PI_EVENT_FRAMES).read()
    wanted = frames.filter(pc.and_(frames["is_alarm"], frames["is_active"])).to_pylist()
    rows = rows_of(PI_ACTIVE_ALARMS, [active_row(row) for row in wanted], ingested_at=ingested_at)
    keep_all(lake.table(PI_ACTIVE_ALARMS), rows)
    return len(wanted)


def refresh_summary(lake: Lake, *, ingested_at: int) -> Changed:
    """Rebuild ``pi_alarm_summary``."""
    events = lake.table(PI_ALARM_EVENTS)
    schema = pa.schema([PI_ALARM_EVENTS.arrow_schema.field(name) for name in SUMMED])
    alarms = events.read(list(SUMMED)) if events.exists() else schema.empty_table()
    return keep_all(lake.table(PI_ALARM_SUMMARY), summary_of(alarms, ingested_at=ingested_at))


SUMMED = ("source", "database_name", "date", "severity", "is_active", "acknowledged")
"""The columns of ``pi_alarm_events`` that its summary is made of."""


def summary_of(alarms: pa.Table, *, ingested_at: int) -> pa.Table:
    """Rows of ``pi_alarm_summary`` for rows of ``pi_alarm_events``."""
    alarms = alarms.filter(pc.equal(alarms["source"], "event_frame"))
    counted = {
        "total_alarms": pa.array([1] * alarms.num_rows, pa.int64()),
        "active_alarms": _ones(alarms["is_active"]),
        "acknowledged_alarms": _ones(alarms["acknowledged"]),
        **{name: _ones(_any_of(alarms, ranks)) for name, ranks in _RANKS.items()},
    }
    table = pa.table({"database_name": alarms["database_name"], "date": alarms["date"], **counted})
    sums = table.group_by(["database_name", "date"]).aggregate([(name, "sum") for name in counted])
    columns = {name: sums[name] for name in ("database_name", "date")}
    columns |= {name: sums[f"{name}_sum"] for name in counted}
    columns["ingested_at"] = pa.array(
        [from_micros(ingested_at)] * sums.num_rows, pa.timestamp("us", tz="UTC")
    )
    return pa.table(columns).select(PI_ALARM_SUMMARY.arrow_schema.names).cast(PI_ALARM_SUMMARY.arrow_schema)


_RANKS: Mapping[str, Sequence[int]] = {
    "severity_none": (0, 1),
    "severity_information": (2,),
    "severity_warning": (3,),
    "severity_minor": (4,),
    "severity_major": (5,),
    "severity_critical": (6,),
}


def _any_of(alarms: pa.Table, ranks: Sequence[int]) -> pa.ChunkedArray:
    known = pc.fill_null(alarms["severity"], fill_value=0)
    return pc.is_in(known, value_set=pa.array(ranks, pa.int32()))


def _ones(flags: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(flags, fill_value=False).cast(pa.int64())
