"""Replies onto the connection: headers, and bodies that are cut on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from .answers import packed
from .reply import Reply

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

SERVER = "Microsoft-HTTPAPI/2.0"
_PULSE = 0.05  # seconds between two parts of a body on a slow line


async def send(sim: Simulator, request: web.BaseRequest, reply: Reply) -> tuple[web.Response, int]:
    """The response, and how many bytes its body has."""
    reply = await packed(sim, request.headers, reply)
    body = reply.body
    headers = {"Server": SERVER, "Content-Type": reply.content_type, **reply.headers}
    if reply.status in (204, 304):
        del headers["Content-Type"]
    response = web.Response(status=reply.status, body=body, headers=headers)
    for challenge in reply.challenges:
        response.headers.add("WWW-Authenticate", challenge)
    return response, len(body)


async def send_slowly(
    sim: Simulator, request: web.BaseRequest, reply: Reply, rate: float
) -> web.StreamResponse:
    """The whole reply, its body at ``rate`` bytes per second."""
    reply = await packed(sim, request.headers, reply)
    body, part = reply.body, max(1, round(rate * _PULSE))
    response = web.StreamResponse(status=reply.status)
    response.headers.update({"Server": SERVER, "Content-Type": reply.content_type, **reply.headers})
    response.content_length = len(body)
    await response.prepare(request)
    for start in range(0, len(body), part):
        await asyncio.sleep(_PULSE)
        await response.write(body[start : start + part])
    return response


async def send_cut(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Promise the whole body, send half of it, and hang up."""
    body = reply.body
    response = web.StreamResponse(status=reply.status)
    response.headers.update({"Server": SERVER, "Content-Type": reply.content_type})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
