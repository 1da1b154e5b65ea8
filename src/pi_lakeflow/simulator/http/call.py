"""One request as routes see it, whether it came alone or inside a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pi_lakeflow.simulator.world import UnknownTag, webid

from . import errors
from .fields import Tree, parse_fields, prune
from .reply import Reply, json_reply
from .timeparse import BadTime, TimeZone, parse_time, zone_named
from .versions import without_newer

if TYPE_CHECKING:
    from aiohttp import web

    from pi_lakeflow.simulator.simulator import Simulator
    from pi_lakeflow.simulator.world.tags import TagDef

R = TypeVar("R")
_TRUE = {"true": True, "false": False}


@dataclass
class Call:
    """A parsed request. Parameter names are case-insensitive; unknown ones are ignored.

    ``path`` is relative to the base path and still percent-encoded, ``base`` is the
    URL of the base path on the host that the client named, ``raw`` is the connection's request (None
    inside a batch).
    """

    sim: Simulator
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""
    user: str = "anonymous"
    client: str = ""
    raw: web.BaseRequest | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    route: str = ""

    @classmethod
    def query_of(cls, query_string: str) -> list[tuple[str, str]]:
        """Decoded pairs, in order."""
        return parse_qsl(query_string, keep_blank_values=True)

    def sub_call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Call:
        """A request inside a batch: the same user on the same instance, whatever host it names."""
        parts = urlsplit(url)
        root = urlsplit(self.base).path
        path = parts.path[len(root) :] if parts.path.casefold().startswith(root.casefold()) else parts.path
        return replace(
            self,
            method=method.upper(),
            path=path,
            query=self.query_of(parts.query),
            headers=headers,
            body=body,
            raw=None,
            match={},
        )

    @cached_property
    def _parameters(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.query:
            found.setdefault(name.casefold(), []).append(value)
        return found

    def texts(self, name: str) -> list[str]:
        """All values of a repeatable parameter."""
        return self._parameters.get(name.casefold(), [])

    def text(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return (self.texts(name) or [default])[0]

    def given(self, name: str) -> bool:
        return bool(self.texts(name))

    def required(self, name: str) -> str:
        """The value of a parameter that must be there."""
        if not self.text(name):
            raise errors.ApiError(400, f"The '{name}' parameter is required.")
        return self.text(name)

    def integer(self, name: str, default: int, *, least: int = 0, limit: int | None = None) -> int:
        """A whole number; above ``limit`` is the documented 400."""
        text = self.text(name)
        try:
            value = int(text) if text else default
        except ValueError:
            raise errors.ApiError(400, f"The value '{text}' is not valid for parameter '{name}'.") from None
        if value < least:
            raise errors.ApiError(400, f"Parameter '{name}' must be at least {least}.")
        if limit is not None and value > limit:
            raise errors.over_limit(name, limit)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A Boolean in any case."""
        text = self.text(name).casefold()
        if not text:
            return default
        if text not in _TRUE:
            raise errors.ApiError(400, f"The value '{text}' is not valid for parameter '{name}'.")
        return _TRUE[text]

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of some words, in any case, returned in its canonical case."""
        text = self.text(name) or default
        for word in choices:
            if word.casefold() == text.casefold():
                return word
        raise errors.ApiError(400, f"The value '{text}' is not valid for parameter '{name}'.")

    @cached_property
    def zone(self) -> TimeZone:
        """``timeZone``, or the server's."""
        name = self.text("timeZone")
        try:
            return zone_named(name or self.sim.config.time_zone)
        except BadTime as error:
            raise errors.ApiError(400, str(error)) from None

    @cached_property
    def now(self) -> int:
        """One "now" for the whole request, in ticks."""
        return self.sim.world.clock.now()

    def time(self, name: str, default: str = "*") -> int:
        """A PI time in ticks of 100 ns since 1970 UTC."""
        text = self.text(name)
        try:
            return parse_time(text or default, now=self.now, zone=self.zone)
        except BadTime as error:
            raise errors.ApiError(400, str(error)) from None

    @cached_property
    def web_id_type(self) -> str:
        """``webIdType``, or the server's ``WebIDType``."""
        return self.choice(
            "webIdType",
            ("Full", "IDOnly", "PathOnly", "LocalIDOnly", "DefaultIDOnly"),
            self.sim.config.web_id_type,
        )

    @cached_property
    def fields(self) -> Tree | None:
        """``selectedFields``."""
        return parse_fields(self.texts("selectedFields"))

    def reply(self, value: Any, *, status: int = 200, events: int = 0) -> Reply:
        """``value`` as JSON, after ``selectedFields``."""
        value = without_newer(value, self.sim.version)
        return json_reply(prune(value, self.fields), status=status, events=events)

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Run rendering beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.sim.renderer, work)

    def link(self, path: str) -> str:
        """An absolute URL below the base path; ``path`` is already encoded."""
        return self.base + path

    def parse_webid(self, text: str) -> webid.WebId:
        """The parts of an id, or a 400."""
        try:
            return webid.parse(text)
        except webid.BadWebId:
            raise errors.bad_webid() from None

    def tag(self, text: str) -> TagDef:
        """The PI point of a WebId. Faults may make single tags fail."""
        try:
            tag = self.sim.world.by_webid(self.parse_webid(text))
        except UnknownTag:
            raise errors.not_found() from None
        self.sim.faults.check_tag(tag, self.path)
        return tag

    def page(self, items: Sequence[Any], *, start: int, count: int, more: bool, total: int) -> dict[str, Any]:
        """The envelope of a paged list: First and Last always, Next and Previous when they exist."""
        last = max(0, (total - 1) // count * count) if count else 0
        links = {"First": self._page_link(0, count)}
        if start:
            links["Previous"] = self._page_link(max(0, start - count), count)
        if more:
            links["Next"] = self._page_link(start + count, count)
        links["Last"] = self._page_link(last, count)
        return {"Links": links, "Items": list(items)}

    def _page_link(self, start: int, count: int) -> str:
        kept = [(n, v) for n, v in self.query if n.casefold() not in ("startindex", "maxcount")]
        query = urlencode([*kept, ("startIndex", start), ("maxCount", count)], quote_via=quote)
        return f"{self.base}{self.path}?{query}"
