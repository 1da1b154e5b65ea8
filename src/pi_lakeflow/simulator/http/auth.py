"""Who is asking: Anonymous, Basic and Bearer. Negotiate lives in ``negotiate``."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pi_lakeflow.simulator.config import Auth
from pi_lakeflow.simulator.world.clock import Clock
from pi_lakeflow.simulator.world.ticks import SECOND


@dataclass(frozen=True, slots=True)
class Denied:
    """No access: the ``WWW-Authenticate`` challenges to send with the 401."""

    challenges: tuple[str, ...]


@dataclass(slots=True)
class Gatekeeper:
    """Decides from the headers of a request who its user is."""

    auth: Auth
    clock: Clock
    _tokens: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)

    def admit(self, headers: Mapping[str, str]) -> str | Denied:
        """The user's name, or the challenges. Anonymous, when enabled, overrides the rest."""
        if "anonymous" in self.auth.methods:
            return "anonymous"
        scheme, _, rest = headers.get("Authorization", "").partition(" ")
        user = None
        if scheme.lower() == "basic" and "basic" in self.auth.methods:
            user = self._basic(headers["Authorization"])
        elif scheme.lower() == "bearer" and "bearer" in self.auth.methods:
            user = self._bearer(rest)
        return user if user is not None else Denied(self.challenges())

    def challenges(self) -> tuple[str, ...]:
        """One challenge for each method."""
        words = {"negotiate": "Negotiate", "basic": 'Basic realm="PI Web API"', "bearer": "Bearer"}
        return tuple(words[method] for method in self.auth.methods if method in words)

    def grant(self, client: str, secret: str) -> dict[str, Any] | None:
        """An access token for client credentials, or None."""
        known = self.auth.clients.get(client)
        if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
            return None
        token = _jwt({"sub": client, "scope": "system", "jti": secrets.token_hex(8)})
        expires = self.clock.now() + int(self.auth.token_seconds * SECOND)
        self._tokens[token] = (client, expires)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(self.auth.token_seconds),
            "scope": "system",
        }

    def expire_tokens(self) -> None:
        """Refuse every token given out so far."""
        self._tokens.clear()

    def _basic(self, header: str) -> str | None:
        user, password = credentials(header) or ("", "")
        known = self.auth.users.get(user)
        good = known is not None and hmac.compare_digest(known.encode(), password.encode())
        return user if good else None

    def _bearer(self, token: str) -> str | None:
        client, expires = self._tokens.get(token.strip(), ("", 0))
        return client if client and self.clock.now() < expires else None


def credentials(header: str) -> tuple[str, str] | None:
    """User and password of a Basic ``Authorization`` header, or None."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _jwt(claims: dict[str, Any]) -> str:
    """Looks like a token; only this server reads it, and by looking it up."""
    parts = (json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims), secrets.token_hex(16))
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
