"""Replies onto the connection: headers, gzip, and bodies that are cut on purpose."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from aiohttp import web
from isal import igzip

from .reply import Reply

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

SERVER = "Microsoft-HTTPAPI/2.0"
_SMALL = 1_024  # smaller bodies are not worth compressing
_INLINE = 100_000  # larger ones are compressed beside the event loop


async def send(sim: Simulator, request: web.BaseRequest, reply: Reply) -> tuple[web.Response, int]:
    """The response, and how many bytes its body has."""
    body = reply.body
    headers = {"Server": SERVER, "Content-Type": reply.content_type, **reply.headers}
    if _wants_gzip(sim, request, reply, len(body)):
        body = await _compressed(sim, request, body)
        headers["Content-Encoding"] = "gzip"
    if reply.status in (204, 304):
        del headers["Content-Type"]
    response = web.Response(status=reply.status, body=body, headers=headers)
    for challenge in reply.challenges:
        response.headers.add("WWW-Authenticate", challenge)
    return response, len(body)


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


def gzip_body(body: bytes, level: int) -> bytes:
    """``body`` as one gzip member."""
    return bytes(igzip.compress(body, min(level, 3)))


def _wants_gzip(sim: Simulator, request: web.BaseRequest, reply: Reply, size: int) -> bool:
    accepts = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    return sim.config.gzip and accepts and size >= _SMALL and "Content-Encoding" not in reply.headers


async def _compressed(sim: Simulator, request: web.BaseRequest, body: bytes) -> bytes:
    level = sim.config.gzip_level
    if len(body) < _INLINE:
        return gzip_body(body, level)
    key = (request.raw_path, len(body), zlib.adler32(body)) if sim.config.gzip_cache_bytes else None
    cached = sim.packed.get(key) if key else None
    if cached is not None:
        return cached
    packed = await asyncio.get_running_loop().run_in_executor(sim.threads, gzip_body, body, level)
    if key:
        sim.packed.put(key, packed)
    return packed
