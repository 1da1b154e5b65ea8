"""Where bearer tokens come from: the discovery document and the token endpoint (client credentials)."""

from __future__ import annotations

from urllib.parse import parse_qs

from pi_lakeflow.simulator.http.auth import credentials
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.reply import Reply, json_reply
from pi_lakeflow.simulator.http.router import Router


def register(router: Router) -> None:
    router.get("/.well-known/openid-configuration")(discovery)
    router.post("/connect/token")(token)


async def discovery(call: Call) -> Reply:
    """OpenID Connect Discovery 1.0, section 3."""
    return json_reply(
        {
            "issuer": call.base,
            "token_endpoint": call.link("/connect/token"),
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["system"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
    )


async def token(call: Call) -> Reply:
    """RFC 6749, sections 4.4 and 5: the client in the form or as Basic."""
    form = {name: values[0] for name, values in parse_qs(call.body.decode(errors="replace")).items()}
    if form.get("grant_type") != "client_credentials":
        return json_reply({"error": "unsupported_grant_type"}, status=400)
    client, secret = credentials(call.headers.get("Authorization", "")) or (
        form.get("client_id", ""),
        form.get("client_secret", ""),
    )
    granted = call.sim.gatekeeper.grant(client, secret)
    if granted is None:
        return json_reply({"error": "invalid_client"}, status=401)
    return json_reply(granted)
