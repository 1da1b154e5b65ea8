"""Kerberos and NTLM: the ``Negotiate`` authentication of Windows, which belongs to a connection.

NTLM, and Negotiate with several legs, authenticate the TCP connection that carried the legs, and
a shared pool gives no hold on which connection that is. So requests run in *lanes*: a lane is a
session that owns exactly one connection. The first answer 401 on a connection starts the legs;
afterwards the lane's requests are authenticated until the connection is closed.

The tokens come from pyspnego: ``pip install 'pi-lakeflow[kerberos]'``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from multidict import CIMultiDictProxy

from pi_lakeflow.errors import AuthRefused, SettingsError, SourceUnavailable
from pi_lakeflow.flow.gate import Slot
from pi_lakeflow.historians.pi.wire.auth import Auth, require_text
from pi_lakeflow.historians.pi.wire.exchange import Outgoing, Response, certificate_of, exchange

MAX_LEGS = 6
Protocol = Literal["negotiate", "kerberos", "ntlm"]


class Negotiate(Auth):
    """Kerberos (the ticket of the logged-in user, or ``username`` and ``password``) or NTLM.

    ``hostname`` is the server's name in its service principal, when that differs from the URL's;
    ``service`` its class. Raises ``SettingsError`` when pyspnego is missing.
    """

    per_connection = True

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        *,
        protocol: Protocol = "negotiate",
        service: str = "HTTP",
        hostname: str | None = None,
    ) -> None:
        if protocol not in ("negotiate", "kerberos", "ntlm"):
            raise SettingsError(f"{protocol!r} is not a protocol", subject="auth.type")
        if (username is None) != (password is None):
            raise SettingsError("username and password go together", subject="auth")
        if username is not None:
            require_text("auth.username", username)
            require_text("auth.password", password)
        elif protocol == "ntlm":
            raise SettingsError("needed for type ntlm", subject="auth.username")
        self.username = username
        self.protocol = protocol
        self.service = service
        self.hostname = hostname
        self._password = password
        self._spnego = _pyspnego()

    @property
    def scheme(self) -> str:
        """The word in WWW-Authenticate and Authorization."""
        return "NTLM" if self.protocol == "ntlm" else "Negotiate"

    def begin(self, host: str, certificate: bytes | None) -> Any:
        """A new exchange with ``host``; ``certificate`` (DER) binds it to the TLS channel."""
        bindings = None if certificate is None else _bindings(certificate)
        try:
            return self._spnego.client(
                self.username,
                self._password,
                hostname=self.hostname or host,
                service=self.service,
                channel_bindings=bindings,
                protocol=self.protocol,
            )
        except self._spnego.exceptions.SpnegoError as error:
            raise self._unable(error) from error

    def step(self, context: Any, token: bytes | None) -> bytes | None:
        """The next token to send; None when nothing is left to say. May talk to a KDC: blocks."""
        try:
            answer = context.step(token)
        except self._spnego.exceptions.SpnegoError as error:
            raise self._unable(error) from error
        return answer if answer is None else bytes(answer)

    def _unable(self, error: Exception) -> AuthRefused:
        return AuthRefused(
            f"no {self.protocol} token could be made: {error}",
            subject="auth",
            hint="run kinit, or give username and password; Kerberos from Linux needs the gssapi package",
        )

    def __repr__(self) -> str:
        return f"Negotiate(username={self.username!r}, password=***, protocol={self.protocol!r})"


class Lanes:
    """``count`` connections, each with its own authentication.

    ``open_lane`` makes a session whose pool holds one connection.
    """

    def __init__(self, auth: Negotiate, count: int, open_lane: Callable[[], aiohttp.ClientSession]) -> None:
        self._auth = auth
        self._sessions = [open_lane() for _ in range(count)]
        self._free: asyncio.LifoQueue[aiohttp.ClientSession] = asyncio.LifoQueue()
        for session in self._sessions:
            self._free.put_nowait(session)

    async def send(self, out: Outgoing, *, wire_cap: int, slot: Slot) -> Response:
        """Send in a free lane, authenticating its connection if the server asks for it."""
        async with self._lane() as lane:
            answer = await exchange(lane, out, wire_cap=wire_cap, slot=slot)
            if answer.status != 401 or self._challenge(answer.headers) is None:
                return answer
            return await self._handshake(lane, out, wire_cap, slot, answer)

    async def close(self) -> None:
        await asyncio.gather(*(session.close() for session in self._sessions))

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[aiohttp.ClientSession]:
        lane = await self._free.get()  # last in, first out: few connections, kept warm
        try:
            yield lane
        finally:
            self._free.put_nowait(lane)

    async def _handshake(
        self, lane: aiohttp.ClientSession, out: Outgoing, wire_cap: int, slot: Slot, answer: Response
    ) -> Response:
        context = self._auth.begin(out.url.host or "", certificate_of(lane))
        token: bytes | None = None
        for _ in range(MAX_LEGS):
            reply = await asyncio.to_thread(self._auth.step, context, token)
            if reply is None:
                return answer
            await slot.another()
            leg = _with_token(out, self._auth.scheme, reply)
            answer = await exchange(lane, leg, wire_cap=wire_cap, slot=slot)
            token = self._challenge(answer.headers)
            if answer.status != 401:
                await self._finish(context, token)
                return answer
            if not token:
                return answer  # 401 without a token: the credentials were refused
        raise SourceUnavailable("the authentication exchange does not end", subject=out.subject)

    async def _finish(self, context: Any, token: bytes | None) -> None:
        """Kerberos answers with a last token, by which the server proves who it is."""
        if token and not context.complete:
            await asyncio.to_thread(self._auth.step, context, token)

    def _challenge(self, headers: CIMultiDictProxy[str]) -> bytes | None:
        """The token of our scheme in WWW-Authenticate, empty at the start; None when not offered."""
        for value in ",".join(headers.getall("WWW-Authenticate", [])).split(","):
            scheme, _, token = value.strip().partition(" ")
            if scheme.lower() == self._auth.scheme.lower():
                try:
                    return base64.b64decode(token.strip(), validate=True)
                except binascii.Error as error:
                    raise SourceUnavailable("the server sent a broken authentication token") from error
        return None


def _with_token(out: Outgoing, scheme: str, token: bytes) -> Outgoing:
    value = f"{scheme} {base64.b64encode(token).decode('ascii')}"
    return dataclasses.replace(out, headers={**out.headers, "Authorization": value})


def _pyspnego() -> Any:
    try:
        module = importlib.import_module("spnego")
        importlib.import_module("spnego.channel_bindings")
        importlib.import_module("spnego.exceptions")
    except ImportError as error:
        raise SettingsError(
            "Kerberos and NTLM need pyspnego", subject="auth.type", hint="pip install 'pi-lakeflow[kerberos]'"
        ) from error
    return module


def _bindings(certificate: bytes) -> Any:
    """RFC 5929 tls-server-end-point: HTTP.sys asks for it when Extended Protection is on."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    module = importlib.import_module("spnego.channel_bindings")
    return module.GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())
