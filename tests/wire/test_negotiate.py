"""Negotiate and NTLM against a real acceptor: pyspnego plays the server, one context per connection."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
import spnego
from aiohttp import web
from tests.wire.certificates import certificate
from tests.wire.served import served, transport

from pi_lakeflow.errors import AuthRefused, SettingsError
from pi_lakeflow.historians.pi.wire.auth import make_auth
from pi_lakeflow.historians.pi.wire.negotiate import Negotiate

USER, PASSWORD = "PLANT\\reader", "correct horse"


@pytest.fixture(autouse=True)
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyspnego's own NTLM acceptor checks passwords against."""
    file = tmp_path / "ntlm_users"
    file.write_text(f"PLANT:reader:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))


class Acceptor:
    """Authenticates connections as HTTP.sys does: a request on a connection that has not finished is 401."""

    def __init__(self, scheme: str, *, close_after: int = 10**9, bound_to: bytes | None = None) -> None:
        self.scheme = scheme
        self.bindings = None
        if bound_to is not None:  # Extended Protection: RFC 5929, tls-server-end-point
            data = b"tls-server-end-point:" + hashlib.sha256(bound_to).digest()
            self.bindings = spnego.channel_bindings.GssChannelBindings(application_data=data)
        self.requests = 0
        self.contexts: dict[int, Any] = {}
        self.done: set[int] = set()
        self.served: dict[int, int] = {}
        self.legs = 0
        self.close_after = close_after
        self.bodies: list[bytes] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        key = id(request.transport)
        if key in self.done:
            return self.answer(key, body)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != self.scheme:
            return self.challenge(None)
        self.legs += 1
        if key not in self.contexts:
            protocol = "ntlm" if self.scheme == "NTLM" else "negotiate"
            self.contexts[key] = spnego.server(
                hostname="127.0.0.1", service="HTTP", protocol=protocol, channel_bindings=self.bindings
            )
        context = self.contexts[key]
        try:
            reply = context.step(base64.b64decode(token))
        except spnego.exceptions.SpnegoError:
            del self.contexts[key]
            return self.challenge(None)
        if not context.complete:
            return self.challenge(reply)
        self.done.add(key)
        answer = self.answer(key, body)
        if reply:
            answer.headers["WWW-Authenticate"] = f"{self.scheme} {base64.b64encode(reply).decode()}"
        return answer

    def challenge(self, token: bytes | None) -> web.Response:
        word = self.scheme if not token else f"{self.scheme} {base64.b64encode(token).decode()}"
        response = web.Response(status=401, text='{"Message":"Authorization has been denied"}')
        response.headers.add("WWW-Authenticate", 'Basic realm="x"')
        response.headers.add("WWW-Authenticate", word)
        return response

    def answer(self, key: int, body: bytes) -> web.Response:
        self.bodies.append(body)
        self.served[key] = self.served.get(key, 0) + 1
        response = web.json_response({"ok": True})
        if self.served[key] >= self.close_after:
            response.force_close()
            self.done.discard(key)
            self.contexts.pop(key, None)
        return response


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
async def test_each_connection_is_authenticated_once(protocol: Any) -> None:
    acceptor = Acceptor("NTLM" if protocol == "ntlm" else "Negotiate")
    auth = make_auth({"type": protocol, "username": USER, "password": PASSWORD})
    async with served(acceptor) as root, transport(root, auth, pool_size=3) as way:
        answers = await asyncio.gather(*(way.json("GET", "system") for _ in range(20)))
        assert await way.json("POST", "batch", json={"a": 1}) == {"ok": True}
    assert answers == [{"ok": True}] * 20
    assert 1 <= len(acceptor.done) <= 3
    assert acceptor.legs <= 3 * len(acceptor.done)
    assert acceptor.bodies[-1] == b'{"a":1}'
    assert way.gate.started == acceptor.requests, "each leg counts against the rate"


async def test_a_connection_that_the_server_closes_is_authenticated_anew() -> None:
    acceptor = Acceptor("Negotiate", close_after=2)
    auth = Negotiate(USER, PASSWORD)
    async with served(acceptor) as root, transport(root, auth, pool_size=1) as way:
        for _ in range(5):
            assert await way.json("GET", "system") == {"ok": True}
    assert acceptor.legs >= 6


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
async def test_a_wrong_password_is_refused_and_not_shown(protocol: Any) -> None:
    acceptor = Acceptor("NTLM" if protocol == "ntlm" else "Negotiate")
    auth = make_auth({"type": protocol, "username": USER, "password": "battery staple"})
    async with served(acceptor) as root, transport(root, auth) as way:
        with pytest.raises(AuthRefused) as caught:
            await way.json("GET", "system")
    assert "battery" not in f"{caught.value!r} {caught.value} {caught.value.hint} {auth!r} {way!r}"
    assert acceptor.legs <= 4


async def test_over_tls_the_authentication_is_bound_to_the_channel(tmp_path: Path) -> None:
    """A server with Extended Protection refuses tokens that a man in the middle passes on."""
    context, trusted, der = certificate(tmp_path)
    for bound_to, refused in ((der, False), (b"another certificate", True)):
        acceptor = Acceptor("Negotiate", bound_to=bound_to)
        auth = Negotiate(USER, PASSWORD)
        async with served(acceptor, tls=context) as root, transport(root, auth, verify=trusted) as way:
            if refused:
                with pytest.raises(AuthRefused):
                    await way.json("GET", "system")
            else:
                assert await way.json("GET", "system") == {"ok": True}


async def test_a_server_that_offers_something_else_is_told() -> None:
    acceptor = Acceptor("NTLM")
    async with served(acceptor) as root, transport(root, Negotiate(USER, PASSWORD)) as way:
        with pytest.raises(AuthRefused, match="401"):
            await way.json("GET", "system")
    assert acceptor.legs == 0


def test_built_wrong_is_refused_at_once() -> None:
    for wrong in (
        {"type": "ntlm"},
        {"type": "negotiate", "username": "reader"},
        {"type": "kerberos", "password": "x"},
        {"type": "ntlm", "username": "", "password": ""},
    ):
        with pytest.raises(SettingsError, match="auth"):
            make_auth(wrong)
    assert PASSWORD not in repr(Negotiate(USER, PASSWORD))


def test_without_pyspnego_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spnego", None)
    with pytest.raises(SettingsError) as caught:
        make_auth({"type": "kerberos"})
    assert "pi-lakeflow[kerberos]" in (caught.value.hint or "")
