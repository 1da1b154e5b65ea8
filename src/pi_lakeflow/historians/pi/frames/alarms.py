"""The questions about alarms, as coroutines that give rows: what ``AlarmExtractor`` and the engine ask.

Two routes that one would expect do not exist in PI Web API: annotations of a tag come with its recorded
events (``associations=Annotations``), and notification rules of a database are found with a search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from pi_lakeflow.errors import Refused
from pi_lakeflow.historians.pi.decode.frames import (
    SEVERITIES,
    Row,
    active_row,
    alarm_row,
    frame_row,
    moment,
    point_annotation_rows,
)
from pi_lakeflow.historians.pi.decode.limits import limit_rows
from pi_lakeflow.historians.pi.decode.notifications import contact_row, rule_row, subscriber_rows
from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
from pi_lakeflow.historians.pi.frames.reader import Database, FrameReader
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import from_micros, iso, to_micros

_EVENTS = 1_000  # annotated events in an answer
_TOP = 10
_RULE_PAGE = 1_000
_ATTRIBUTES = "Items.WebId;Items.Path;Items.TraitName;Items.DefaultUnitsNameAbbreviation;Links.Next"


class AlarmReader:
    """``criteria`` say which event frames are alarms."""

    def __init__(self, client: AsyncPIWebAPIClient, criteria: AlarmCriteria | None = None) -> None:
        self.frames = FrameReader(client)
        self._client = client
        self._criteria = criteria or AlarmCriteria()

    async def database(self, webid: str) -> Database:
        """The asset database of a WebId. Raises ``Refused`` when there is none."""
        fields = {"selectedFields": "WebId;Name", "webIdType": "IDOnly"}
        item = await self._client.get(f"assetdatabases/{webid}", fields)
        return Database(item["WebId"], item["Name"])

    # -- alarms ----------------------------------------------------------------------------------

    async def events(self, webid: str, start: int, end: int) -> list[Row]:
        """Rows of ``pi_alarm_events`` in ``start <= time < end`` of a tag (its annotations), an
        element (its event frames), or an attribute (both)."""
        marker = webid[2:4]
        rows: list[Row] = []
        if marker != "Em":
            rows += await self.annotations(webid, start, end)
        element = webid if marker == "Em" else await self._element_of(webid) if marker == "Ab" else None
        if element is not None:
            items = self.frames.of_element(element, start, end)
            rows += [alarm_row(row) async for row in self._alarms(items, ("", ""), start, end)]
        return sorted(rows, key=lambda row: (row["timestamp"], row["annotation_id"]))

    async def annotations(self, tag: str, start: int, end: int) -> list[Row]:
        """The annotations of a tag's events, each once; pages are continued from their last event."""
        rows: dict[tuple[Any, ...], Row] = {}
        first, limit = start, _EVENTS
        while True:
            params = [
                ("startTime", iso(first)),
                ("endTime", iso(end)),
                ("maxCount", str(limit)),
                ("associations", "Annotations"),
                ("filterExpression", _IS_ANNOTATED),
            ]
            answer = await self._client.get(f"streams/{tag}/recorded", params)
            found = list(point_annotation_rows(tag, answer))
            rows |= {(row["timestamp"], row["annotation_id"]): row for row in found}
            items = answer.get("Items") or []
            if len(items) < limit:
                break
            last = to_micros(moment(items[-1]["Timestamp"]) or from_micros(first))
            first, limit = (last, _EVENTS) if last > first else (first, 2 * limit)
        return [row for row in rows.values() if start <= to_micros(row["timestamp"]) < end]

    async def active(self, database: Database) -> list[Row]:
        """Rows of ``pi_active_alarms``: alarms in progress, the oldest first."""
        items = self.frames.in_progress(database.webid)
        return [active_row(row) async for row in self._alarms(items, database.identity)]

    async def summary(self, database: Database, start: int, end: int) -> Row:
        """Numbers about the alarms that started in ``start <= time < end``."""
        items = self.frames.listed(database.webid, start, end)
        return summed_up([alarm_row(row) async for row in self._alarms(items, database.identity, start, end)])

    async def _alarms(
        self,
        items: AsyncIterator[Mapping[str, Any]],
        database: tuple[str, str],
        start: int | None = None,
        end: int | None = None,
    ) -> AsyncIterator[Row]:
        async for item in items:
            row = frame_row(item, database)
            since = to_micros(row["start_time"])
            inside = (start is None or since >= start) and (end is None or since < end)
            if inside and self._criteria.is_alarm(row):
                yield row

    async def _element_of(self, attribute: str) -> str | None:
        fields = {"selectedFields": "Links.Element", "webIdType": "IDOnly"}
        link = ((await self._client.get(f"attributes/{attribute}", fields)).get("Links") or {}).get("Element")
        return str(link).rpartition("/")[2] if link else None

    # -- limits ----------------------------------------------------------------------------------

    async def limits(self, elements: Sequence[str]) -> tuple[list[Row], dict[str, Exception]]:
        """Rows of ``pi_element_alarms`` of some elements, and why others could not be read: three requests
        for each element, in batches."""
        attributes, failures = await self._batched(
            {e: f"elements/{e}/attributes?searchFullHierarchy=true&maxCount=1000" for e in elements},
            _ATTRIBUTES,
        )
        values: dict[str, object] = {}
        asked = {e: f"streamsets/{e}/value?searchFullHierarchy=true" for e in attributes}
        answers, more = await self._batched(asked, "Items.WebId;Items.Value")
        for items in answers.values():
            values |= {item["WebId"]: item.get("Value") for item in items}
        rows = [row for e in answers for row in limit_rows(e, attributes[e], values)]
        return rows, {**failures, **more}

    async def _batched(
        self, paths: Mapping[str, str], fields: str
    ) -> tuple[dict[str, list[Any]], dict[str, Exception]]:
        found: dict[str, list[Any]] = {}
        failures: dict[str, Exception] = {}
        requests = {
            key: {"Method": "GET", "Resource": f"{path}&selectedFields={fields}&webIdType=IDOnly"}
            for key, path in paths.items()
        }
        async for key, content, error in self.frames.batched(requests):
            if error is not None:
                failures[key] = error
                continue
            found[key] = list(content.get("Items") or [])
            if following := (content.get("Links") or {}).get("Next"):
                found[key] += [item async for item in self._client.items(following)]
        return found, failures

    # -- notifications ---------------------------------------------------------------------------

    async def rules(self, database: Database) -> list[Row]:
        """Rows of ``pi_notification_rules``. Raises ``Refused`` on servers before 2018."""
        params = {
            "databaseWebId": database.webid,
            "query": "*",
            "maxCount": _RULE_PAGE,
            "webIdType": "IDOnly",
        }
        try:
            found = self._client.items("notificationrules/search", params)
            return [rule_row(item, database.name) async for item in found]
        except Refused as error:
            if error.status != 404:
                raise
            hint = "notification rules can be read since PI Web API 2018"
            raise Refused(error.message, subject=error.subject, status=404, hint=hint) from error

    async def subscribers(self, rules: Iterable[Row]) -> tuple[list[Row], dict[str, Exception]]:
        """Rows of ``pi_notification_subscribers`` of some rules, and why others could not be read."""
        databases = {rule["rule_id"]: rule["database_name"] for rule in rules}
        rows: list[Row] = []
        failures: dict[str, Exception] = {}
        requests = {
            rule: {
                "Method": "GET",
                "Resource": f"notificationrules/{rule}/notificationrulesubscribers?webIdType=IDOnly",
            }
            for rule in databases
        }
        async for rule, content, error in self.frames.batched(requests):
            if error is not None:
                failures[rule] = error
            else:
                rows += subscriber_rows(rule, databases[rule], content)
        return rows, failures

    async def contacts(self, database: Database) -> list[Row]:
        """Rows of ``pi_notification_contacts`` of the database's asset server, members of groups too."""
        rows: list[Row] = []
        seen: set[str] = set()
        waiting = [("", f"assetservers/{database.server_webid}/notificationcontacttemplates")]
        while waiting:
            group, path = waiting.pop()
            answer = await self._client.get(path, {"webIdType": "IDOnly"})
            for item in answer.get("Items") or []:
                rows.append(contact_row(item, database.server, group))
                if item.get("HasChildren") and item["WebId"] not in seen:
                    seen.add(item["WebId"])
                    below = f"notificationcontacttemplates/{item['WebId']}/notificationcontacttemplates"
                    waiting.append((item["WebId"], below))
        return rows


