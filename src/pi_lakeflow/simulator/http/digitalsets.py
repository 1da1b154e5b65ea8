"""Digital state sets of data servers as JSON."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.states import StateSet
from pi_lakeflow.simulator.world.tags import DataServer

from .call import Call

SET, VALUE = "MSD", "MVD"


def digital_sets(call: Call) -> Iterator[tuple[DataServer, StateSet]]:
    """All sets of all data servers."""
    for server in call.sim.world.servers:
        for states in call.sim.world.sets.values():
            yield server, states


def set_path(server: DataServer, states: StateSet) -> str:
    """``\\\\PIServers[Name]\\EnumerationSets[Set]``."""
    return f"\\\\PIServers[{server.name}]\\EnumerationSets[{states.name}]"


def value_guid(states: StateSet, code: int) -> uuid.UUID:
    """The GUID of a state."""
    return uuid.uuid5(states.guid, str(code))


def set_webid(call: Call, server: DataServer, states: StateSet) -> str:
    """The WebId of a set."""
    path = set_path(server, states)
    return webid.mint(call.web_id_type, SET, server=server.guid, item=states.guid, path=path)


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
        "Path": set_path(server, states),
        "Links": {
            "Self": call.link(root),
            "DataServer": call.link(f"/dataservers/{quote(owner)}"),
            "Values": call.link(f"{root}/enumerationvalues"),
            "Security": call.link(f"{root}/security"),
            "SecurityEntries": call.link(f"{root}/securityentries"),
        },
    }


def value_object(call: Call, server: DataServer, states: StateSet, code: int) -> dict[str, Any]:
    """A digital state as JSON."""
    path = f"{set_path(server, states)}\\{states.states[code]}"
    guid = value_guid(states, code)
    web_id = webid.mint(call.web_id_type, VALUE, server=server.guid, owner=states.guid, item=guid, path=path)
    owner = set_webid(call, server, states)
    return {
        "WebId": web_id,
        "Id": str(guid),
        "Name": states.states[code],
        "Description": "",
        "Value": code,
        "Path": path,
        "Parent": "",
        "Links": {
            "Self": call.link(f"/enumerationvalues/{quote(web_id)}"),
            "EnumerationSet": call.link(f"/enumerationsets/{quote(owner)}"),
        },
    }
