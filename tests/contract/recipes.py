"""How to ask for what no link leads to: one or more URLs for each documented route."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

from shapes import ROUTES
from walk import Walk

ACCOUNT = "PLANT\\operator"
_SPAN = {"startTime": "*-40d", "endTime": "*+1d"}
# Required parameters; ``path`` and WebIds come from the walk.
_REQUIRED: dict[str, Any] = {
    "field": "Name",
    "category": "all",
    "module": "PI_SERVER",
    "securityItem": "Default",
    "time": "*-1h",
    "userIdentity": ACCOUNT,
}
# Beyond what is required, so that there is something to see.
_MORE: dict[str, dict[str, Any]] = {
    "/assetdatabases/{webId}/eventframes": _SPAN,
    "/assetdatabases/{webId}/eventframeattributes": {"startTime": "*-3d", "maxCount": 20},
    "/assetdatabases/{webId}/elements": {"searchFullHierarchy": "true", "associations": "Paths"},
    "/assetdatabases/{webId}/elementattributes": {"searchFullHierarchy": "true", "maxCount": 20},
    "/elements/{webId}/elementattributes": {"searchFullHierarchy": "true", "maxCount": 20},
    "/elements/{webId}/attributes": {"searchFullHierarchy": "true", "associations": "DataReference"},
    "/elements/{webId}/eventframes": _SPAN,
    "/eventframes/{webId}/eventframeattributes": _SPAN,
    "/eventframes/{webId}/eventframes": _SPAN,
    "/eventframes/search": {"query": "Start:>*-40d"},
    "/eventframes/searchbyattribute/{searchId}": {**_SPAN, "searchFullHierarchy": "true"},
}
# Searches by value: the template, its attribute, a value that some have more than
_SEARCHES = {"elements": ("Pump", "Rated Speed", 1000.0), "eventframes": ("Limit Alarm", "Limit", 0.1)}
_NAMES = {
    "/points/{webId}/attributes/{name}": ["descriptor", "pointtype"],
    "/attributetraits/{name}": ["LimitHi", "Forecast", "LocationLatitude"],
}


_ANNOTATION = "/eventframes/{webId}/annotations/{id}"
# Routes for some objects only
_FITTING: dict[str, Callable[[dict[str, Any], Walk], bool]] = {
    "/eventframes/{webId}/annotations": lambda item, _: item["IsAnnotated"],
    "/elementtemplates/{webId}/notificationruletemplates": lambda item, _: item["Name"] == "Equipment",
    "/attributes/{webId}/value": lambda item, _: not item["DataReferencePlugIn"],
    "/elementtemplates/{webId}/derivedelementtemplates": lambda item, walk: (
        item["Name"] in {other["BaseTemplate"] for other in walk.objects["elementtemplates"].values()}
    ),
}


def urls(route: str, walk: Walk) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths and queries that ask for ``route``."""
    pattern = route.partition("#")[0]
    controller = pattern.strip("/").split("/")[0].casefold()
    for values in _path_values(pattern, controller, walk):
        path = pattern
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        for query in _queries(route, controller, walk):
            yield path, query


def _path_values(pattern: str, controller: str, walk: Walk) -> Iterator[dict[str, str]]:
    if pattern.startswith(_ANNOTATION):
        yield from _annotations(walk, attached="attachment" in pattern)
        return
    names = [part[1:-1] for part in pattern.split("/") if part.startswith("{")]
    choices = [_choices(name, pattern, controller, walk) for name in names]
    for values in product(*choices):
        yield dict(zip(names, values, strict=True))


def _annotations(walk: Walk, *, attached: bool) -> Iterator[dict[str, str]]:
    """Frames with their annotations, or with those that have a file."""
    for frame in walk.objects["eventframes"].values():
        if frame["IsAnnotated"]:
            for note in walk.fetch(frame["Links"]["Annotations"]).body["Items"]:
                if not attached or "MediaMetadata" in note["Links"]:
                    yield {"webId": frame["WebId"], "id": note["Id"]}


def _choices(name: str, pattern: str, controller: str, walk: Walk) -> list[str]:
    if name == "webId" and controller == "streams":
        return _streams(walk)
    if pattern in _FITTING:
        fits = _FITTING[pattern]
        return [key for key, item in walk.objects[controller].items() if fits(item, walk)][:6]
    if name == "webId":
        source = "elements" if controller == "streamsets" else controller
        return [item["WebId"] for item in walk.some(source)]
    if "securityentries" in pattern:
        return ["Administrators"]
    return {"key": ["DebugMode"], "name": _NAMES.get(pattern, ["?"])}.get(name) or _made(name, walk, pattern)


def _streams(walk: Walk, count: int = 6) -> list[str]:
    """Numeric points, and attributes that refer to points: all verbs fit them."""
    points = [
        p["WebId"] for p in walk.objects["points"].values() if p["PointType"].startswith(("Float", "Int"))
    ]
    known = walk.objects["attributes"].values()
    attributes = [
        a["WebId"]
        for a in known
        if a["DataReferencePlugIn"] == "PI Point" and a["Type"] in ("Double", "Single")
    ]
    return points[:count] + attributes[:count]


def _made(name: str, walk: Walk, pattern: str) -> list[str]:
    """Identifiers that another request has to make first."""
    if name == "marker":
        points = _streams(walk, 2)
        return [
            walk.fetch(f"{walk.base}/streams/{point}/updates", "POST").body["LatestMarker"]
            for point in points
        ]
    if name == "searchId":
        owner = pattern.split("/")[1]
        databases = [item["WebId"] for item in walk.some("assetdatabases")]
        lists = [walk.get(f"/assetdatabases/{database}/elementtemplates").body for database in databases]
        template, attribute, bound = _SEARCHES[owner]
        wanted = next(t for found in lists for t in found["Items"] if t["Name"] == template)
        above = {"AttributeName": attribute, "AttributeValue": bound, "SearchOperator": "GreaterThan"}
        search = {"ElementTemplate": wanted["WebId"], "ValueQueries": [above]}
        made = walk.fetch(f"{walk.base}/{owner}/searchbyattribute?noResults=false", "POST", search)
        return [made.location.rpartition("/")[2]] if made.location else []
    return []


def _queries(route: str, controller: str, walk: Walk) -> Iterator[dict[str, Any]]:
    needed = [name[:-1] for name in ROUTES[route]["parameters"] if name.endswith("!")]
    known = {name: _REQUIRED[name] for name in needed if name in _REQUIRED} | _MORE.get(route, {})
    points = _streams(walk, 3)
    servers = [item["WebId"] for item in walk.some("dataservers", 1)]
    if controller == "calculation":
        yield {**known, "webId": servers, "expression": f"'{walk.some('points', 1)[0]['Name']}' * 2 + 1"}
        return
    if "webId" in needed:
        known["webId"] = points
    if "baseWebId" in needed:
        known |= {"baseWebId": points[0], "subordinateWebId": points[1:]}
    if "marker" in needed:
        known["marker"] = _made("marker", walk, route)
    if route.endswith("/multiple"):
        yield {"webId": [item["WebId"] for item in walk.some(controller)]}
        yield {"path": [item["Path"] for item in walk.some(controller)] + ["\\\\nowhere\\nothing"]}
    elif "path" in needed or "name" in needed:
        what = "Path" if "path" in needed else "Name"
        for item in walk.some(controller):
            yield {**known, what.casefold(): item[what]}
    else:
        yield known
