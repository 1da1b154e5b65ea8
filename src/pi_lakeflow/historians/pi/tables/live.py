"""``pi_timeseries_live``: what channels tell, the live twin of ``pi_timeseries``."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.historians.pi.tables.timeseries import EVENT_COLUMNS, TIMESTAMP
from pi_lakeflow.model.tables import Column, Grain, TableSpec

PI_TIMESERIES_LIVE = TableSpec(
    name="pi_timeseries_live",
    doc="Values as the server told them: before compression, and with the archive's own in the gaps. "
    "In the schema of `streaming.schema`.",
    grain=Grain.EVENT,
    key=("tag_webid", "timestamp", "event_index"),
    columns=(
        *EVENT_COLUMNS[:-1],
        Column("received_at", TIMESTAMP, "When the message or the answer arrived, UTC.", nullable=False),
        Column(
            "origin",
            pa.string(),
            "`channel`: told live. `recorded`: read from the archive, because no channel was open then.",
            nullable=False,
        ),
        EVENT_COLUMNS[-1],
    ),
    partition_by=("date",),
    source="channels, and GET /streamsets/recorded for the gaps",
)
