"""Reads event frames and what belongs to them, politely: pages, and batches of small requests.

The real routes (PI Web API reference): frames of a database are listed, or searched with AFSearch, which
knows when a frame was modified although the frame itself does not say it. Values come from the frame's
streamset, annotations from its own route. There are no lists for many frames at once, so these two are
asked for in batches.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pi_lakeflow.errors import PiLakeflowError, Refused, TooLarge
from pi_lakeflow.historians.pi.decode.frames import annotation_rows, attribute_rows
from pi_lakeflow.historians.pi.wire.batch import failed_children
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import iso

Item = Mapping[str, Any]
PAGE = 5_000  # frames in an answer; a server that allows fewer says so
BATCH = 100  # requests in a batch
_FIELDS = (
    *("WebId", "Id", "Name", "Description", "Path", "TemplateName", "HasChildren", "CategoryNames"),
    *("StartTime", "EndTime", "Severity", "AcknowledgedBy", "AcknowledgedDate", "CanBeAcknowledged"),
    *("IsAcknowledged", "IsAnnotated", "IsLocked", "AreValuesCaptured", "RefElementWebIds", "Links.Parent"),
)
_VALUES = "Items.WebId;Items.Name;Items.Path;Items.Value"
_NOTES = "Items.Id;Items.Name;Items.Description;Items.Value;Items.Creator;Items.CreationDate;Items.Modifier"
_NOTES += ";Items.ModifyDate;Items.Links.MediaMetadata"


@dataclass(frozen=True, slots=True)
class Database:
    """An asset database."""

    webid: str
    name: str
    server: str = ""
    server_webid: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        return self.webid, self.name


@dataclass(slots=True)
class Details:
    """What belongs to some frames: rows of the attribute and annotation tables, and what failed."""

    attributes: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, PiLakeflowError] = field(default_factory=dict)  # by frame


class FrameReader:
    """Keeps no state but the page size that the server allows."""

    def __init__(self, client: AsyncPIWebAPIClient, *, page: int = PAGE) -> None:
        self._client = client
        self._page = page

    async def databases(self) -> list[Database]:
        """All asset databases that the account can see."""
        fields = {"selectedFields": "Items.WebId;Items.Name", "webIdType": "IDOnly"}
        servers = await self._client.get("assetservers", fields)
        found = []
        for server in servers.get("Items") or []:
            known = self._client.items(f"assetservers/{server['WebId']}/assetdatabases", fields)
            found += [Database(i["WebId"], i["Name"], server["Name"], server["WebId"]) async for i in known]
        return found

    def listed(self, database: str, start: int, end: int, *, ids: bool = False) -> AsyncIterator[Item]:
        """The frames of a database (a WebId) with any part in ``start..end`` (microseconds), children
        too, in order of their starts; with ``ids`` only their WebIds."""
        params = [
            ("searchMode", "Overlapped"),
            ("startTime", iso(start)),
            ("endTime", iso(end)),
            ("searchFullHierarchy", "true"),
            ("sortField", "StartTime"),
            *_selection(("WebId",) if ids else _FIELDS),
        ]
        return self._items(f"assetdatabases/{database}/eventframes", params)

    def of_element(self, element: str, start: int, end: int) -> AsyncIterator[Item]:
        """The frames that refer to an element."""
        params = [
            ("searchMode", "Overlapped"),
            ("startTime", iso(start)),
            ("endTime", iso(end)),
            ("sortField", "StartTime"),
            *_selection(_FIELDS),
        ]
        return self._items(f"elements/{element}/eventframes", params)

    def in_progress(self, database: str) -> AsyncIterator[Item]:
        """The frames that have no end yet, whenever they started."""
        params = [
            ("searchMode", "ForwardInProgress"),
            ("startTime", "1970-01-01T00:00:00Z"),
            ("searchFullHierarchy", "true"),
            *_selection(_FIELDS),
        ]
        return self._items(f"assetdatabases/{database}/eventframes", params)

    def modified(self, database: str, since: int) -> AsyncIterator[Item]:
        """The frames that were made or modified since (microseconds), found with AFSearch.

        Raises ``Refused`` (400 or 404) when the server does not know this filter.
        """
        query = f"ModifyDate:>='{iso(since)}' AllDescendants:=true SortField:=StartTime"
        params = [("databaseWebId", database), ("query", query), *_selection(_FIELDS)]
        return self._items("eventframes/search", params)

    async def by_webid(self, webids: Sequence[str]) -> list[Item]:
        """These frames; those that are gone are left out."""
        found: list[Item] = []
        fields = ";".join(["Items.Identifier", "Items.Exception", *(f"Items.Object.{n}" for n in _FIELDS)])
        for first in range(0, len(webids), _IN_URL):
            params = [("webId", webid) for webid in webids[first : first + _IN_URL]]
            params += [("includeMode", "All"), ("webIdType", "IDOnly"), ("selectedFields", fields)]
            answer = await self._client.get("eventframes/multiple", params)
            found += [item["Object"] for item in answer.get("Items") or [] if item.get("Object")]
        return found

    async def details(self, frames: Iterable[Item]) -> Details:
        """Values of all these frames, and annotations of those that have some."""
        wanted = {frame["WebId"]: bool(frame.get("IsAnnotated")) for frame in frames}
        found = Details()
        requests = {f"v{webid}": _request(f"streamsets/{webid}/value", _VALUES) for webid in wanted}
        requests |= {
            f"a{webid}": _request(f"eventframes/{webid}/annotations", _NOTES)
            for webid, annotated in wanted.items()
            if annotated
        }
        async for name, content, error in self.batched(requests):
            kind, webid = name[0], name[1:]
            if error is not None:
                found.failures.setdefault(webid, error)
            elif kind == "v":
                found.attributes += attribute_rows(webid, content)
            else:
                found.annotations += annotation_rows(webid, content)
        return found

    async def batched(
        self, requests: Mapping[str, Mapping[str, Any]]
    ) -> AsyncIterator[tuple[str, Any, PiLakeflowError | None]]:
        """Name, content and failure of each request, sent in batches."""
        names = list(requests)
        for first in range(0, len(names), BATCH):
            part = {name: requests[name] for name in names[first : first + BATCH]}
            answers = await self._client.batch(part)
            failures = failed_children(answers)
            for name, answer in answers.items():
                yield name, answer.get("Content"), failures.get(name)

    async def _items(self, path: str, params: Sequence[tuple[str, str]]) -> AsyncIterator[Item]:
        """The items of a list; a server that allows only smaller pages is asked for those."""
        try:
            async for item in self._client.items(path, [*params, ("maxCount", str(self._page))]):
                yield item
        except TooLarge as error:  # comes with the first page, before any item
            if error.limit is None or not 0 < error.limit < self._page:
                raise
            self._page = error.limit
            async for item in self._items(path, params):
                yield item


_IN_URL = 40  # WebIds that fit a URL


def knows_no_such_filter(error: Refused) -> bool:
    """Whether a refusal means that the server has no such search."""
    return error.status in (400, 404, 501)


def _selection(fields: Sequence[str]) -> list[tuple[str, str]]:
    selected = ";".join([*(f"Items.{name}" for name in fields), "Links.Next"])
    return [("selectedFields", selected), ("webIdType", "IDOnly")]


def _request(path: str, fields: str) -> dict[str, Any]:
    return {"Method": "GET", "Resource": f"{path}?selectedFields={fields}&webIdType=IDOnly"}
