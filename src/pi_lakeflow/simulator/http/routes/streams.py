"""``/streams/{webId}/...``: one stream at a time."""

from __future__ import annotations

from collections.abc import Callable

from pi_lakeflow.simulator.http.annotated import annotated_values, wants_annotations
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.envelopes import list_reply
from pi_lakeflow.simulator.http.reads import (
    MODES,
    current_value,
    end_value,
    grid,
    interpolated_at,
    plot,
    recorded_at,
    times_of,
)
from pi_lakeflow.simulator.http.recorded import read_recorded, recorded_query
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.http.streams import Stream, stream_of
from pi_lakeflow.simulator.http.summaries import summaries
from pi_lakeflow.simulator.http.values import value_style
from pi_lakeflow.simulator.world.events import Events, concat

ONE: dict[str, Callable[[Call, Stream], Events]] = {
    "value": current_value,
    "end": end_value,
    "recordedattime": lambda call, stream: recorded_at(
        stream, _required_time(call), call.choice("retrievalMode", MODES, "Auto")
    ),
}
MANY: dict[str, Callable[[Call, Stream], Events]] = {
    "recordedattimes": lambda call, stream: concat(
        [recorded_at(stream, m, call.choice("retrievalMode", MODES, "Auto")) for m in times_of(call)]
    ),
    "interpolated": lambda call, stream: interpolated_at(call, stream, grid(call, stream)),
    "interpolatedattimes": lambda call, stream: interpolated_at(call, stream, times_of(call)),
    "plot": plot,
}


def register(router: Router) -> None:
    router.get("/streams/{webId}/recorded")(recorded)
    router.get("/streams/{webId}/summary")(summary)
    for name in ONE:
        router.get(f"/streams/{{webId}}/{name}")(_one(name))
    for name in MANY:
        router.get(f"/streams/{{webId}}/{name}")(_many(name))


def _required_time(call: Call) -> int:
    call.required("time")
    return call.time("time")


async def recorded(call: Call) -> Reply:
    """``{"Links":{},"Items":[...],"UnitsAbbreviation":""}``."""
    stream = stream_of(call, call.match["webId"])
    stream.check_units(call.text("desiredUnits"))
    query = recorded_query(call, stream)
    if wants_annotations(call):
        values = annotated_values(call, stream, read_recorded(stream, query))
        body = {"Links": {}, "Items": values, "UnitsAbbreviation": stream.units}
        return call.reply(body, events=len(values))
    style = value_style(call.fields, ("items",), annotated=call.sim.annotated)
    text = await call.in_thread(lambda: call.sim.text.recorded(stream, query, style))
    return list_reply(call, stream, text, style)


async def summary(call: Call) -> Reply:
    """One entry for each type and interval."""
    stream = stream_of(call, call.match["webId"])
    items = await call.in_thread(lambda: summaries(call, stream))
    return call.reply({"Links": {}, "Items": items}, events=len(items))


def _one(name: str) -> Handler:
    async def handler(call: Call) -> Reply:
        stream = stream_of(call, call.match["webId"])
        stream.check_units(call.text("desiredUnits"))
        events = await call.in_thread(lambda: ONE[name](call, stream))
        if wants_annotations(call) and name == "recordedattime":
            return call.reply(annotated_values(call, stream, events)[0], events=1)
        return call.reply(call.sim.text.dicts(stream, events)[0], events=1)

    return handler


def _many(name: str) -> Handler:
    async def handler(call: Call) -> Reply:
        stream = stream_of(call, call.match["webId"])
        stream.check_units(call.text("desiredUnits"))
        events = await call.in_thread(lambda: MANY[name](call, stream))
        if wants_annotations(call) and name == "recordedattimes":
            values = annotated_values(call, stream, events)
            return call.reply(
                {"Links": {}, "Items": values, "UnitsAbbreviation": stream.units}, events=len(values)
            )
        style = value_style(call.fields, ("items",), annotated=call.sim.annotated)
        return list_reply(call, stream, call.sim.text.rows(stream, events, style), style)

    return handler
