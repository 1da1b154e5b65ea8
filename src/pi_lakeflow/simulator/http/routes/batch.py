"""``POST /batch``: sub-requests that depend on one another (PI Web API reference, controller Batch)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from pi_lakeflow.simulator.faults import Fault, status_texts
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.dispatch import dispatch
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.jsonpath import BadPath, select
from pi_lakeflow.simulator.http.reply import JSON, Reply, encode, errors_reply, json_reply
from pi_lakeflow.simulator.http.router import Router

_HOLE = re.compile(r"\{(\d+)\}")


class Template(msgspec.Struct, frozen=True):
    """What is sent once for each selected token."""

    Resource: str


class SubRequest(msgspec.Struct, frozen=True):
    """One entry of the body. ``Content`` is a string that holds the body of the sub-request."""

    Method: str = "GET"
    Resource: str | None = None
    RequestTemplate: Template | None = None
    Headers: dict[str, str] = {}
    Content: str | None = None
    ParentIds: list[str] | None = None
    Parameters: list[str] | None = None

    @property
    def parents(self) -> list[str]:
        return self.ParentIds or []

    @property
    def template(self) -> str:
        """The resource before its holes are filled."""
        return self.RequestTemplate.Resource if self.RequestTemplate else self.Resource or ""


@dataclass
class Outcome:
    """The answer to a sub-request; ``content`` is JSON. ``seen`` holds its parents and theirs,
    ``path`` is what was asked for, empty when nothing was sent.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    events: int = 0
    seen: Mapping[str, Outcome] = field(default_factory=dict)
    path: str = ""

    def shown(self) -> dict[str, Any]:
        return {"Status": self.status, "Headers": self.headers, "Content": msgspec.Raw(self.content)}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The same, as JSONPaths see it."""
        content = msgspec.json.decode(self.content)
        return {"Status": self.status, "Headers": self.headers, "Content": content}


def register(router: Router) -> None:
    router.post("/batch")(batch)


async def batch(call: Call) -> Reply:
    """207 with one answer for each id, or 400 when the body is no batch."""
    requests = _parse(call.body)
    tasks: dict[str, asyncio.Task[Outcome]] = {}
    for name in _in_order(requests):
        tasks[name] = asyncio.create_task(_run(call, requests[name], tasks))
    outcomes = dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
    shown = {n: outcomes[n].shown() for n in requests if not _dropped(call, requests[n], outcomes[n])}
    return json_reply(shown, status=207, events=sum(o.events for o in outcomes.values()))


def _parse(body: bytes) -> dict[str, SubRequest]:
    try:
        requests = msgspec.json.decode(body, type=dict[str, SubRequest])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ApiError(400, f"The batch request is not valid: {error}") from None
    for name, request in requests.items():
        if bool(request.Resource) == bool(request.RequestTemplate):
            raise ApiError(400, f"Request '{name}' must have either a Resource or a RequestTemplate.")
        unknown = [parent for parent in request.parents if parent not in requests]
        if unknown:
            raise ApiError(400, f"Request '{name}' names unknown ParentIds: {', '.join(unknown)}.")
    return requests


def _in_order(requests: Mapping[str, SubRequest]) -> list[str]:
    """Parents first; a circle is refused."""
    done: dict[str, None] = {}
    left = list(requests)
    while left:
        ready = [name for name in left if all(parent in done for parent in requests[name].parents)]
        if not ready:
            raise ApiError(400, "The ParentIds of the batch request form a circle.")
        done.update(dict.fromkeys(ready))
        left = [name for name in left if name not in done]
    return list(done)


def _dropped(call: Call, request: SubRequest, outcome: Outcome) -> bool:
    path = outcome.path or call.sub_call(request.Method, request.template, {}, b"").path
    faults = call.sim.faults
    return bool(faults.strike(path, ("drop_child",)) or faults.strike(path, ("drop_child",), batch=True))


async def _run(call: Call, request: SubRequest, tasks: Mapping[str, asyncio.Task[Outcome]]) -> Outcome:
    parents = {name: await tasks[name] for name in request.parents}
    seen = {n: o for parent in parents.values() for n, o in parent.seen.items()} | parents
    outcome = await _after_parents(call, request, parents, seen)
    outcome.seen = seen
    return outcome


async def _after_parents(
    call: Call, request: SubRequest, parents: Mapping[str, Outcome], seen: Mapping[str, Outcome]
) -> Outcome:
    failed = [name for name, outcome in parents.items() if outcome.status >= 400]
    if failed:
        text = f"The following ParentIds did not complete successfully: {', '.join(failed)}."
        return Outcome(409, encode(text))
    document = {name: outcome.document for name, outcome in seen.items()}
    resource, paths = request.template, request.Parameters or []
    try:
        found = {path: select(document, path) for path in (*paths, *_path_in(resource))}
    except BadPath as error:
        return Outcome(400, encode(f"The JSON path '{error}' is not valid."))
    empty = [path for path, tokens in found.items() if not tokens]
    if empty:
        return Outcome(400, encode(f"Some JSON paths did not select any tokens: {', '.join(empty)}"))
    if _path_in(resource):
        resource = _text(found[resource][0])
    columns = [found[path] for path in paths]
    if request.RequestTemplate is None:
        return await _send(call, request, resource, [column[0] for column in columns])
    return await _each(call, request, resource, columns)


async def _each(call: Call, request: SubRequest, resource: str, columns: Sequence[list[Any]]) -> Outcome:
    """A template: as many requests as the longest selection; a single token serves all of them."""
    count = max((len(column) for column in columns), default=1)
    if any(len(column) not in (1, count) for column in columns):
        return Outcome(400, encode("The JSON paths selected different numbers of tokens."))
    rows = [[column[place % len(column)] for column in columns] for place in range(count)]
    outcomes = await asyncio.gather(*(_send(call, request, resource, row) for row in rows))
    content = encode({"Total": count, "Items": [outcome.shown() for outcome in outcomes]})
    events = sum(outcome.events for outcome in outcomes)
    return Outcome(207, content, events=events, path=outcomes[0].path)


async def _send(call: Call, request: SubRequest, resource: str, tokens: Sequence[Any]) -> Outcome:
    """One sub-request, as if it had come alone."""
    body = _fill(request.Content or "", tokens).encode()
    headers = {**call.headers, **request.Headers}
    sub = call.sub_call(request.Method, _fill(resource, tokens), headers, body)
    reply = await _struck(sub) or _throttled(sub)
    if reply is None:
        answer, _ = await dispatch(sub)
        if not isinstance(answer, Reply):
            return Outcome(400, encode("The request cannot be part of a batch."))
        reply = answer
    headers = {**reply.headers, "Content-Type": reply.content_type} if reply.chunks else reply.headers
    return Outcome(reply.status, _content(reply), headers, reply.events, path=sub.path)


async def _struck(sub: Call) -> Reply | None:
    """What a fault that is meant for sub-requests answers."""
    for fault in sub.sim.faults.strike(sub.path, ("latency", "status"), batch=True):
        if fault.kind == "status":
            return _failure(fault)
        await asyncio.sleep(fault.seconds)
    return None


def _failure(fault: Fault) -> Reply:
    reply = errors_reply(fault.status, [status_texts(fault)])
    if fault.retry_after is not None:
        reply.headers["Retry-After"] = f"{fault.retry_after:g}"
    return reply


def _throttled(sub: Call) -> Reply | None:
    """Whether sub-requests count against the rate limit is not documented; the configuration says."""
    if not sub.sim.config.batch_counts_against_rate or sub.sim.rate_limit.admit(sub.client):
        return None
    return errors_reply(429, ["Rate limit was reached"])


def _content(reply: Reply) -> bytes:
    if reply.content_type == JSON:
        return reply.body or b'""'
    return encode(reply.body.decode(errors="replace"))


def _path_in(resource: str) -> tuple[str, ...]:
    return (resource,) if resource.startswith("$") else ()


def _fill(text: str, tokens: Sequence[Any]) -> str:
    """``{0}``, ``{1}``, ...; a hole without a parameter stays."""

    def hole(match: re.Match[str]) -> str:
        number = int(match[1])
        return _text(tokens[number]) if number < len(tokens) else match[0]

    return _HOLE.sub(hole, text)


def _text(token: Any) -> str:
    return token if isinstance(token, str) else encode(token).decode()
