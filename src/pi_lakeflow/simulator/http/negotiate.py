"""Negotiate on the wire: a real SPNEGO acceptor, when pyspnego is installed.

NTLM needs no domain: users and passwords come from the configuration. The exchange belongs to a
connection, as HTTP.sys has it.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

from aiohttp import web

from pi_lakeflow.simulator.config import Auth

from .reply import Reply, message_reply

_DOMAIN = "PLANT"
_contexts: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
_users: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
_DENIED = "Authorization has been denied for this request."


def negotiate(auth: Auth, request: web.BaseRequest) -> str | Reply | None:
    """The user of this connection, a 401 that goes on with the exchange, or None: not Negotiate."""
    connection = request.transport
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "negotiate":
        return _users.get(connection) if not scheme else None
    try:
        token = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return _step(auth, connection, token)


def _step(auth: Auth, connection: Any, token: bytes) -> str | Reply | None:
    import spnego
    import spnego.exceptions

    _publish(auth)
    context = _contexts.get(connection)
    if context is None:
        context = spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)
        _contexts[connection] = context
    try:
        answer = context.step(token)
    except spnego.exceptions.SpnegoError:
        _contexts.pop(connection, None)
        return None
    if context.complete:
        user = str(context.client_principal)
        _users[connection] = user
        _contexts.pop(connection, None)
        return user
    reply = message_reply(401, _DENIED)
    reply.challenges = ("Negotiate " + base64.b64encode(answer or b"").decode(),)
    return reply


def _publish(auth: Auth) -> None:
    """pyspnego's NTLM acceptor reads its users from the file that NTLM_USER_FILE names."""
    lines = "".join(f"{_DOMAIN}:{user}:{password}\n" for user, password in sorted(auth.users.items()))
    known = os.environ.get("NTLM_USER_FILE")
    if known and Path(known).exists() and Path(known).read_text(encoding="utf-8") == lines:
        return
    path = Path(tempfile.mkdtemp(prefix="simulator-users-")) / "users"
    path.write_text(lines, encoding="utf-8")
    os.environ["NTLM_USER_FILE"] = str(path)
