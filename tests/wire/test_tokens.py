"""Bearer tokens and OpenID Connect: obtained once, renewed when they expire or are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from tests.wire.served import served, transport

from pi_lakeflow.errors import AuthRefused, SettingsError, SourceUnavailable
from pi_lakeflow.historians.pi.wire.auth import OIDC, Bearer


class Guarded:
    """A PI Web API and its identity server: only the newest token is valid."""

    def __init__(self, **grant: Any) -> None:
        self.grant = grant
        self.issued = 0
        self.revoked = 0
        self.refused = 0
        self.forms: list[dict[str, Any]] = []
        self.token_status = 200

    def revoke(self) -> None:
        self.revoked = self.issued

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/piwebapi/.well-known/openid-configuration":
            return web.json_response({"token_endpoint": f"{request.url.origin()}/identity/token"})
        if request.path == "/identity/token":
            assert "Authorization" not in request.headers
            self.forms.append(dict(await request.post()))
            if self.token_status != 200:
                return web.json_response({"error": "invalid_client"}, status=self.token_status)
            self.issued += 1
            return web.json_response({"access_token": f"token-{self.issued}", **self.grant})
        valid = self.issued > self.revoked
        if not valid or request.headers.get("Authorization") != f"Bearer token-{self.issued}":
            self.refused += 1
            return web.json_response({"Message": "expired"}, status=401)
        return web.json_response({"ok": True})


async def test_one_oidc_token_serves_all_requests_and_a_401_renews_it() -> None:
    server = Guarded(expires_in=3600)
    async with served(server) as root, transport(root, OIDC("reader", "s+e&c ret")) as way:
        await asyncio.gather(*(way.json("GET", "system") for _ in range(6)))
        assert server.issued == 1
        server.revoke()
        await asyncio.gather(*(way.json("GET", "system") for _ in range(4)))
    assert server.issued == 2
    assert server.forms[0] == {
        "grant_type": "client_credentials",
        "client_id": "reader",
        "client_secret": "s+e&c ret",
        "scope": "system",
    }


class Fickle(Guarded):
    """Withdraws the newest token, so many times, when it is used first."""

    def __init__(self, times: int) -> None:
        super().__init__(expires_in=3600)
        self.times = times

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/system") and self.times > self.revoked:
            self.revoke()
        return await super().__call__(request)


@pytest.mark.parametrize(("times", "allowed"), [(2, True), (3, True), (4, False)])
async def test_a_new_token_may_be_withdrawn_before_its_use(times: int, allowed: bool) -> None:
    server = Fickle(times)
    async with served(server) as root, transport(root, OIDC("reader", "secret")) as way:
        if allowed:
            await way.json("GET", "system")
        else:
            with pytest.raises(AuthRefused):
                await way.json("GET", "system")
    assert server.refused == times
    assert server.issued == min(times + 1, 4)


async def test_an_oidc_token_is_renewed_before_it_expires() -> None:
    clock = [0.0]
    server = Guarded(expires_in=100)
    auth = OIDC("reader", "secret", monotonic=lambda: clock[0])
    async with served(server) as root, transport(root, auth) as way:
        for clock[0], issued in ((0.0, 1), (89.0, 1), (91.0, 2), (100.0, 2)):
            await way.json("GET", "system")
            assert server.issued == issued
    assert server.refused == 0


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_client_credentials_are_auth_refused(status: int) -> None:
    server = Guarded()
    server.token_status = status
    async with served(server) as root, transport(root, OIDC("reader", "secret")) as way:
        with pytest.raises(AuthRefused, match="invalid_client"):
            await way.json("GET", "system")
    assert len(server.forms) == 1


async def test_an_identity_server_in_trouble_is_tried_again() -> None:
    server = Guarded()
    server.token_status = 503
    async with served(server) as root, transport(root, OIDC("reader", "secret")) as way:
        with pytest.raises(SourceUnavailable, match="3 attempts"):
            await way.json("GET", "system")
    assert len(server.forms) == 3


async def test_a_client_secret_never_leaves_tls() -> None:
    """A discovery document that names an http endpoint below an https root is not believed."""
    asked: list[str] = []

    async def fetch(method: str, url: Any, *, form: Any = None) -> tuple[int, bytes]:
        asked.append(f"{method} {url}")
        return 200, b'{"token_endpoint":"http://identity.example/token"}'

    async with transport("http://127.0.0.1:1/piwebapi") as way:
        base = way.connection.root.with_scheme("https")
    with pytest.raises(SettingsError, match="not https"):
        await OIDC("reader", "secret").authorization(base, fetch)
    assert len(asked) == 1


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_token_provider_is_asked_again_after_a_401(asynchronous: bool) -> None:
    server = Guarded()
    server.issued = 2
    given = iter(["token-1", "token-2", "token-3"])

    def provider() -> Any:
        async def later() -> str:
            return next(given)

        return later() if asynchronous else next(given)

    async with served(server) as root, transport(root, Bearer(provider)) as way:
        for _ in range(3):
            assert await way.json("GET", "system") == {"ok": True}
    assert server.refused == 1
    assert next(given) == "token-3"


async def test_a_fixed_token_that_is_refused_is_not_sent_again() -> None:
    server = Guarded()
    async with served(server) as root, transport(root, Bearer("old")) as way:
        with pytest.raises(AuthRefused, match="expired"):
            await way.json("GET", "system")
    assert server.refused == 1


@pytest.mark.parametrize("token", ["", None, "two words", "line\nend"])
async def test_a_provider_that_returns_no_token_is_a_mistake_in_the_settings(token: Any) -> None:
    async with transport("http://127.0.0.1:1/piwebapi", Bearer(lambda: token)) as way:
        with pytest.raises(SettingsError, match=r"auth\.token"):
            await way.json("GET", "system")
