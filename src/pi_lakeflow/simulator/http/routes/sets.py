"""Digital state sets of data servers: ``/enumerationsets``."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import not_found, path_not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.states import StateSet
from pi_lakeflow.simulator.world.tags import DataServer

_SET, _VALUE = "MSD", "MVD"


def register(router: Router) -> None:
    router.get("/enumerationsets")(by_path)
    router.get("/enumerationsets/{webId}")(by_id)
    router.get("/enumerationsets/{webId}/enumerationvalues")(values)
    router.get("/enumerationvalues/{webId}")(value)


async def by_path(call: Call) -> Reply:
    wanted = call.required("path").casefold()
    for server in call.sim.world.servers:
        for states in call.sim.world.sets.values():
            if _path(server, states).casefold() == wanted:
                return call.reply(set_object(call, server, states))
    raise path_not_found()


async def by_id(call: Call) -> Reply:
    return call.reply(set_object(call, *_find(call)))


async def values(call: Call) -> Reply:
    server, states = _find(call)
    items = [_value_object(call, server, states, code) for code in range(len(states.states))]
    return call.reply({"Links": {}, "Items": items})


async def value(call: Call) -> Reply:
    item = call.parse_webid(call.match["webId"])
    for server in call.sim.world.servers:
        for states in call.sim.world.sets.values():
            for code in range(len(states.states)):
                if item.server == server.guid and item.object == _value_guid(states, code):
                    return call.reply(_value_object(call, server, states, code))
    raise not_found("Enumeration Value")


def _path(server: DataServer, states: StateSet) -> str:
    return f"\\\\PIServers[{server.name}]\\EnumerationSets[{states.name}]"


def _find(call: Call) -> tuple[DataServer, StateSet]:
    item = call.parse_webid(call.match["webId"])
    for server in call.sim.world.servers:
        for states in call.sim.world.sets.values():
            here = item.server in (None, server.guid) and item.object == states.guid
            if here or (item.path or "").casefold() == _path(server, states).casefold():
                return server, states
    raise not_found("Enumeration Set")


def set_webid(call: Call, server: DataServer, states: StateSet) -> str:
    """The WebId of a set."""
    return webid.mint(
        call.web_id_type, _SET, server=server.guid, item=states.guid, path=_path(server, states)
    )


def set_object(call: Call, server: DataServer, states: StateSet) -> dict[str, Any]:
    """A digital set as JSON, without its values."""
    web_id = set_webid(call, server, states)
    root = f"/enumerationsets/{quote(web_id)}"
    owner = webid.mint(call.web_id_type, webid.DATA_SERVER, server=server.guid, path=f"\\\\{server.name}")
    return {
        "WebId": web_id,
        "Id": str(states.guid),
        "Name": states.name,
        "Description": "",
        "Path": _path(server, states),
        "Links": {
            "Self": call.link(root),
            "DataServer": call.link(f"/dataservers/{quote(owner)}"),
            "Values": call.link(f"{root}/enumerationvalues"),
            "Security": call.link(f"{root}/security"),
            "SecurityEntries": call.link(f"{root}/securityentries"),
        },
    }


def _value_guid(states: StateSet, code: int) -> uuid.UUID:
    return uuid.uuid5(states.guid, str(code))


def _value_object(call: Call, server: DataServer, states: StateSet, code: int) -> dict[str, Any]:
    path = f"{_path(server, states)}\\{states.states[code]}"
    web_id = webid.mint(
        call.web_id_type,
        _VALUE,
        server=server.guid,
        owner=states.guid,
        item=_value_guid(states, code),
        path=path,
    )
    owner = set_webid(call, server, states)
    return {
        "WebId": web_id,
        "Id": str(_value_guid(states, code)),
        "Name": states.states[code],
        "Description": "",
        "Value": code,
        "Path": path,
        "Links": {
            "Self": call.link(f"/enumerationvalues/{quote(web_id)}"),
            "EnumerationSet": call.link(f"/enumerationsets/{quote(owner)}"),
        },
    }
