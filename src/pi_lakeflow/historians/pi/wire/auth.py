"""Who we are to the server. Constructors fail when built wrong, and ``repr`` shows no secret.

    Anonymous()
    Basic("user", "password")
    Bearer("token")  or  Bearer(provider)          provider: () -> str, or () -> Awaitable[str]
    OIDC("client id", "client secret")             client credentials, discovered at the server
    Negotiate()                                    Kerberos or NTLM, see negotiate.py
    make_auth({"type": "basic", "username": ..., "password": ...})   secrets already resolved
    make_auth(("user", "password"))  or  make_auth(requests' HTTPBasicAuth(...))

An ``Auth`` gives the ``Authorization`` header of a request (``authorization``), and is asked once
after a 401 whether another attempt with a new one makes sense (``renew``). Both get a ``Fetch``,
the transport's own way to the network, so proxies and certificates apply there too.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

import msgspec
from yarl import URL

from pi_lakeflow.errors import AuthRefused, SettingsError, SourceUnavailable, Transient
from pi_lakeflow.historians.pi.wire.answers import server_text

TokenProvider = Callable[[], str | Awaitable[str]]
RENEW_EARLY = 60.0  # seconds before expiry; a tenth of the lifetime when that is shorter


class Fetch(Protocol):
    """One HTTP exchange without authentication: status and inflated body (at most 1 MiB)."""

    async def __call__(
        self, method: str, url: URL, *, form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]: ...


class Auth:
    """Base of all kinds. ``per_connection`` kinds authenticate a connection, not a request."""

    per_connection = False

    async def authorization(self, _base: URL, _fetch: Fetch, /) -> str | None:
        """The value of the Authorization header, or None for no header."""
        return None

    async def renew(self, _refused: str | None, /) -> bool:
        """Told that the given header value got a 401; True when a new one is worth a try."""
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Anonymous(Auth):
    """No credentials at all."""


class Basic(Auth):
    """User name and password with every request. Use https: they travel readable."""

    def __init__(self, username: str, password: str) -> None:
        require_text("auth.username", username)
        require_text("auth.password", password)
        if ":" in username:
            raise SettingsError("must not hold a colon (RFC 7617)", subject="auth.username")
        self.username = username
        self._header = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")

    async def authorization(self, _base: URL, _fetch: Fetch, /) -> str | None:
        return self._header

    def __repr__(self) -> str:
        return f"Basic(username={self.username!r}, password=***)"


class Bearer(Auth):
    """A token, or a provider of tokens that is asked at first use and again after a 401.

    A provider that blocks is called in a thread.
    """

    def __init__(self, token: str | TokenProvider) -> None:
        if not callable(token):
            require_text("auth.token", token)
            _header_safe(token)
        self._source = token
        self._header: str | None = None if callable(token) else f"Bearer {token}"
        self._lock = asyncio.Lock()

    async def authorization(self, _base: URL, _fetch: Fetch, /) -> str | None:
        async with self._lock:
            if self._header is None and callable(self._source):
                self._header = f"Bearer {await _ask(self._source)}"
            return self._header

    async def renew(self, refused: str | None, /) -> bool:
        if not callable(self._source):
            return False
        if refused == self._header:  # else: another request has renewed it meanwhile
            self._header = None
        return True

    def __repr__(self) -> str:
        return f"Bearer({'provider' if callable(self._source) else '***'})"


async def _ask(provider: TokenProvider) -> str:
    answer = await asyncio.to_thread(provider)
    token: object = await answer if inspect.isawaitable(answer) else answer
    if not isinstance(token, str) or not token:
        raise SettingsError("the token provider returned no token", subject="auth.token")
    _header_safe(token)
    return token


class OIDC(Auth):
    """OpenID Connect client credentials, as AVEVA Identity Manager issues them.

    The token endpoint is discovered at ``<base>/.well-known/openid-configuration`` unless
    ``token_url`` names it. The token is kept until ``RENEW_EARLY`` seconds before it expires,
    and renewed after a 401.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        scope: str = "system",
        token_url: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        require_text("auth.client_id", client_id)
        require_text("auth.client_secret", client_secret)
        self.client_id = client_id
        self.scope = scope
        self._secret = client_secret
        self._token_url = _endpoint(token_url, "auth.token_url") if token_url is not None else None
        self._now = monotonic
        self._header: str | None = None
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def authorization(self, base: URL, fetch: Fetch, /) -> str | None:
        async with self._lock:
            if self._header is None or self._now() >= self._renew_at:
                await self._obtain(base, fetch)
            return self._header

    async def renew(self, refused: str | None, /) -> bool:
        if refused == self._header:
            self._header = None
        return True

    async def _obtain(self, base: URL, fetch: Fetch) -> None:
        if self._token_url is None:
            self._token_url = await self._discover(base, fetch)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self._secret,
            "scope": self.scope,
        }
        status, body = await fetch("POST", self._token_url, form=form)
        _check(status, body, "the identity server refused the client credentials", str(self._token_url.host))
        grant = _object(body, "the identity server's token answer")
        token, lifetime = grant.get("access_token"), grant.get("expires_in", 3600)
        if not isinstance(token, str) or not token or not isinstance(lifetime, int | float):
            host = self._token_url.host
            raise SourceUnavailable("the identity server's answer holds no token", subject=host)
        _header_safe(token)
        self._header = f"Bearer {token}"
        self._renew_at = self._now() + lifetime - min(RENEW_EARLY, 0.1 * lifetime)

    async def _discover(self, base: URL, fetch: Fetch) -> URL:
        url = URL(f"{str(base).rstrip('/')}/.well-known/openid-configuration", encoded=True)
        status, body = await fetch("GET", url)
        _check(status, body, "OpenID discovery failed", f"GET {url.path}")
        endpoint = _endpoint(_object(body, "the discovery document").get("token_endpoint"), "token_endpoint")
        if base.scheme == "https" and endpoint.scheme != "https":
            raise SettingsError(
                "the discovered token endpoint is not https, the client secret stays here",
                subject="auth",
                hint="set auth.token_url to the https address of the identity server",
            )
        return endpoint

    def __repr__(self) -> str:
        return f"OIDC(client_id={self.client_id!r}, client_secret=***, scope={self.scope!r})"


