"""``pi_timeseries``: the recorded events of the archive, one row each."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.model.tables import Column, Grain, TableSpec

TIMESTAMP = pa.timestamp("us", tz="UTC")

EVENT_COLUMNS = (
    Column(
        "tag_webid", pa.string(), "WebId of the PI point (type IDOnly: it survives a rename).", nullable=False
    ),
    Column("tag_name", pa.string(), "Name of the tag when the event was read.", nullable=False),
    Column(
        "timestamp",
        TIMESTAMP,
        "Time of the event, UTC, cut to microseconds (PI keeps 100 ns).",
        nullable=False,
    ),
    Column(
        "event_index",
        pa.int32(),
        "0, 1, 2, ... in archive order for events that share a timestamp.",
        nullable=False,
    ),
    Column(
        "value",
        pa.float64(),
        "The number, bit-equal to the JSON number; null when the event is not a number.",
    ),
    Column("value_text", pa.string(), "String value or state name; exact digits of an integer beyond 2^53."),
    Column("state_code", pa.int32(), "Code of a digital or system state."),
    Column(
        "value_kind",
        pa.string(),
        "number, text, digital, system, boolean, timestamp, blob or null.",
        nullable=False,
    ),
    Column(
        "units", pa.string(), "Units of the value: those of the answer, else the point's engineering units."
    ),
    Column("good", pa.bool_(), "False for bad values, as the server says."),
    Column("questionable", pa.bool_(), "The value is doubtful, as the server says."),
    Column("substituted", pa.bool_(), "The archived event was edited."),
    Column("annotated", pa.bool_(), "The event has an annotation."),
    Column("ingested_at", TIMESTAMP, "When the run that wrote the row started, UTC.", nullable=False),
    Column("date", pa.date32(), "UTC date of the timestamp.", nullable=False),
)

PI_TIMESERIES = TableSpec(
    name="pi_timeseries",
    doc="Recorded events of the archive: every event of each tag and span that coverage claims, once.",
    grain=Grain.EVENT,
    key=("tag_webid", "timestamp", "event_index"),
    columns=EVENT_COLUMNS,
    partition_by=("date",),
    source="GET /streamsets/recorded",
)
