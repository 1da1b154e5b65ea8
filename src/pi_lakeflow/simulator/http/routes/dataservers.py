"""``/dataservers`` and their points, state sets and licence."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.digitalsets import set_object
from pi_lakeflow.simulator.http.errors import ApiError, not_found, path_not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.tags import DataServer

from .points import points_page

_MODULES = ("PI_SERVER", "PI_SDK", "PI_MODULE_DB", "PI_INTERFACES")


def register(router: Router) -> None:
    router.get("/dataservers")(data_servers)
    router.get("/dataservers/{webId}")(data_server)
    router.get("/dataservers/{webId}/points")(points)
    router.get("/dataservers/{webId}/enumerationsets")(enumeration_sets)
    router.get("/dataservers/{webId}/license")(license_)


async def data_servers(call: Call) -> Reply:
    """A list; with ``name`` or ``path`` a single object."""
    servers = call.sim.world.servers
    if not call.given("name") and not call.given("path"):
        return call.reply({"Links": {}, "Items": [server_object(call, s) for s in servers]})
    for server in servers:
        paths = (server.path, f"\\\\{server.name}", f"\\\\PIServer[{server.name}]")
        if call.text("name").casefold() == server.name.casefold():
            return call.reply(server_object(call, server))
        if call.text("path").casefold() in (path.casefold() for path in paths):
            return call.reply(server_object(call, server))
    raise path_not_found() if call.given("path") else not_found("Data Server")


async def data_server(call: Call) -> Reply:
    return call.reply(server_object(call, server_of(call)))


async def points(call: Call) -> Reply:
    """``nameFilter``, ``sourceFilter``, paging."""
    server = server_of(call)
    start = call.integer("startIndex", 0)
    limits = call.sim.config.limits
    count = call.integer("maxCount", 1000, least=1, limit=limits.max_returned_items)
    none = call.text("sourceFilter", "*") not in ("*", "R")
    return await points_page(
        call, server, call.text("nameFilter") or "*", start=start, count=count, none=none
    )


async def enumeration_sets(call: Call) -> Reply:
    server = server_of(call)
    sets = call.sim.world.sets.values()
    return call.reply({"Links": {}, "Items": [set_object(call, server, s) for s in sets]})


async def license_(call: Call) -> Reply:
    server = server_of(call)
    module = call.required("module")
    if module.upper() not in _MODULES:
        raise ApiError(404, "The specified module was not found.", generic=True)
    parent = f"/dataservers/{quote(server_webid(call, server))}"
    links = {"Self": call.link(f"{parent}/license?module={quote(module)}"), "Parent": call.link(parent)}
    amounts = {"AmountLeft": "999999", "AmountUsed": "1", "TotalAmount": "1000000"}
    return call.reply({**amounts, "Name": module, "Links": links})


def server_of(call: Call) -> DataServer:
    """The data server of the ``webId`` in the path."""
    item = call.parse_webid(call.match["webId"])
    for server in call.sim.world.servers:
        by_path = item.path is not None and item.path.casefold() == f"\\\\{server.name}".casefold()
        if item.marker == webid.DATA_SERVER and (item.server == server.guid or by_path):
            return server
    raise not_found("Data Server")


def server_webid(call: Call, server: DataServer) -> str:
    """The WebId of a data server, of the type that the call asks for."""
    path = f"\\\\{server.name}"
    return webid.mint(call.web_id_type, webid.DATA_SERVER, server=server.guid, path=path)


def server_object(call: Call, server: DataServer) -> dict[str, Any]:
    """A data server as JSON."""
    web_id = server_webid(call, server)
    root = f"/dataservers/{quote(web_id)}"
    return {
        "WebId": web_id,
        "Id": str(server.guid),
        "Name": server.name,
        "Path": server.path,
        "IsConnected": True,
        "ServerVersion": "3.4.440.477",
        "ServerTime": t.to_text(call.now),
        "Links": {
            "Self": call.link(root),
            "Points": call.link(f"{root}/points"),
            "EnumerationSets": call.link(f"{root}/enumerationsets"),
        },
    }
