"""The way to a PI Web API: every request goes through the gate, the retries and the checks.

    connection = Connection("https://server/piwebapi", verify="/etc/ssl/plant.pem")
    async with Transport(connection, make_auth(...), gate, RetryPolicy(), observer) as transport:
        response = await transport.request(
            "GET", "streamsets/recorded", params=[("webId", "I1DP..."), ("startTime", "*-1d")]
        )
        tree = await transport.json("GET", "system")
        next_page = await transport.json("GET", tree["Links"]["Next"])      # same origin, or an error

Signatures::

    Transport(connection: Connection, auth: Auth | None, gate: Gate,
              retry: RetryPolicy = RetryPolicy(), observer: Observer = ignore)
    request(method, path, *, params=(), json=None, headers=None, cap_bytes=None,
            html_ok=False, idempotent=None) -> Response
    json(method, path, *, params=(), json=None, headers=None, cap_bytes=None) -> Any
    socket(path, *, params=(), ping=timedelta(seconds=20)) -> Socket

``path`` is plain text below the root, or an absolute link that the server gave. What raises what
is the table in :mod:`~pi_lakeflow.historians.pi.wire.answers`; a caller sees ``AuthRefused``,
``TlsRefused``, ``SourceUnavailable`` (also after the last retry), ``TooLarge`` and ``Refused``.
"""

from __future__ import annotations

import itertools
import json as plain_json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
from yarl import URL

from pi_lakeflow.errors import AuthRefused, Refused, SourceUnavailable, TooLarge, Transient
from pi_lakeflow.flow.gate import Gate, Slot
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.answers import error_for, not_json, web_exception
from pi_lakeflow.historians.pi.wire.auth import Anonymous, Auth
from pi_lakeflow.historians.pi.wire.connection import MIB, Connection
from pi_lakeflow.historians.pi.wire.exchange import Outgoing, Response, exchange, open_session
from pi_lakeflow.historians.pi.wire.links import Params, encode, join, same_origin
from pi_lakeflow.historians.pi.wire.negotiate import Lanes, Negotiate
from pi_lakeflow.historians.pi.wire.socket import Socket, open_socket
from pi_lakeflow.model.events import Observer, RequestDone, ignore

T = TypeVar("T")

MAX_REDIRECTS = 3

