"""``/calculation``: performance equations over points and attributes."""

from __future__ import annotations

from collections.abc import Sequence

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.computed import Computed, evaluate, member_times, range_of
from pi_lakeflow.simulator.http.envelopes import list_reply
from pi_lakeflow.simulator.http.errors import ApiError, not_found, over_limit
from pi_lakeflow.simulator.http.expressions import Expression, parse_expression
from pi_lakeflow.simulator.http.functions import Tag
from pi_lakeflow.simulator.http.reads import grid, times_of
from pi_lakeflow.simulator.http.recorded import time_range
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import RESOLVERS, SET_RESOLVERS, PointStream, Stream, unsupported
from pi_lakeflow.simulator.http.summaries import summaries
from pi_lakeflow.simulator.http.timeparse import BadTime, parse_time
from pi_lakeflow.simulator.http.values import value_style
from pi_lakeflow.simulator.world import UnknownTag, webid
from pi_lakeflow.simulator.world.events import Events


def register(router: Router) -> None:
    router.get("/calculation/recorded")(recorded)
    router.get("/calculation/intervals")(intervals)
    router.get("/calculation/times")(times)
    router.get("/calculation/summary")(summary)


async def recorded(call: Call) -> Reply:
    """At each event of a stream that the expression names."""
    expression = _expression(call)
    first, last, reverse = time_range(call, _ranged(expression))
    moments = member_times(expression, first, last)
    return await _list(call, expression, moments[::-1] if reverse else moments)


async def intervals(call: Call) -> Reply:
    """At every ``sampleInterval``, an hour by default as for interpolated values."""
    expression = _expression(call)
    return await _list(call, expression, grid(call, _ranged(expression), name="sampleInterval"))


async def times(call: Call) -> Reply:
    """At given times."""
    return await _list(call, _expression(call), times_of(call))


async def summary(call: Call) -> Reply:
    """Statistics of the values at the events of the members, or at every ``sampleInterval``."""
    expression = _expression(call)
    first, last, _ = time_range(call, _ranged(expression))
    if call.text("sampleType").casefold() == "interval":
        moments = sorted(grid(call, _ranged(expression), name="sampleInterval"))
    else:
        moments = sorted({first, last, *member_times(expression, first, last)})

    def work() -> Reply:
        items = summaries(call, _evaluated(call, expression, moments))
        return call.reply({"Links": {}, "Items": items}, events=len(moments))

    return await call.in_thread(work)


async def _list(call: Call, expression: Expression, moments: Sequence[int]) -> Reply:
    style = value_style(call.fields, ("items",), annotated=call.sim.annotated)

    def work() -> Reply:
        stream = _evaluated(call, expression, moments)
        return list_reply(call, stream, call.sim.text.rows(stream, stream.events, style), style)

    return await call.in_thread(work)


def _evaluated(call: Call, expression: Expression, moments: Sequence[int]) -> Computed:
    limit = call.sim.config.limits.max_returned_items
    if len(moments) > limit:
        raise over_limit("timeRange / intervals", limit)
    return evaluate(expression, moments, now=call.now, zone=call.zone)


def _ranged(expression: Expression) -> Computed:
    """A stream that only knows the default range."""
    return Computed(Events.empty(), {}, default_range=range_of(expression))


def _expression(call: Call) -> Expression:
    text = call.required("expression")
    target = call.parse_webid(call.text("webId")) if call.given("webId") else None
    if target is not None:
        _check_target(call, target)
    return parse_expression(text, lambda name: _named(call, target, name))


def _check_target(call: Call, target: webid.WebId) -> None:
    known = target.marker == webid.DATA_SERVER or target.kind in (*RESOLVERS, *SET_RESOLVERS, "RD")
    if not known:
        raise unsupported()
    if target.marker == webid.DATA_SERVER and _server_number(call, target) is None:
        raise not_found("Data Server")


def _server_number(call: Call, target: webid.WebId) -> int | None:
    for server in call.sim.world.servers:
        by_path = (target.path or "").casefold() == f"\\\\{server.name}".casefold()
        if target.server == server.guid or (target.server is None and by_path):
            return server.number
    return None


def _named(call: Call, target: webid.WebId | None, name: str) -> Tag | None:
    """An attribute of the target, a point of the target or of the first data server; None for a time."""
    for find in (_of_target, _point):
        stream = find(call, target, name)
        if stream is not None:
            return Tag(stream)
    try:
        parse_time(name, now=call.now, zone=call.zone)
    except BadTime:
        raise ApiError(400, f"'{name}' in the expression was not found.", generic=True) from None
    return None


def _of_target(call: Call, target: webid.WebId | None, name: str) -> Stream | None:
    if target is None or target.marker == webid.DATA_SERVER:
        return None
    if name == "." and target.kind in RESOLVERS:
        return RESOLVERS[target.kind](call, target)
    if target.kind not in SET_RESOLVERS:
        return None
    wanted = name.rpartition("|")[2].casefold()
    streams = SET_RESOLVERS[target.kind](call, target)
    return next((s for s in streams if s.name.casefold() == wanted), None)


def _point(call: Call, target: webid.WebId | None, name: str) -> Stream | None:
    world = call.sim.world
    number = 0
    if target is not None and target.marker == webid.DATA_SERVER:
        number = _server_number(call, target) or 0
    try:
        tag = world.by_path(name) if name.startswith("\\\\") else world.by_name(name, number)
    except UnknownTag:
        return None
    call.sim.faults.check_tag(tag, call.path)
    if tag.kind == "blob":
        raise ApiError(501, "The value type is not supported.", generic=True)
    return PointStream(world, tag)
