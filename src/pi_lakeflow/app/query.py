"""Small questions to the lake that the product answers by itself."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.app.source import open_lake
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.settings import Settings

_HOURLY = """
    select tag_name, date_trunc('hour', timestamp) as hour, avg(value) as average, count(*) as events
    from pi_timeseries
    where good and value_kind = 'number'
      and tag_name = (
        select tag_name from pi_timeseries where good and value_kind = 'number'
        group by tag_name having count(*) > 1000 and max(abs(value)) < 1000 order by tag_name limit 1)
    group by tag_name, hour order by hour desc limit {limit}
"""


def hourly_average(settings: Settings, *, limit: int) -> list[dict[str, Any]]:
    """The newest hours of one numeric tag with values of a usual size: tag_name, hour, average, events."""
    rows: list[dict[str, Any]] = (
        open_lake(settings).sql(_HOURLY.format(limit=int(limit)), [PI_TIMESERIES]).to_pylist()
    )
    return rows


def size_on_disk(settings: Settings) -> int:
    """Bytes of the live files of ``pi_timeseries``."""
    return open_lake(settings).table(PI_TIMESERIES).bytes()
