"""``/streamsets``: several streams in one call, ad hoc or of an element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pi_lakeflow.simulator.faults import TagFault
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, over_limit
from pi_lakeflow.simulator.http.fields import Tree, prune
from pi_lakeflow.simulator.http.recorded import recorded_query
from pi_lakeflow.simulator.http.reply import Reply, encode
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import Stream, stream_of, streams_of_set
from pi_lakeflow.simulator.http.values import ValueStyle, value_style


def register(router: Router) -> None:
    router.get("/streamsets/recorded")(recorded)
    router.get("/streamsets/{webId}/recorded")(recorded)


def selected_streams(call: Call) -> list[Stream | tuple[Stream, TagFault]]:
    """The streams of the call, in order. An id that cannot be resolved fails the whole call; other
    failures stay with their stream.
    """
    if "webId" in call.match:
        return list(streams_of_set(call, call.match["webId"]))
    ids = call.texts("webId")
    if not ids:
        raise ApiError(400, "The 'webId' parameter is required.")
    return sort_streams(call, [_resolved(call, text) for text in ids])


def _resolved(call: Call, text: str) -> Stream | tuple[Stream, TagFault]:
    try:
        return stream_of(call, text)
    except TagFault as fault:
        if fault.whole_call:
            raise
        with call.sim.faults.off():
            return stream_of(call, text), fault


def sort_streams(call: Call, streams: list[Any]) -> list[Any]:
    """``sortField=Name`` is the only order that streamsets know."""
    if call.text("sortField").casefold() != "name":
        return streams
    reverse = call.text("sortOrder").casefold() == "descending"
    return sorted(
        streams, key=lambda s: (s[0] if isinstance(s, tuple) else s).name.casefold(), reverse=reverse
    )


async def recorded(call: Call) -> Reply:
    """Rows of each stream, ``maxCount`` of each."""
    entries = selected_streams(call)
    query = recorded_query(call)
    style = value_style(call.fields, ("items", "items"), annotated=not call.sim.faults.no_annotated)
    return await call.in_thread(lambda: _recorded(call, entries, query, style))


def _recorded(call: Call, entries: Sequence[Any], query: Any, style: ValueStyle) -> Reply:
    limits = call.sim.config.limits
    parts: list[Any] = []
    total = 0
    for entry in entries:
        stream, fault = entry if isinstance(entry, tuple) else (entry, None)
        head, tail = stream_envelope(call, stream)
        if fault is not None:
            tail = {**tail, "Errors": [{"FieldName": "Items", "Message": list(fault.texts)}]}
            parts.append(_item(head, (), tail, style))
            continue
        text = call.sim.text.recorded(stream, query, style)
        total += text.count
        if limits.items_limit_on_sum and total > limits.max_returned_items:
            raise over_limit("maxCount", limits.max_returned_items)
        parts.append(_item(head, text.chunks, tail, style))
    return set_reply(call, parts, total)


def _item(head: dict[str, Any], chunks: Sequence[Any], tail: dict[str, Any], style: ValueStyle) -> list[Any]:
    """One stream's object as pieces of bytes."""
    opened = encode(head)[:-1]
    pieces: list[Any] = [opened]
    if style.wanted:
        pieces.append(b',"Items":[' if head else b'"Items":[')
        pieces += chunks
        pieces.append(b"]")
    if tail:
        comma = b"," if head or style.wanted else b""
        pieces.append(comma + encode(tail)[1:])
    else:
        pieces.append(b"}")
    return pieces


def stream_envelope(call: Call, stream: Stream) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands around a stream's values, after the selection."""
    tree: Tree | None = (call.fields or {}).get("items", None if not call.fields else _NOTHING)
    web_id = stream.web_id(call.web_id_type)
    head = {
        "WebId": web_id,
        "Name": stream.name,
        "Path": stream.path,
        "Links": {"Source": call.link(stream.source(web_id))},
    }
    return prune(head, tree), prune({"UnitsAbbreviation": stream.units}, tree)


_NOTHING: Tree = {"\x00": {}}


def set_reply(call: Call, parts: Sequence[Sequence[Any]], total: int) -> Reply:
    """The envelope of a streamset around its items."""
    tree = call.fields
    chunks: list[Any] = [b"{"]
    links = not tree or "links" in tree
    if links:
        chunks.append(b'"Links":{}')
    if not tree or "items" in tree:
        chunks.append(b',"Items":[' if links else b'"Items":[')
        for number, part in enumerate(parts):
            if number:
                chunks.append(b",")
            chunks += part
        chunks.append(b"]")
    chunks.append(b"}")
    return Reply(chunks=(b"".join(chunks),), events=total)
