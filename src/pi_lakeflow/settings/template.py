"""The configuration that ``init`` writes: what is needed, then what is often wanted, commented out."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

_AUTH = {
    "anonymous": "  type: anonymous",
    "basic": "  type: basic\n  username: {username}\n  password: env:PI_PASSWORD",
    "bearer": "  type: bearer\n  token: env:PI_TOKEN",
    "oidc": "  type: oidc\n  client_id: {username}\n  client_secret: env:PI_CLIENT_SECRET",
    "kerberos": "  type: kerberos             # the ticket of the logged-in user (kinit)",
    "negotiate": "  type: negotiate            # Kerberos, else NTLM",
    "ntlm": "  type: ntlm\n  username: {username}\n  password: env:PI_PASSWORD",
}

_TEMPLATE = """\
# pi-lakeflow configuration. All keys: pi-lakeflow config reference
# Every value can also come from the environment: PI_LAKEFLOW_AUTH__PASSWORD is auth.password.

pi_web_api_url: {url}

auth:                        # anonymous, basic, bearer, oidc, kerberos, ntlm
{auth}

#data_server: PISRV01        # where PI Web API knows several

# Names, masks ("SINUS*"), all, \\\\server\\tag, \\\\server\\database\\element|attribute,
# webid:..., "@tags.txt", {{af_query: "Template:=Pump"}}
tags:
{tags}

# Tables are at <lake>/<catalog>/<schema>/<table>; also s3://..., abfss://..., gs://...
lake: {lake}
catalog: {catalog}
schema: {schema}

# What is read of a tag that was never read before: ISO 8601, or PI times such as "*-7d", "t", "y-1mo"
since: "{since}"

#settle: 5m                  # the newest stretch is left to the next run

#tls:
#  ca_bundle: corporate-ca.pem

#performance:
#  max_workers: 8            # requests in flight at once, at most
#  rate_limit: 50            # requests per second, at most
#  memory_limit_gb: 1
"""


def render_template(
    *,
    pi_web_api_url: str = "https://pi-server.example.com/piwebapi",
    auth_type: str = "basic",
    username: str = "reader",
    tags: Sequence[str] = ("SINUSOID", "CDT158"),
    lake: str = "./lake",
    catalog: str = "main",
    schema: str = "bronze",
    since: str = "*-7d",
) -> str:
    """A commented YAML configuration that ``load`` accepts, also with every ``#key`` line uncommented."""
    return _TEMPLATE.format(
        url=_scalar(pi_web_api_url),
        auth=_AUTH[auth_type].format(username=_scalar(username)),
        tags="\n".join(f"  - {_scalar(tag)}" for tag in tags),
        lake=_scalar(lake),
        catalog=_scalar(catalog),
        schema=_scalar(schema),
        since=since,
    )


def _scalar(text: str) -> str:
    """``text`` as one YAML value, quoted where it must be."""
    return yaml.safe_dump(text, width=10_000, allow_unicode=True).removesuffix("...\n").strip()
