"""The server in front of the routes: limits, faults, authentication, compression."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
import zlib
from typing import TYPE_CHECKING

from aiohttp import web

from pi_lakeflow.simulator.faults import AFTER, BEFORE, Fault, status_texts

from . import pages
from .answers import packed
from .auth import Denied
from .call import Call
from .capacity import Overloaded
from .control import control
from .dispatch import dispatch
from .negotiate import negotiate
from .reply import Reply, encode, errors_reply, message_reply
from .wire import send, send_cut, send_slowly

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

_READS = ("GET", "HEAD", "OPTIONS")
_OPEN_ROUTES = ("/.well-known/openid-configuration", "/connect/token")


class Front:
    """One request handler for all paths."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._base = sim.config.base_path.rstrip("/")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        path, _, query = request.raw_path.partition("?")
        if path.casefold().startswith("/simulator/"):
            return await self._control(request, path)
        if time.monotonic() < self._sim.down_until:
            return _abort(request)
        self._sim.stats.begin(request.transport)
        status, sent, events, route = 0, 0, 0, ""
        try:
            answer, route = await self._answer(request, path, query)
            if isinstance(answer, web.StreamResponse):
                status = answer.status
                return answer
            status, events = answer.status, answer.events
            response, sent = await send(self._sim, request, answer)
            return response
        finally:
            self._sim.stats.end(route, status, sent, events)

    async def _answer(
        self, request: web.BaseRequest, path: str, query: str
    ) -> tuple[Reply | web.StreamResponse, str]:
        refused = self._refused(request, path)
        if refused is not None:
            return refused, "refused"
        inner = path[len(self._base) :] or "/"
        struck = self._sim.faults.strike(inner, BEFORE)
        for fault in struck:
            early = await _before(request, fault)
            if early is not None:
                return early, f"fault {fault.kind}"
        user = await self._user(request, inner)
        if not isinstance(user, str):
            return user, "unauthorized"
        body = await self._body(request)
        if body is None:
            return message_reply(413, "The request body is too large."), "refused"
        call = self._call(request, inner, query, body, user)
        return await self._work(request, call)

    async def _work(self, request: web.BaseRequest, call: Call) -> tuple[Reply | web.StreamResponse, str]:
        if call.path.casefold().endswith("/channel"):
            return await self._dispatch(call)  # lives for hours: no worker waits for it
        try:
            async with self._sim.workers.slot() as slot:
                answer, route = await self._dispatch(call)
                if isinstance(answer, Reply):
                    await slot.work(answer.events, answer.size)
        except Overloaded:
            return _busy(
                503, status_texts(Fault("status", status=503)), self._sim.workers.model.retry_after
            ), "overload"
        if isinstance(answer, web.StreamResponse):
            return answer, route
        for fault in self._sim.faults.strike(call.path, AFTER):
            if fault.kind == "trickle":
                return await send_slowly(self._sim, request, answer, fault.rate), route
            changed = await _after(request, answer, fault)
            if isinstance(changed, web.StreamResponse):
                return changed, route
            answer = changed
        return answer, route

    async def _dispatch(self, call: Call) -> tuple[Reply | web.StreamResponse, str]:
        answers = self._sim.answers
        key = answers.key(call)
        kept = answers.get(key)
        if kept is not None:
            return kept, kept.route
        answer, route = await dispatch(call)
        if key is not None and isinstance(answer, Reply):
            answer = await packed(self._sim, call.headers, answer)
            answer.route = route
            answers.put(key, answer)
        return answer, route

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        """The request's body, or None when it is larger than the server accepts."""
        limit = self._sim.config.limits.max_request_bytes
        if (request.content_length or 0) > limit:
            return None
        body = await request.read()
        return body if len(body) <= limit else None

    def _refused(self, request: web.BaseRequest, path: str) -> Reply | None:
        """What never reaches a controller."""
        inside = path.casefold().startswith(self._base.casefold())
        inner = path[len(self._base) :]
        return (
            self._too_long(request, path)
            or (None if inside and inner[:1] in ("", "/") else pages.not_found())
            or self._too_many(request, inner)
            or self._forged(request, inner)
        )

    def _too_long(self, request: web.BaseRequest, path: str) -> Reply | None:
        limits = self._sim.config.limits
        if any(len(segment) > limits.max_segment for segment in path.split("/")):
            return pages.invalid_url()
        head = len(request.raw_path) + sum(len(k) + len(v) + 4 for k, v in request.raw_headers)
        return pages.too_long() if head > limits.max_request_head else None

    def _too_many(self, request: web.BaseRequest, inner: str) -> Reply | None:
        client = request.remote or ""
        search = inner.casefold().endswith("/search")
        if self._sim.rate_limit.admit(client) and (not search or self._sim.search_limit.admit(client)):
            return None
        return _busy(429, "Rate limit was reached", self._sim.config.limits.rate_limit_retry_after)

    def _forged(self, request: web.BaseRequest, inner: str) -> Reply | None:
        safe = request.method in _READS or "X-Requested-With" in request.headers
        if safe or not self._sim.config.csrf_defense or inner.casefold().endswith(_OPEN_ROUTES):
            return None
        return message_reply(403, "The request is missing the X-Requested-With header.")

    async def _user(self, request: web.BaseRequest, inner: str) -> str | Reply:
        if inner.casefold().endswith(_OPEN_ROUTES):
            return "anonymous"
        expired = self._sim.faults.strike(inner, ("expire_tokens",))
        if expired:
            self._sim.gatekeeper.expire_tokens()
        auth = self._sim.config.auth
        if "negotiate" in auth.methods and "anonymous" not in auth.methods:
            user = negotiate(auth, request)
            if user is not None:
                return user
        admitted = self._sim.gatekeeper.admit(request.headers)
        if isinstance(admitted, Denied):
            reply = message_reply(401, "Authorization has been denied for this request.")
            reply.challenges = admitted.challenges
            return reply
        return admitted

    def _call(self, request: web.BaseRequest, inner: str, query: str, body: bytes, user: str) -> Call:
        return Call(
            sim=self._sim,
            method=request.method,
            path=inner,
            query=Call.query_of(query),
            headers=request.headers,
            body=body,
            base=f"{request.scheme}://{request.host}{self._base}",
            user=user,
            client=request.remote or "",
            raw=request,
        )

    async def _control(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if not _loopback(request.remote):
            return (await send(self._sim, request, message_reply(403, "Loopback only.")))[0]
        reply = await control(self._sim, request.method, path, await request.read())
        return (await send(self._sim, request, reply))[0]


async def _before(request: web.BaseRequest, fault: Fault) -> Reply | web.StreamResponse | None:
    """What a fault answers in place of the route; None goes on."""
    if fault.kind == "latency":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds or 3600)
    if fault.kind in ("stall", "reset"):
        return _abort(request)
    if fault.kind == "gzip_bomb":
        body = await asyncio.to_thread(_bomb, fault.size)
        return Reply(200, (body,), headers={"Content-Encoding": "gzip"})
    return _instead(fault)


