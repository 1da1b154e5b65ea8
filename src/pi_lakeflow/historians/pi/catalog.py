"""From what people write under ``tags`` to the points that are read.

Many names are looked up with ``points/multiple`` (a batch of paths in one call); only when a large
part of the server is wanted are its points listed. WebIds are always of type IDOnly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pi_lakeflow.errors import Refused, SettingsError, TooLarge
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings.selection import Selection, Selector, SelectorKind

_POINT_FIELDS = ("WebId", "Name", "Path", "Descriptor", "PointType", "EngineeringUnits", "Future")
_ATTRIBUTE_FIELDS = ("WebId", "Name", "Path", "Description", "Type", "DefaultUnitsNameAbbreviation")
_LIST_PAGE = 5_000
_SEARCH_PAGE = 1_000  # points/search refuses more (PI Web API reference, topic Search PI Points)
_PATHS_PER_CALL = 100
_URL_BUDGET = 6_000
_LIST_INSTEAD = 5_000  # names beyond which listing the server's points is the politer way


@dataclass(slots=True)
class Resolved:
    """Tags found, in the order asked for and each once, and what was not found."""

    tags: dict[str, Tag] = field(default_factory=dict)
    failures: list[TagFailure] = field(default_factory=list)

    def add(self, tag: Tag) -> None:
        self.tags.setdefault(tag.webid, tag)

    def missing(self, name: str, message: str, status: int | None = None, *, webid: str = "") -> None:
        hint = "check the spelling with `pi-lakeflow discover`, or remove it from `tags`"
        self.failures.append(TagFailure(Tag(webid, name), message, status, hint))


class Catalog:
    """Finds points and attributes. ``data_server`` is needed for bare names when there are several."""

    def __init__(self, client: AsyncPIWebAPIClient, data_server: str | None = None) -> None:
        self._client = client
        self._data_server = data_server
        self._servers: dict[str, str] | None = None  # name -> WebId

    async def resolve(self, selection: Iterable[Selector] | Selection) -> Resolved:
        """All tags of a selection. Unknown ones are failures, not exceptions.

        Raises ``SettingsError`` when the data server itself is unknown or ambiguous.
        """
        found = Resolved()
        paths: dict[str, str] = {}  # path -> what the user wrote
        selection = list(selection)
        known = await self._points_of(s.text for s in selection if _may_be_point_webid(s))
        for selector in selection:
            if (tag := known.get(selector.text)) is not None:
                found.add(tag)
            elif selector.kind is SelectorKind.WEBID:
                await self._by_webid(selector.text, found)
            elif selector.kind is SelectorKind.NAME:
                if not (selector.may_be_webid and await self._by_webid(selector.text, found, quiet=True)):
                    paths[f"\\\\{await self._server_name()}\\{selector.text}"] = selector.text
            elif selector.kind is SelectorKind.POINT:
                paths[selector.text] = selector.text
            else:
                async for tag in self._many(selector):
                    found.add(tag)
        await self._by_path(paths, found)
        return found

    async def walk(self, selection: Iterable[Selector] | Selection) -> AsyncIterator[Tag]:
        """Tags one after the other, without looking further than the caller does.

        Raises ``Refused`` for a name that is not found.
        """
        for selector in selection:
            if selector.kind in (SelectorKind.WEBID, SelectorKind.NAME, SelectorKind.POINT):
                found = await self.resolve([selector])
                for failure in found.failures:
                    raise Refused(
                        failure.message, subject=failure.tag.name, hint=failure.hint, status=failure.status
                    )
                for tag in found.tags.values():
                    yield tag
            else:
                async for tag in self._many(selector):
                    yield tag

    async def data_servers(self) -> dict[str, str]:
        """Names and WebIds of the data servers that PI Web API knows."""
        if self._servers is None:
            params = {"selectedFields": "Items.Name;Items.WebId", "webIdType": "IDOnly"}
            answer = await self._client.get("dataservers", params)
            self._servers = {item["Name"]: item["WebId"] for item in answer.get("Items") or []}
        return self._servers

    async def _server_name(self, wanted: str | None = None) -> str:
        servers = await self.data_servers()
        name = wanted or self._data_server
        if name is None:
            if len(servers) == 1:
                return next(iter(servers))
            raise SettingsError(
                f"there are {len(servers)} data servers: {', '.join(sorted(servers)) or 'none'}",
                subject="data_server",
                hint="name one under `data_server`, or write tags as \\\\server\\tag",
            )
        for known in servers:
            if known.lower() == name.lower():
                return known
        raise SettingsError(
            f"no data server is called {name!r}; there are {', '.join(sorted(servers)) or 'none'}",
            subject="data_server",
            hint="name one of these under `data_server`",
        )

    async def _points_of(self, webids: Iterable[str]) -> dict[str, Tag]:
        """The points behind WebIds, asked for in bulk. What is wrong with the others is found out singly."""
        wanted = list(webids)
        if len(wanted) < 2:
            return {}
        groups = _groups(wanted)
        try:
            answers = await asyncio.gather(*(self._multiple("webId", group) for group in groups))
        except Refused:  # a server without the route, or one id that spoils the call
            return {}
        items = [item for answer in answers for item in answer if (item.get("Object") or {}).get("WebId")]
        return {str(item.get("Identifier")): _tag(item["Object"]) for item in items}

    async def _multiple(self, key: str, group: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        answer = await self._client.get(
            "points/multiple",
            [
                *((key, each) for each in group),
                ("includeMode", "All"),
                ("webIdType", "IDOnly"),
                ("selectedFields", _multiple_fields()),
            ],
        )
        items: Sequence[Mapping[str, Any]] = answer.get("Items") or []
        return items

    async def _by_webid(self, webid: str, found: Resolved, *, quiet: bool = False) -> bool:
        kind = "attributes" if webid[2:4] == "Ab" else "points"
        fields = _ATTRIBUTE_FIELDS if kind == "attributes" else _POINT_FIELDS
        params = {"selectedFields": ";".join(fields), "webIdType": "IDOnly"}
        try:
            item = await self._client.get(f"{kind}/{webid}", params)
        except Refused as error:
            if quiet and error.status in (400, 404):
                return False  # no WebId after all: it may be a name
            found.missing(webid, error.message, error.status, webid=webid)
            return True
        found.add(_tag(item))
        return True

    async def _by_path(self, paths: Mapping[str, str], found: Resolved) -> None:
        if len(paths) > _LIST_INSTEAD:
            paths = await self._by_listing(paths, found)
        groups = _groups(list(paths))
        answers = await asyncio.gather(*(self._multiple("path", group) for group in groups))
        for group, items in zip(groups, answers, strict=True):
            _absorb(items, group, paths, found)

    async def _by_listing(self, paths: Mapping[str, str], found: Resolved) -> Mapping[str, str]:
        """List each server's points once and pick; what is left is looked up singly."""
        left = {path.lower(): path for path in paths}
        for server in {path[2:].split("\\", 1)[0] for path in paths}:
            async for tag in self._listed(await self._server_name(server), "*"):
                if left.pop(tag.path.lower(), None) is not None:
                    found.add(tag)
                if not left:
                    break
        return {path: paths[path] for path in left.values()}

    async def _many(self, selector: Selector) -> AsyncIterator[Tag]:
        if selector.kind in (SelectorKind.ALL, SelectorKind.MASK):
            mask = "*" if selector.kind is SelectorKind.ALL else selector.text
            source = self._listed(await self._server_name(selector.server), mask)
        elif selector.kind is SelectorKind.POINT_QUERY:
            source = self._searched(await self._server_name(selector.server), selector.text)
        elif selector.kind is SelectorKind.AF_QUERY:
            source = self._attributes_found(selector)
        elif selector.kind is SelectorKind.UNDER:
            source = self._points_under(selector)
        elif selector.kind is SelectorKind.ELEMENT:
            source = self._attributes_of(selector.text)
        else:
            source = self._attribute(selector.text)
        async for tag in source:
            yield tag

    async def _listed(self, server: str, mask: str) -> AsyncIterator[Tag]:
        servers = await self.data_servers()
        params = [("nameFilter", mask), *_list_params(_POINT_FIELDS)]
        async for item in self._items(f"dataservers/{servers[server]}/points", params, page=_LIST_PAGE):
            yield _tag(item)

    async def _items(
        self, path: str, params: Sequence[tuple[str, str]], *, page: int
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The items of a list; a server that allows only smaller pages is asked for those."""
        try:
            async for item in self._client.items(path, [*params, ("maxCount", str(page))]):
                yield item
        except TooLarge as error:  # comes with the first page, before any item
            if error.limit is None or not 0 < error.limit < page:
                raise
            async for item in self._items(path, params, page=error.limit):
                yield item

    async def _searched(self, server: str, query: str) -> AsyncIterator[Tag]:
        servers = await self.data_servers()
        params = [
            ("dataServerWebId", servers[server]),
            ("query", query),
            *_list_params(_POINT_FIELDS),
        ]
        async for item in self._items("points/search", params, page=_SEARCH_PAGE):
            yield _tag(item)

    async def _attributes_found(self, selector: Selector) -> AsyncIterator[Tag]:
        if selector.server is None:
            raise SettingsError(
                "an af_query needs its asset database",
                subject="tags",
                hint="write {af_query: ..., database: \\\\server\\database}",
            )
        params = {"path": selector.server, "selectedFields": "WebId", "webIdType": "IDOnly"}
        database = await self._client.get("assetdatabases", params)
        search = [
            ("databaseWebId", database["WebId"]),
            ("query", selector.text),
            *_list_params(_ATTRIBUTE_FIELDS),
        ]
        async for item in self._client.items("attributes/search", search):
            yield _tag(item)

    async def _attributes_of(self, path: str) -> AsyncIterator[Tag]:
        params = {"path": path, "selectedFields": "WebId", "webIdType": "IDOnly"}
        element = await self._client.get("elements", params)
        below = [("searchFullHierarchy", "true"), *_list_params(_ATTRIBUTE_FIELDS)]
        async for item in self._client.items(f"elements/{element['WebId']}/attributes", below):
            yield _tag(item)

    async def _points_under(self, selector: Selector) -> AsyncIterator[Tag]:
        """The points that attributes below an element or database refer to, each once; attributes of
        another kind are left out.
        """
        is_database = selector.text.count("\\") == 3
        controller = "assetdatabases" if is_database else "elements"
        params = {"path": selector.text, "selectedFields": "WebId", "webIdType": "IDOnly"}
        root = (await self._client.get(controller, params))["WebId"]
        below = {
            "elementTemplate": selector.template,
            "attributeNameFilter": selector.attribute,
            "attributeCategory": selector.category,
        }
        own = {"nameFilter": selector.attribute, "categoryName": selector.category}
        routes = [(f"{controller}/{root}/elementattributes", below)]
        routes += [(f"elements/{root}/attributes", own)] if not (is_database or selector.template) else []
        bare: list[str] = []  # of servers that do not describe the points
        for route, filters in routes:
            chosen = [(name, value) for name, value in filters.items() if value]
            async for item in self._items(route, [*chosen, *_REFERENCES], page=_LIST_PAGE):
                if point := (item.get("DataReference") or {}).get("PIPoint"):
                    yield _tag(point)
                elif link := (item.get("Links") or {}).get("Point"):
                    bare.append(str(link).rsplit("/", 1)[-1])
        for tag in (await self._points_of(bare)).values():
            yield tag

    async def _attribute(self, path: str) -> AsyncIterator[Tag]:
        params = {"path": path, "selectedFields": ";".join(_ATTRIBUTE_FIELDS), "webIdType": "IDOnly"}
        yield _tag(await self._client.get("attributes", params))


def _may_be_point_webid(selector: Selector) -> bool:
    if selector.kind is SelectorKind.WEBID:
        return selector.text[2:4] != "Ab"
    return selector.kind is SelectorKind.NAME and selector.may_be_webid


def _tag(item: Mapping[str, Any]) -> Tag:
    """A point, or an attribute, whose tag name is ``Element|Attribute``."""
    path = item.get("Path") or ""
    is_attribute = "PointType" not in item
    name = path.rsplit("\\", 1)[-1] if is_attribute and path else item["Name"]
    units = item.get("DefaultUnitsNameAbbreviation" if is_attribute else "EngineeringUnits")
    return Tag(
        webid=item["WebId"],
        name=name,
        path=path,
        point_type=item.get("PointType") or "",
        units=units or None,
        descriptor=item.get("Description" if is_attribute else "Descriptor") or "",
        future=bool(item.get("Future")),
    )


def _list_params(fields: Sequence[str]) -> list[tuple[str, str]]:
    selected = ";".join([*(f"Items.{name}" for name in fields), "Links.Next"])
    return [("selectedFields", selected), ("webIdType", "IDOnly")]


_REFERENCES = [
    ("searchFullHierarchy", "true"),
    ("associations", "DataReference"),
    *_list_params([*(f"DataReference.PIPoint.{name}" for name in _POINT_FIELDS), "Links.Point"]),
]


def _multiple_fields() -> str:
    fields = [f"Items.Object.{name}" for name in _POINT_FIELDS]
    return ";".join(["Items.Identifier", *fields, "Items.Exception"])


def _groups(paths: Sequence[str]) -> list[list[str]]:
    """Paths in calls whose URLs stay short: a path can triple when it is percent-encoded."""
    groups: list[list[str]] = [[]]
    length = 0
    for path in paths:
        cost = len("path=&") + sum(
            1 if c.isascii() and (c.isalnum() or c in "-._~") else 3 * len(c.encode()) for c in path
        )
        if groups[-1] and (length + cost > _URL_BUDGET or len(groups[-1]) >= _PATHS_PER_CALL):
            groups.append([])
            length = 0
        groups[-1].append(path)
        length += cost
    return groups if groups[0] else []


def _absorb(
    items: Sequence[Mapping[str, Any]], group: Sequence[str], written: Mapping[str, str], found: Resolved
) -> None:
    """Replies are matched by their identifier, not by their place."""
    by_path = {path.lower(): path for path in group}
    for item in items:
        path = by_path.pop(str(item.get("Identifier", "")).lower(), None)
        if path is None:
            continue
        if (point := item.get("Object")) and point.get("WebId"):
            found.add(_tag(point))
        else:
            errors = (item.get("Exception") or {}).get("Errors") or ["not found"]
            found.missing(written[path], "; ".join(map(str, errors)), 404)
    for path in by_path.values():
        found.missing(written[path], "the server's answer does not mention it")
