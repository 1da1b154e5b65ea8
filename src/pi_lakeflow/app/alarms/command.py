"""The use case behind ``pi-lakeflow alarms``: the source and the lake of the settings, and one update."""

from __future__ import annotations

from pi_lakeflow.app.alarms.run import AlarmReport, read_alarms
from pi_lakeflow.app.ingest import new_run_id
from pi_lakeflow.app.source import open_lake, open_source
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.settings.schema import Settings


async def update(
    settings: Settings,
    *,
    since: str | None = None,
    notifications: bool = False,
    observer: Observer = ignore,
) -> AlarmReport:
    """Bring the alarm tables of the settings' lake up to date; see :func:`read_alarms`."""
    started = SystemClock().now()
    async with open_source(settings, observer) as source:
        return await read_alarms(
            settings,
            source,
            open_lake(settings),
            run_id=new_run_id(),
            ingested_at=started,
            since=since,
            notifications=notifications,
        )
