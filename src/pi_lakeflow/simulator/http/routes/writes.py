"""Writes of values: to one stream, and to several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import stream_of, streams_of_set
from pi_lakeflow.simulator.http.writing import BUFFERING, OPTIONS, Written, write
from pi_lakeflow.simulator.world.ticks import to_text


def register(router: Router) -> None:
    for method in ("POST", "PUT"):
        router.on(method, "/streams/{webId}/value")(value)
        router.on(method, "/streams/{webId}/recorded")(recorded)
        for root in ("/streamsets", "/streamsets/{webId}"):
            router.on(method, f"{root}/value")(set_value)
            router.on(method, f"{root}/recorded")(set_recorded)


async def value(call: Call) -> Reply:
    """One TimedValue; 202 when it may still wait in a buffer, 204 when it is in the archive."""
    web_id = call.match["webId"]
    stream = stream_of(call, web_id)
    written = write(call, stream, [_body(call, dict[str, Any])], _option(call))[0]
    if written.error is not None:
        raise written.error
    query = urlencode({"time": to_text(written.ticks)})
    status = 202 if _buffering(call) == "Buffer" else 204
    return Reply(status, (), {"Location": call.link(f"/streams/{quote(web_id)}/value?{query}")})


async def recorded(call: Call) -> Reply:
    """Several TimedValues; 204 when all were written, 207 with a status for each otherwise."""
    _buffering(call)
    results = write(call, stream_of(call, call.match["webId"]), _body(call, list[Any]), _option(call))
    if any(result.error for result in results):
        return call.reply(_items([_substatus(call, result) for result in results]), status=207)
    return Reply(204)


async def set_value(call: Call) -> Reply:
    """One TimedValue for each of several streams: ``[{"WebId", "Value": {...}}]``."""
    results = [result for item in _members(call) for result in _written(call, item, [item.get("Value")])]
    return _set_reply(call, [_substatus(call, result) for result in results])


async def set_recorded(call: Call) -> Reply:
    """Several TimedValues for each of several streams: ``[{"WebId", "Items": [{...}]}]``."""
    statuses = []
    for item in _members(call):
        values = item.get("Items")
        results = _written(call, item, values if isinstance(values, list) else [None])
        statuses.append(_items([_substatus(call, result) for result in results]))
    return _set_reply(call, statuses)


def _members(call: Call) -> list[dict[str, Any]]:
    _buffering(call)
    members: list[dict[str, Any]] = _body(call, list[dict[str, Any]])
    return members


def _written(call: Call, item: dict[str, Any], values: Sequence[Any]) -> list[Written]:
    try:
        web_id = str(item.get("WebId", ""))
        stream = stream_of(call, web_id)
        if "webId" in call.match:
            inside = {s.path for s in streams_of_set(call, call.match["webId"])}
            if stream.path not in inside:
                raise ApiError(400, "The stream does not belong to the specified element.", generic=True)
        return write(call, stream, values, _option(call))
    except ApiError as error:
        return [Written(error=error)] * len(values)


def _body(call: Call, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.MsgspecError as error:
        raise ApiError(400, f"The request body is malformed: {error}") from None


def _option(call: Call) -> str:
    return call.choice("updateOption", OPTIONS, "Replace")


def _buffering(call: Call) -> str:
    return call.choice("bufferOption", BUFFERING, "BufferIfPossible")


def _substatus(call: Call, result: Written) -> dict[str, Any]:
    if result.error is None:
        return {"Substatus": 204, "Message": ""}
    texts = result.error.bodies(debug=call.sim.config.debug_mode)
    return {"Substatus": result.error.status, "Message": "; ".join(texts)}


def _items(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Links": {}, "Items": items}


def _set_reply(call: Call, items: list[dict[str, Any]]) -> Reply:
    flat = [leaf for item in items for leaf in item.get("Items", [item])]
    failed = any(leaf["Substatus"] >= 400 for leaf in flat)
    return call.reply(_items(items), status=207 if failed else 200)