MAX_RENEWALS = 3
"""Of the credentials for one request: a new token may be withdrawn before it is used, or be the one
that another request was given and that is withdrawn meanwhile."""

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Transport:
    """An open way to one server; an async context manager. Not for use on two event loops."""

    def __init__(
        self,
        connection: Connection,
        auth: Auth | None,
        gate: Gate,
        retry: RetryPolicy | None = None,
        observer: Observer = ignore,
    ) -> None:
        self.connection = connection
        self.gate = gate
        self._root = connection.root
        self._auth = auth if auth is not None else Anonymous()
        self._retry = retry if retry is not None else RetryPolicy()
        self._observer = observer
        self._session: aiohttp.ClientSession | None = None
        self._lanes: Lanes | None = None

    async def __aenter__(self) -> Self:
        pool_size = self.connection.pool_size
        self._session = open_session(self.connection, pool_size=pool_size)
        if isinstance(self._auth, Negotiate):
            count = min(pool_size, self.gate.budget.max_in_flight)
            self._lanes = Lanes(self._auth, count, lambda: open_session(self.connection, pool_size=1))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. May be called twice."""
        session, lanes = self._session, self._lanes
        self._session = self._lanes = None
        if lanes is not None:
            await lanes.close()
        if session is not None:
            await session.close()

    async def json(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        json: object = None,
        headers: Mapping[str, str] | None = None,
        cap_bytes: int | None = None,
    ) -> Any:
        """The parsed answer, None for an empty one.

        A failure hidden in a 200 (``WebException``) is tried again like a 5xx, and in the end raises
        ``Refused``: it may be this one object that the server cannot write.
        """
        out = self._outgoing(method, path, list(params), json, headers, cap_bytes)

        def tree_of(answer: Response) -> Any:
            tree = parse_json(answer.body, subject=out.subject) if answer.body else None
            if hidden := web_exception(tree, subject=out.subject):
                raise _HalfWritten(hidden)
            return tree

        try:
            return await self._retried(out, tree_of, idempotent=_may_repeat(method, path))
        except SourceUnavailable as error:
            if isinstance(error.__cause__, _HalfWritten):
                raise error.__cause__.refused from None
            raise

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        json: object = None,
        headers: Mapping[str, str] | None = None,
        cap_bytes: int | None = None,
        html_ok: bool = False,
        idempotent: bool | None = None,
    ) -> Response:
        """One successful (2xx) answer, after retries if need be.

        ``params`` is a sequence of pairs (a key may repeat), ``json`` the body to send,
        ``cap_bytes`` a ceiling for the inflated body below the connection's own. Retried are GET
        and ``POST batch`` unless ``idempotent`` says otherwise.
        """
        out = self._outgoing(method, path, list(params), json, headers, cap_bytes)
        if idempotent is None:
            idempotent = _may_repeat(method, path)
        return await self._retried(out, _whole, idempotent=idempotent, html_ok=html_ok)

    async def socket(
        self, path: str, *, params: Params = (), ping: timedelta = timedelta(seconds=20)
    ) -> Socket:
        """An open channel at ``path``; one attempt, since whoever holds a channel has to come again anyway.

        Raises as ``request`` does, and ``Transient`` and ``Throttled``.
        """
        out = self._outgoing("GET", path, list(params), None, None, None)
        async with self.gate.slot() as slot:
            slot.learn = False  # the server may take its time with a handshake
            for renewal in itertools.count():
                header = await self._auth.authorization(self._root, self._fetcher(slot))
                try:
                    return await open_socket(self, _authorized(out, header), self._auth, slot=slot, ping=ping)
                except AuthRefused:
                    if renewal == MAX_RENEWALS or not await self._auth.renew(header):
                        raise
                await slot.another()
        raise AssertionError("unreachable")

    async def _retried(
        self, out: Outgoing, read: Callable[[Response], T], *, idempotent: bool, html_ok: bool = False
    ) -> T:
        """What ``read`` makes of a successful answer; an answer that it cannot use is asked for again."""
        policy = self._retry if idempotent else replace(self._retry, attempts=1)

        async def attempt(slot: Slot) -> T:
            answer = await self._authenticated(out, slot)
            error = error_for(answer.status, answer.headers, answer.body, subject=out.subject)
            if error is None and not html_ok:
                error = not_json(answer.headers, answer.body, subject=out.subject)
            slot.dropped = answer.status in (408, 429, 502, 503, 504)
            slot.weight = max(1.0, len(answer.body) / 1024)
            if error is not None:
                raise error
            return read(answer)

        return await policy.run(attempt, subject=out.subject, gate=self.gate, observer=self._observer)

    def _outgoing(
        self,
        method: str,
        path: str,
        params: list[tuple[str, Any]],
        json: object,
        headers: Mapping[str, str] | None,
        cap_bytes: int | None,
    ) -> Outgoing:
        if _ABSOLUTE.match(path):
            url = same_origin(self._root, path)
            if params:
                url = URL(f"{url}{'&' if url.raw_query_string else '?'}{encode(params)}", encoded=True)
        else:
            url = join(self._root, path, params)
        subject = _subject(method, url, params)
        if len(str(url)) > self.connection.max_url_length:
            raise TooLarge(
                f"the URL has {len(str(url))} characters, more than {self.connection.max_url_length}",
                subject=subject,
                hint="ask for fewer tags at once, or wrap the request in a batch",
            )
        sent = dict(headers or {})
        if method not in ("GET", "HEAD"):
            sent["X-Requested-With"] = self.connection.user_agent  # CSRF defence: any value will do
        body = None
        if json is not None:
            body = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        cap = min(cap_bytes or self.connection.max_body_bytes, self.connection.max_body_bytes)
        return Outgoing(method, url, sent, body, cap, subject)

    async def _authenticated(self, out: Outgoing, slot: Slot) -> Response:
        """Send; after a 401 again as long as the credentials can be renewed."""
        for renewal in itertools.count():
            header = await self._auth.authorization(self._root, self._fetcher(slot))
            answer = await self._redirected(_authorized(out, header), slot)
            if answer.status != 401 or renewal == MAX_RENEWALS or not await self._auth.renew(header):
                return answer
            await slot.another()
        raise AssertionError("unreachable")

    async def _redirected(self, out: Outgoing, slot: Slot) -> Response:
        """Send, following a GET's redirects as long as they stay on the server."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._send(out, slot)
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None:
                return answer
            target = same_origin(out.url, location)
            if out.method != "GET":
                text = "redirects a request that sends data"
                raise SourceUnavailable(text, subject=out.subject, hint=_USE_URL)
            await slot.another()
            out = replace(out, url=target)
        text = f"redirects more than {MAX_REDIRECTS} times"
        raise SourceUnavailable(text, subject=out.subject, hint=_USE_URL)

    async def _send(self, out: Outgoing, slot: Slot) -> Response:
        cap = min(out.cap, self.connection.wire_cap)
        if self._lanes is not None:
            answer = await self._lanes.send(out, wire_cap=cap, slot=slot)
        else:
            answer = await exchange(self._open(), out, wire_cap=cap, slot=slot)
        self._observer(
            RequestDone(
                out.url.path,
                answer.status,
                answer.elapsed_s,
                answer.wire_bytes,
                len(answer.body),
                answer.first_byte_s,
                answer.inflate_s,
            )
        )
        return answer

    def _fetcher(self, slot: Slot) -> Any:
        """The ``Fetch`` that an ``Auth`` may use: it counts against the rate, and follows nothing."""

        async def fetch(method: str, url: URL, *, form: Mapping[str, str] | None = None) -> tuple[int, bytes]:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
            body = encode(form.items()).encode() if form is not None else None
            out = Outgoing(method, url, headers, body, MIB, f"{method} {url.path}")
            answer = await exchange(self._open(), out, wire_cap=MIB, slot=slot)
            await slot.another()
            return answer.status, answer.body

        return fetch

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise SourceUnavailable("the connection is closed", hint="use Transport as a context manager")
        return self._session

    def __repr__(self) -> str:
        return f"Transport({self.connection.base_url!r}, {self._auth!r})"


_USE_URL = "set pi_web_api_url to the address that the server redirects to"


def _authorized(out: Outgoing, header: str | None) -> Outgoing:
    return out if header is None else replace(out, headers={**out.headers, "Authorization": header})


def _subject(method: str, url: URL, params: list[tuple[str, Any]]) -> str:
    ids = sum(key.lower() == "webid" for key, _ in params)
    return f"{method} {url.path}" + (f" ({ids} webIds)" if ids else "")


class _HalfWritten(Transient):
    """The server failed while it wrote an answer whose headers said 200."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, subject=refused.subject)
        self.refused = refused


def _may_repeat(method: str, path: str) -> bool:
    """Whether sending the request twice does no harm."""
    return method == "GET" or path.strip("/") == "batch"


def _whole(answer: Response) -> Response:
    return answer


def parse_json(body: bytes, *, subject: str) -> Any:
    """Parse a JSON body. Bare ``NaN`` and ``Infinity`` are accepted, since .NET may write them."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return plain_json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Transient(
            f"the answer is broken JSON: {type(error).__name__}",
            subject=subject,
            hint="try again; if it stays, look for a proxy between here and the server that cuts answers",
        ) from error
