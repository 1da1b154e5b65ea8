"""``init``: a commented configuration to start from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pi_lakeflow.cli.options import Call, plain_command
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import load, render_template

_FILE = Path("pi-lakeflow.yaml")
_EXAMPLE = "https://pi-server.example.com/piwebapi"
_KINDS = ("basic", "bearer", "oidc", "kerberos", "ntlm", "anonymous")
_USERS = {"basic": "User", "ntlm": "User (DOMAIN\\name)", "oidc": "Client id"}
_VARIABLES = {"basic": "PI_PASSWORD", "ntlm": "PI_PASSWORD", "bearer": "PI_TOKEN", "oidc": "PI_CLIENT_SECRET"}

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Root of PI Web API, https://server/piwebapi.")
]
AuthType = Annotated[
    str | None, typer.Option("--auth", metavar="KIND", help=f"{', '.join(_KINDS)} [default: basic].")
]
User = Annotated[
    str | None,
    typer.Option("--username", metavar="NAME", help="User for basic and ntlm, client id for oidc."),
]
First = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Tags to read. Repeatable.")]
Where = Annotated[
    str | None, typer.Option("--lake", metavar="PATH", help="Folder or URL of the lake [default: ./lake].")
]
From = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help='Start of the history to read [default: "*-7d"].'),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


@plain_command
def init(
    call: Call,
    url: Url = None,
    auth: AuthType = None,
    username: User = None,
    tag: First = None,
    lake: Where = None,
    since: From = None,
    force: Force = False,
) -> int:
    """Write a commented pi-lakeflow.yaml.

    Or the file that --config names. On a terminal it asks for what the options do not say."""
    output, path = call.output, call.config or _FILE
    if path.exists() and not force:
        raise SettingsError(
            "the file is there already", subject=str(path), hint="--force, or --config OTHER.yaml"
        )
    ask = _asked if sys.stdin.isatty() and sys.stderr.isatty() and not output.json else _default
    url = url or ask("Root of PI Web API", _EXAMPLE)
    auth = (auth or ask(f"Authentication ({', '.join(_KINDS)})", "basic")).lower()
    if auth not in _KINDS:
        raise SettingsError(
            f"{auth!r} is no kind of authentication", subject="--auth", hint=", ".join(_KINDS)
        )
    if auth in _USERS:
        username = username or ask(_USERS[auth], "reader")
    tags = tag or [
        each.strip() for each in ask("Tags or masks, with commas between", "SINUSOID, CDT158").split(",")
    ]
    lake = lake or ask("Folder or URL of the lake", "./lake")
    since = since or ask("Read history since", "*-7d")
    text = render_template(
        pi_web_api_url=url, auth_type=auth, username=username or "reader", tags=tags, lake=lake, since=since
    )
    _write(path, text)
    output.result(file=str(path))
    output.text(f"Wrote {path}. Next:")
    if variable := _VARIABLES.get(auth):
        output.text(f"  export {variable}=...        # the file names it, and does not hold it")
    option = "" if path == _FILE else f" --config {path}"
    output.text(f"  pi-lakeflow check{option}\n  pi-lakeflow run{option}")
    return 0


Ask = Callable[[str, str], str]


def _asked(question: str, default: str) -> str:
    return str(typer.prompt(question, default=default, err=True))


def _default(_question: str, default: str) -> str:
    return default


def _write(path: Path, text: str) -> None:
    """Write only what can be read again: a typing error must not cost the file that is there."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text, encoding="utf-8")
        load(path=draft, environ={})
        draft.replace(path)
    except SettingsError as error:
        raise SettingsError(
            error.message.replace(draft.name, path.name),
            subject=error.subject,
            hint=error.hint or "write it differently; nothing was written",
        ) from None
    except OSError as error:
        raise SettingsError(
            f"cannot be written: {error.strerror}", subject=str(path), hint="--config OTHER.yaml"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
