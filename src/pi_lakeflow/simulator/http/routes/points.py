"""``/points``: one, several, found, and their attributes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, over_limit, path_not_found
from pi_lakeflow.simulator.http.multiple import multiple_reply
from pi_lakeflow.simulator.http.pointattributes import attribute_values
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world import UnknownTag, webid
from pi_lakeflow.simulator.world.tags import DataServer, TagDef

_LINKS = {
    "InterpolatedData": "interpolated",
    "RecordedData": "recorded",
    "PlotData": "plot",
    "SummaryData": "summary",
    "Value": "value",
    "EndValue": "end",
}


def register(router: Router) -> None:
    router.get("/points")(by_path)
    router.get("/points/multiple")(multiple)
    router.get("/points/search")(search)
    router.get("/points/{webId}")(by_id)
    router.get("/points/{webId}/attributes")(attributes)
    router.get("/points/{webId}/attributes/{name}")(attribute)


async def by_path(call: Call) -> Reply:
    return call.reply(point_object(call, _tag_at(call, call.required("path"))))


async def by_id(call: Call) -> Reply:
    return call.reply(point_object(call, call.tag(call.match["webId"])))


async def multiple(call: Call) -> Reply:
    """Each entry alone may fail."""
    return multiple_reply(
        call,
        lambda text: point_object(call, call.tag(text)),
        lambda path: point_object(call, _tag_at(call, path)),
    )


async def search(call: Call) -> Reply:
    """``query`` in the syntax of AF SDK point queries: ``Tag:=SIN*``; a bare mask is a name.

    Since PI Web API 2021 SP3; an older server takes ``search`` for a WebId.
    """
    limits = call.sim.config.limits
    count = call.integer("maxCount", limits.search_max_count, least=1)
    if count > limits.search_max_count:
        raise over_limit("maxCount", limits.search_max_count)
    start = call.integer("startIndex", 0)
    server = _server(call, call.text("dataServerWebId"))
    mask = _mask(call)
    return await points_page(call, server, mask or "*", start=start, count=count, none=mask is None)


async def points_page(
    call: Call, server: DataServer, mask: str, *, start: int, count: int, none: bool
) -> Reply:
    """One page of the points whose names match; ``none`` when other conditions leave nothing."""

    def render() -> Reply:
        found, total = ([], 0) if none else _found(call, server, mask, start=start, count=count)
        items = [point_object(call, tag) for tag in found]
        more = start + count < total
        return call.reply(call.page(items, start=start, count=count, more=more, total=total))

    return await call.in_thread(render)


def _server(call: Call, text: str) -> DataServer:
    if not text:
        return call.sim.world.servers[0]
    item = call.parse_webid(text)
    for server in call.sim.world.servers:
        if item.marker == webid.DATA_SERVER and item.server in (None, server.guid):
            return server
    raise ApiError(404, "Data Server not found.", generic=True)


def _mask(call: Call) -> str | None:
    """The name mask of a search, or None when other conditions leave nothing."""
    query = call.text("query").strip()
    name = "*"
    for key, quoted, bare in re.findall(r"(\w+)\s*:=?\s*(?:[\"']([^\"']*)[\"']|(\S+))", query):
        if key.casefold() in ("tag", "name"):
            name = quoted or bare
        elif key.casefold() == "pointsource" and (quoted or bare) not in ("R", "*"):
            return None
    if ":" not in query and query:
        name = query
    wrap = {"contains": "*{}*", "startswith": "{}*", "endswith": "*{}"}
    option = call.text("searchOption").casefold()
    return wrap.get(option, "{}").format(name) if name != "*" else name


async def attributes(call: Call) -> Reply:
    """All, those of ``name`` (400 when one is unknown), or those of ``nameFilter``."""
    tag = call.tag(call.match["webId"])
    known = attribute_values(tag)
    names = [name.casefold() for name in call.texts("name")] or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ApiError(400, f"The specified attribute '{unknown[0]}' was not found.", generic=True)
    mask = mask_pattern(call.text("nameFilter", "*"))
    items = [_attribute(call, tag, name, known[name]) for name in names if mask.fullmatch(name)]
    return call.reply({"Links": {}, "Items": items})


async def attribute(call: Call) -> Reply:
    tag = call.tag(call.match["webId"])
    name = call.match["name"].casefold()
    known = attribute_values(tag)
    if name not in known:
        raise ApiError(404, f"The specified attribute '{name}' was not found.", generic=True)
    return call.reply(_attribute(call, tag, name, known[name]))


def _attribute(call: Call, tag: TagDef, name: str, value: Any) -> dict[str, Any]:
    point = f"/points/{quote(call.sim.world.webid(tag, call.web_id_type))}"
    links = {"Self": call.link(f"{point}/attributes/{name}"), "Point": call.link(point)}
    return {"Name": name, "Value": value, "Links": links}


def _tag_at(call: Call, path: str) -> TagDef:
    if not path.startswith("\\\\"):
        raise ApiError(400, "The specified path is not valid.", generic=True)
    try:
        tag = call.sim.world.by_path(path)
    except UnknownTag:
        raise path_not_found() from None
    call.sim.faults.check_tag(tag, call.path)
    return tag


def mask_pattern(mask: str) -> re.Pattern[str]:
    """A name mask with ``*`` and ``?``, case-insensitive."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in mask)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _found(call: Call, server: DataServer, mask: str, *, start: int, count: int) -> tuple[list[TagDef], int]:
    """The tags of one page, and how many match in all."""
    world = call.sim.world
    if mask == "*" and not world.has_deleted(server.number):
        total = world.size(server.number)
        return [world.tag(i, server.number) for i in range(start, min(start + count, total))], total
    indices = world.matching(server.number, mask, mask_pattern(mask))
    return [world.tag(i, server.number) for i in indices[start : start + count]], len(indices)


def point_object(call: Call, tag: TagDef) -> dict[str, Any]:
    """A PI point as JSON."""
    world = call.sim.world
    web_id = world.webid(tag, call.web_id_type)
    owner = webid.mint(
        call.web_id_type, webid.DATA_SERVER, server=tag.server.guid, path=f"\\\\{tag.server.name}"
    )
    safe = quote(web_id)
    links = {
        "Self": call.link(f"/points/{safe}"),
        "DataServer": call.link(f"/dataservers/{quote(owner)}"),
        "Attributes": call.link(f"/points/{safe}/attributes"),
    }
    links |= {name: call.link(f"/streams/{safe}/{verb}") for name, verb in _LINKS.items()}
    return {
        "WebId": web_id,
        "Id": tag.point_id,
        "Name": tag.name,
        "Path": tag.path,
        "Descriptor": tag.descriptor,
        "PointClass": "classic",
        "PointType": tag.point_type,
        "DigitalSetName": tag.digital_set if tag.point_type == "Digital" else "",
        "EngineeringUnits": tag.units,
        "Span": tag.high - tag.low,
        "Zero": tag.low,
        "Step": tag.step,
        "Future": tag.future,
        "DisplayDigits": -5,
        "Links": links,
    }
