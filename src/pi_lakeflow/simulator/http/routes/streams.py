"""``/streams/{webId}/...``: one stream at a time."""

from __future__ import annotations

from collections.abc import Sequence

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.recorded import recorded_query
from pi_lakeflow.simulator.http.reply import Reply, encode
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import stream_of
from pi_lakeflow.simulator.http.values import value_style


def register(router: Router) -> None:
    router.get("/streams/{webId}/recorded")(recorded)


async def recorded(call: Call) -> Reply:
    """``{"Links":{},"Items":[...],"UnitsAbbreviation":""}``."""
    stream = stream_of(call, call.match["webId"])
    query = recorded_query(call, stream)
    style = value_style(call.fields, ("items",), annotated=not call.sim.faults.no_annotated)
    text = await call.in_thread(lambda: call.sim.text.recorded(stream, query, style))
    return list_reply(call, stream.units, text.chunks, text.count, wanted=style.wanted)


def list_reply(
    call: Call, units: str, chunks: Sequence[bytes | memoryview], count: int, *, wanted: bool
) -> Reply:
    """The envelope of a single stream's list around rendered rows."""
    parts: list[bytes] = []
    tree = call.fields
    if not tree or "links" in tree:
        parts.append(b'"Links":{}')
    if wanted:
        parts.append(b'"Items":[' + b"".join(chunks) + b"]")
    if not tree or "unitsabbreviation" in tree:
        parts.append(b'"UnitsAbbreviation":' + encode(units))
    return Reply(chunks=(b"{", b",".join(parts), b"}"), events=count)
