"""``AlarmExtractor``: alarms for scripts and notebooks.

    alarms = AlarmExtractor(PIWebAPIClient("https://server/piwebapi", auth=("user", "password")))
    alarms.extract_active_alarms(database_webid)
    alarms.extract_alarm_summary(database_webid, datetime(2025, 1, 1), datetime(2025, 12, 31))

Rows are dicts with the columns of the tables of the same kind; times in them are aware and UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pi_lakeflow.historians.pi.decode.frames import Row
from pi_lakeflow.historians.pi.frames.alarms import AlarmReader
from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
from pi_lakeflow.historians.pi.wire.client import PIWebAPIClient
from pi_lakeflow.model.span import from_micros, to_micros


class AlarmExtractor:
    """Asks ``client``; keeps nothing. ``criteria`` say which event frames are alarms.

    Datetimes without a zone are local times of this computer, as ``datetime.now()`` gives them. Spans are
    half-open. Lists are read to their end, however long they are. Raises ``Refused`` for a WebId of
    nothing, ``SourceUnavailable`` when the server does not answer.
    """

    def __init__(self, client: PIWebAPIClient, *, criteria: AlarmCriteria | None = None) -> None:
        self._client = client
        self._reader = AlarmReader(client.aio, criteria)

    def extract_notification_rules(self, database_webid: str) -> list[Row]:
        """The notification rules of an asset database: rows of ``pi_notification_rules``, each with its
        ``subscribers``, rows of ``pi_notification_subscribers``. PI Web API 2018 and later."""
        return self._client.run(self._rules(database_webid))

    def extract_alarm_events(
        self, tag_webid: str, start_time: datetime, end_time: datetime | None = None
    ) -> list[Row]:
        """Alarms that occurred, as rows of ``pi_alarm_events`` in order of time: the annotations of a
        tag's events, the event frames of an element, or both of an attribute. The end is now by default."""
        return self._client.run(self._reader.events(tag_webid, micros(start_time), micros(end_time)))

    def extract_element_alarms(self, element_webid: str) -> list[Row]:
        """The limits of an element's attributes with current values and states: rows of
        ``pi_element_alarms``."""
        rows, failures = self._client.run(self._reader.limits([element_webid]))
        for error in failures.values():
            raise error
        return rows

    def extract_active_alarms(self, database_webid: str) -> list[Row]:
        """The alarms of an asset database that are in progress, acknowledged or not, the oldest first: rows
        of ``pi_active_alarms``."""
        return self._client.run(self._active(database_webid))

    def extract_alarm_summary(
        self, database_webid: str, start_time: datetime, end_time: datetime | None = None
    ) -> dict[str, Any]:
        """Numbers about the alarms of an asset database that started in the span.

        ``total_alarms``, ``active_alarms`` (still in progress), ``severity_distribution`` (by name),
        ``acknowledged_alarms``, ``unacknowledged_alarms``, ``mean_seconds_to_acknowledge``,
        ``mean_seconds_in_alarm``, ``template_distribution``, ``top_alarms``, ``start_time``, ``end_time``.
        """
        start, end = micros(start_time), micros(end_time)
        found = self._client.run(self._summary(database_webid, start, end))
        return {**found, "start_time": from_micros(start), "end_time": from_micros(end)}

    async def _rules(self, webid: str) -> list[Row]:
        rules = await self._reader.rules(await self._reader.database(webid))
        told, failures = await self._reader.subscribers(rules)
        for error in failures.values():
            raise error
        by_rule: dict[str, list[Row]] = {rule["rule_id"]: [] for rule in rules}
        for row in told:
            by_rule[row["rule_id"]].append(row)
        return [{**rule, "subscribers": by_rule[rule["rule_id"]]} for rule in rules]

    async def _active(self, webid: str) -> list[Row]:
        return await self._reader.active(await self._reader.database(webid))

    async def _summary(self, webid: str, start: int, end: int) -> Row:
        return await self._reader.summary(await self._reader.database(webid), start, end)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client.base_url!r})"


def micros(moment: datetime | None) -> int:
    """Microseconds since 1970 UTC; None is now, a time without zone is local."""
    return to_micros((moment or datetime.now(UTC)).astimezone(UTC))