_IS_ANNOTATED = "IsSet('.', \"a\")"


def summed_up(alarms: Sequence[Row]) -> Row:
    """Numbers about rows of ``pi_alarm_events``."""
    severities = Counter(row["severity_name"] or "None" for row in alarms)
    delays = [
        (row["acknowledged_at"] - row["start_time"]).total_seconds()
        for row in alarms
        if row["acknowledged_at"] is not None
    ]
    lengths = [(row["end_time"] - row["start_time"]).total_seconds() for row in alarms if row["end_time"]]
    acknowledged = sum(bool(row["acknowledged"]) for row in alarms)
    return {
        "total_alarms": len(alarms),
        "active_alarms": sum(row["is_active"] for row in alarms),
        "severity_distribution": {name: severities[name] for name in SEVERITIES if severities[name]},
        "acknowledged_alarms": acknowledged,
        "unacknowledged_alarms": sum(
            bool(row["can_be_acknowledged"]) and not row["acknowledged"] for row in alarms
        ),
        "mean_seconds_to_acknowledge": sum(delays) / len(delays) if delays else None,
        "mean_seconds_in_alarm": sum(lengths) / len(lengths) if lengths else None,
        "template_distribution": dict(Counter(row["template_name"] or "" for row in alarms).most_common()),
        "top_alarms": dict(Counter(row["alarm_key"] for row in alarms).most_common(_TOP)),
    }
