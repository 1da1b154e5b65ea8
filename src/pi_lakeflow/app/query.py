"""Small questions to the lake that the product answers by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pi_lakeflow.app.source import open_lake
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.settings import Settings

HOURLY = """\
select date_trunc('hour', timestamp) as hour, avg(value) as average,
       min(value) as lowest, max(value) as highest, count(*) as events
from pi_timeseries
where tag_name = {tag} and good and value_kind = 'number'
group by hour order by hour desc limit {limit}"""
ROWS = "select {columns} from pi_timeseries where tag_webid in ({tags}) order by {order}"


def hourly_average(settings: Settings, tag_name: str, *, limit: int) -> list[dict[str, Any]]:
    """The newest hours of a numeric tag: hour, average, lowest, highest, events."""
    rows: list[dict[str, Any]] = _ask(
        settings, HOURLY.format(tag=_quoted(tag_name), limit=int(limit))
    ).to_pylist()
    return rows


def rows_per_tag(settings: Settings) -> dict[str, int]:
    """How many rows ``pi_timeseries`` holds, by WebId."""
    found = _ask(settings, "select tag_webid, count(*) as held from pi_timeseries group by tag_webid")
    return dict(zip(found["tag_webid"].to_pylist(), found["held"].to_pylist(), strict=True))


def rows_of(settings: Settings, webids: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """The rows of some tags, in order of tag, time and event."""
    query = ROWS.format(
        columns=", ".join(columns), tags=", ".join(map(_quoted, webids)), order=", ".join(PI_TIMESERIES.key)
    )
    schema = [PI_TIMESERIES.arrow_schema.field(name).with_nullable(nullable=True) for name in columns]
    return _ask(settings, query).cast(pa.schema(schema))


def size_on_disk(settings: Settings) -> int:
    """Bytes of the live files of ``pi_timeseries``."""
    return open_lake(settings).table(PI_TIMESERIES).bytes()


def _ask(settings: Settings, query: str) -> pa.Table:
    return open_lake(settings).sql(query, [PI_TIMESERIES])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