def _instead(fault: Fault) -> Reply:
    if fault.kind == "redirect":
        return Reply(302, (b"",), headers={"Location": fault.location})
    if fault.kind == "html":
        return pages.proxy_page()
    return _busy(fault.status, status_texts(fault), fault.retry_after)


async def _after(request: web.BaseRequest, reply: Reply, fault: Fault) -> Reply | web.StreamResponse:
    if fault.kind == "cut_body":
        return await send_cut(request, reply)
    body = reply.body
    if fault.kind == "half_json":
        return Reply(reply.status, (body[: len(body) // 2],), reply.headers, reply.content_type)
    return _broken_off(reply, fault)


def _broken_off(reply: Reply, fault: Fault) -> Reply:
    """An error after the headers were sent: the status is 200, half of the items are missing."""
    value = json.loads(reply.body) if "json" in reply.content_type and reply.body else None
    if not isinstance(value, dict):
        return reply
    if isinstance(value.get("Items"), list):
        value["Items"] = value["Items"][: len(value["Items"]) // 2]
    text = fault.message or "Error occurred during writing of the output stream."
    value["WebException"] = {"StatusCode": 500, "Errors": [text]}
    return Reply(reply.status, (encode(value),), reply.headers, reply.content_type, reply.events)


def _abort(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blank = b" " * 1_000_000
    parts = [packer.compress(b'{"Links":{},"Items":[')]
    parts += [packer.compress(blank) for _ in range(size // len(blank))]
    return b"".join([*parts, packer.compress(b"]}"), packer.flush()])


def _busy(status: int, text: str, retry_after: float | None) -> Reply:
    reply = errors_reply(status, [text])
    if retry_after is not None:
        reply.headers["Retry-After"] = f"{retry_after:g}"
    return reply


def _loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
