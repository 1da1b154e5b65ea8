"""Walks a server from its root: follows the links of what it answers, and remembers everything."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from shapes import ROUTES, route_of

# Objects that are documented to have no links, by the letters in their WebIds
_UNLINKED = {
    "NR": "notificationrules",
    "NT": "notificationruletemplates",
    "NS": "notificationrulesubscribers",
}
_VISITS = 4  # of each route, by links
BASIC = "Basic " + base64.b64encode(b"pi:pi").decode()  # anonymous users may not ask for rights


@dataclass
class Visit:
    """One answer."""

    url: str
    status: int
    body: Any
    location: str = ""


@dataclass
class Walk:
    """``objects`` has what was met of each controller, such as ``elements``, by WebId."""

    base: str
    visits: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    strays: list[str] = field(default_factory=list)

    def get(self, path: str, query: Any = ()) -> Visit:
        """One GET; ``path`` is below the base path and encoded."""
        return self.fetch(
            self.base + path + ("?" + urlencode(query, doseq=True, quote_via=quote) if query else "")
        )

    def fetch(self, url: str, method: str = "GET", body: Any = None) -> Visit:
        """Any request; what it brings is remembered under its route."""
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        headers = {"X-Requested-With": "test", "Content-Type": "application/json", "Authorization": BASIC}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                body = _decoded(answer.read(), answer.headers["Content-Type"])
                visit = Visit(url, answer.status, body, answer.headers.get("Location", ""))
        except urllib.error.HTTPError as error:
            with error:
                visit = Visit(url, error.code, _decoded(error.read(), error.headers["Content-Type"]))
        if method == "GET":
            self.visits[route_of(urlsplit(url[len(self.base) :]).path or "/")].append(visit)
            for item in _objects(visit.body):
                self._remember(item)
        return visit

    def from_root(self) -> None:
        """Follow all links, a few of each kind."""
        waiting, seen, visits = deque([self.base + "/"]), set(), Counter[str]()
        while waiting:
            url = waiting.popleft()
            route = route_of(urlsplit(url[len(self.base) :]).path or "/")
            if not route:
                self.strays.append(url)
            if url in seen or visits[route] >= _VISITS or not route or _wants_more(route, url):
                continue
            seen.add(url)
            visits[route] += 1
            visit = self.fetch(url)
            waiting += _links(visit.body)

    def _remember(self, item: dict[str, Any]) -> None:
        if "WebId" not in item:
            return
        own = item.get("Links", {}).get("Self", "").removeprefix(self.base).strip("/").split("/")
        controller = own[0].casefold() if len(own) == 2 else _UNLINKED.get(item["WebId"][2:4])
        if controller is not None:
            self.objects[controller][item["WebId"]] = item

    def some(self, controller: str, count: int = 6) -> list[dict[str, Any]]:
        """Objects of a controller, spread over all that were met."""
        known = list(self.objects[controller].values())
        return known[:: max(1, len(known) // count)][:count]


def _wants_more(route: str, url: str) -> bool:
    """Whether a link as such is no request: a socket, or something with a required parameter."""
    required = any(name.endswith("!") for name in ROUTES[route]["parameters"])
    return route.endswith("/channel") or ("?" not in url and required)


def _decoded(body: bytes, content_type: str | None) -> Any:
    if body and "json" in (content_type or ""):
        return json.loads(body)
    return body.decode(errors="replace")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _links(value: Any) -> Iterator[str]:
    """The links of the first objects of an answer and of some later ones."""
    if isinstance(value, list):
        value = value[:2] + value[2 :: max(1, len(value) // 4)]
        for item in value:
            yield from _links(item)
    elif isinstance(value, dict):
        links = value.get("Links")
        yield from (url for url in links.values() if url) if isinstance(links, dict) else ()
        for name, inner in value.items():
            if name != "Links":
                yield from _links(inner)