def make_auth(given: object) -> Auth:
    """An ``Auth`` from what users write: None, a mapping, a pair, a requests-like object, an ``Auth``.

    Mapping keys by ``type``: ``anonymous``; ``basic`` (username, password); ``bearer`` (token);
    ``oidc`` (client_id, client_secret, scope, token_url); ``kerberos``, ``ntlm``, ``negotiate``
    (username, password, service, hostname). Raises ``SettingsError``.
    """
    if given is None:
        return Anonymous()
    if isinstance(given, Auth):
        return given
    if isinstance(given, Mapping):
        return _from_mapping(dict(given))
    if isinstance(given, tuple) and len(given) == 2:
        return Basic(*given)
    username, password = getattr(given, "username", None), getattr(given, "password", None)
    if username is not None and password is not None:
        return Basic(username, password)
    raise SettingsError(
        f"cannot use a {type(given).__name__} as credentials",
        subject="auth",
        hint="auth={'type': 'basic', 'username': ..., 'password': ...} or ('user', 'password')",
    )


def _from_mapping(given: dict[str, Any]) -> Auth:
    from pi_lakeflow.historians.pi.wire.negotiate import Negotiate  # it builds on this module

    kinds: dict[str, tuple[Callable[..., Auth], tuple[str, ...], tuple[str, ...]]] = {
        "anonymous": (Anonymous, (), ()),
        "basic": (Basic, ("username", "password"), ()),
        "bearer": (Bearer, ("token",), ()),
        "oidc": (OIDC, ("client_id", "client_secret"), ("scope", "token_url")),
        "kerberos": (partial(Negotiate, protocol="kerberos"), (), _NEGOTIATE_KEYS),
        "ntlm": (partial(Negotiate, protocol="ntlm"), (), _NEGOTIATE_KEYS),
        "negotiate": (partial(Negotiate, protocol="negotiate"), (), _NEGOTIATE_KEYS),
    }
    kind = str(given.pop("type", "")).lower()
    if kind not in kinds:
        raise SettingsError(f"{kind!r} is not a kind", subject="auth.type", hint=f"one of {', '.join(kinds)}")
    build, needed, optional = kinds[kind]
    for key in given:
        if key not in needed + optional:
            raise SettingsError(f"unknown for type {kind}", subject=f"auth.{key}")
    for key in needed:
        if key not in given:
            raise SettingsError(f"needed for type {kind}", subject=f"auth.{key}")
    return build(**given)


_NEGOTIATE_KEYS = ("username", "password", "service", "hostname")


def require_text(key: str, value: object) -> None:
    """Raise ``SettingsError`` about ``key`` unless ``value`` is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise SettingsError("must be a text that is not empty", subject=key)


def _header_safe(token: str) -> None:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError("holds characters that no token has (a line end?)", subject="auth.token")


def _endpoint(value: object, key: str) -> URL:
    try:
        url = URL(value) if isinstance(value, str) else URL()
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host or url.user is not None:
        raise SettingsError("not an http or https URL", subject=key)
    return url


def _check(status: int, body: bytes, what: str, subject: str) -> None:
    text = f"{what} ({status}): {server_text(body)}"
    if status in (400, 401, 403):
        raise AuthRefused(text, subject=subject, hint="check auth.client_id and auth.client_secret")
    if status == 429 or status >= 500:
        raise Transient(text, subject=subject)
    if status != 200:
        raise SourceUnavailable(text, subject=subject, hint="is bearer authentication enabled on the server?")


def _object(body: bytes, what: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise SourceUnavailable(f"{what} is not a JSON object", subject="auth")
    return found
