"""Channels of a stream, of an element's streams, and of any streams."""

from __future__ import annotations

from aiohttp import web

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.envelopes import entries_of
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import Stream, stream_of, unsupported
from pi_lakeflow.simulator.world.ticks import to_text


def register(router: Router) -> None:
    router.get("/streams/{webId}/channel")(one)
    router.get("/streamsets/channel")(several)
    router.get("/streamsets/{webId}/channel")(several)
    router.get("/channels/instances")(instances)


async def one(call: Call) -> web.StreamResponse:
    """A channel of one stream; its messages are those of a set of one."""
    return await _serve(call, [stream_of(call, call.match["webId"])])


async def several(call: Call) -> web.StreamResponse:
    """A channel of the streams that the URL names; a stream that fails now has nothing to tell."""
    return await _serve(call, [entry.stream for entry in entries_of(call) if entry.failure is None])


async def instances(call: Call) -> Reply:
    """The open channels."""
    items = [
        {
            "Id": f"{call.sim.instance.hex[:20]}{channel.number:012d}",
            "StartTime": to_text(channel.started),
            "LastMessageSentTime": to_text(channel.last_sent),
            "SentMessageCount": channel.messages,
        }
        for channel in call.sim.channels.instances()
    ]
    return call.reply({"Links": {}, "Items": items})


async def _serve(call: Call, streams: list[Stream]) -> web.StreamResponse:
    call.flag("includeInitialValues")
    call.integer("heartbeatRate", 0, least=-1 << 31)
    streams = [stream for stream in streams if stream.tag is not None]  # others never have news
    tags = [stream.tag for stream in streams if stream.tag is not None]
    if not streams:
        raise unsupported()
    if call.raw is None or not web.WebSocketResponse().can_prepare(call.raw).ok:
        raise ApiError(400, "The request is not a WebSocket request.", generic=True)
    return await call.sim.channels.serve(call, call.raw, streams, tags)
