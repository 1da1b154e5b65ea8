"""Compares answers with the documented shapes in ``read_side.json`` (see scripts/derive_contract.py)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pi_lakeflow.simulator.world import webid

CONTRACT: dict[str, Any] = json.loads((Path(__file__).parent / "read_side.json").read_text())
ROUTES: dict[str, dict[str, Any]] = CONTRACT["routes"]
OBJECTS: dict[str, dict[str, str]] = CONTRACT["objects"]
OBJECTS["Items[Unit]"] = {**OBJECTS["Items[UnitClass]"], "Items": "[Unit]"}  # missing in the description

# Documented, not served: route -> why.
LEFT_OUT = {
    "/assetdatabases/{webId}/export": "XML for AF's own tools; everything in it is served as JSON elsewhere",
}
# Served by handlers that answer with a WebSocket; tests of channels look at their messages.
SOCKETS = {route for route in ROUTES if route.endswith("/channel")}
# Where real answers are known to differ from the description: the end of a stream is one value, and
# lists are lists.
ANSWERS = {
    "/streamsets/end": "Items[StreamValue]",
    "/streamsets/{webId}/end": "Items[StreamValue]",
    "/unitclasses/{webId}/units": "Items[Unit]",
    "/notificationcontacttemplates/{webId}/notificationcontacttemplates": (
        "Items[NotificationContactTemplate]"
    ),
    "/elementtemplates/{webId}/securityentries/{name}": "SecurityEntry",
}
# The description marks no property as optional. These are there only when they have something to say.
SOMETIMES = {"Errors", "WebException", "Exception", "Object", "Paths"}
# The same for one kind of object: a hierarchical enumeration value has a parent; annotations are asked for.
SOMETIMES_OF = {("EnumerationValue", "Parent"), ("ExtendedTimedValue", "Annotations")}
# Beyond the description: real answers have it (single streams), see the reference's section on streams.
MORE = {("TimedValues", "Links"), ("ExtendedTimedValues", "Links")}
# Documented as an object, answered as null until it is asked for or while there is none.
NULLABLE = {
    ("Attribute", "DataReference"),
    ("TimedValue", "Value"),
    ("TimedValue", "UnitsAbbreviation"),
}
# The indexed search is a plug-in; servers without it have no such link.
OPTIONAL_LINKS = {("LandingLinks", "Search")}
_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def problems(value: Any, kind: str, base: str, where: str = "$") -> Iterator[str]:
    """What about ``value`` is not as documented for the type ``kind``; ``base`` is the server's URL."""
    if kind[:1] == "[":
        if not isinstance(value, list):
            yield f"{where} is no array: {value!r}"
            return
        for number, item in enumerate(value):
            yield from problems(item, kind[1:-1], base, f"{where}[{number}]")
    elif kind[:1] == "{":
        if not isinstance(value, dict):
            yield f"{where} is no object: {value!r}"
            return
        for name, item in value.items():
            yield from problems(item, kind[1:-1], base, f"{where}.{name}")
    elif kind in OBJECTS:
        yield from _object(value, kind, base, where)
    elif kind not in ("any", ""):
        yield from _plain(value, kind, where)


def _object(value: Any, kind: str, base: str, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no {kind}: {value!r}"
        return
    if kind.endswith("Links"):
        yield from _links(value, kind, base, where)
        return
    known = OBJECTS[kind]
    for name, inner in known.items():
        if name in value:
            if value[name] is not None or (kind, name) not in NULLABLE:
                yield from problems(value[name], inner, base, f"{where}.{name}")
        elif name not in SOMETIMES and (kind, name) not in SOMETIMES_OF and not _of_list(kind, name):
            yield f"{where} lacks {kind}.{name}"
    for name in value:
        if name not in known and (kind, name) not in MORE:
            yield f"{where} has {name}, which {kind} does not"


def _of_list(kind: str, name: str) -> bool:
    return kind.startswith("Items[") and name == "Links"


def _links(links: dict[str, Any], kind: str, base: str, where: str) -> Iterator[str]:
    known = {name.rstrip("?"): (path, name.endswith("?")) for name, path in OBJECTS[kind].items()}
    for name, (path, optional) in known.items():
        url = links.get(name)
        if url is None:
            if not optional and (kind, name) not in OPTIONAL_LINKS:
                yield f"{where} lacks the link {kind}.{name}"
        elif not url.startswith(base):
            yield f"{where}.{name} leads elsewhere: {url}"
        elif path and not _pattern(path).fullmatch(urlsplit(url[len(base) :]).path):
            yield f"{where}.{name} does not lead to {path}: {url}"
    for name in links:
        if name not in known:
            yield f"{where} has the link {name}, which {kind} does not"


def _plain(value: Any, kind: str, where: str) -> Iterator[str]:
    name, _, form = kind.partition(":")
    wrong = isinstance(value, bool) and name != "boolean"
    if wrong or not isinstance(value, _PLAIN[name]):
        yield f"{where} is no {kind}: {value!r}"
        return
    try:
        if form == "uuid":
            uuid.UUID(value)
        elif form == "webid":
            webid.parse(value)
        elif form == "date-time":
            _check_time(value)
        elif form == "Duration" and not re.fullmatch(
            r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?([\d.]+S)?)?", value
        ):
            raise ValueError(value)
    except ValueError:
        yield f"{where} is no {kind}: {value!r}"


def _check_time(text: str) -> None:
    """UTC with Z, at most seven digits, no trailing zeros (the reference, section on output)."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{0,6}[1-9])?Z", text)
    if match is None:
        raise ValueError(text)
    datetime.fromisoformat(match[1])


@cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = ("[^/]+" if p.startswith("{") else re.escape(p) for p in path.strip("/").split("/"))
    return re.compile("/" + "/".join(parts), re.IGNORECASE)


def route_of(path: str) -> str:
    """The documented route of a path below the base path, or ``""``."""
    fits = [route for route in ROUTES if _pattern(route).fullmatch(path) and "#" not in route]
    return min(fits, key=lambda route: route.count("{"), default="")
