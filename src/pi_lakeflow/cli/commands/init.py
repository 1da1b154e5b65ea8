"""``init``: a commented configuration to start from."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from pi_lakeflow.cli.options import Debug, Json, output_of
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import load, render_template

_DEFAULT_URL = "https://pi-server.example.com/piwebapi"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    context: typer.Context,
    url: str | None = typer.Option(None, "--url", help="Root of PI Web API."),
    auth: str | None = typer.Option(None, "--auth", help="basic, bearer, oidc, kerberos, ntlm or anonymous."),
    username: str | None = typer.Option(None, "--username", help="For basic and ntlm."),
    tag: list[str] | None = typer.Option(None, "--tag", help="Tags to start with. Repeatable."),
    lake: str = typer.Option("./lake", "--lake", help="Folder or URL of the lake."),
    path: Path = typer.Option(Path("pi-lakeflow.yaml"), "--config", help="File to write."),
    force: bool = typer.Option(False, "--force", help="Overwrite the file."),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented pi-lakeflow.yaml; asks for what is not given when on a terminal."""
    output = output_of(context)
    if path.exists() and not force:
        raise SettingsError(
            "the file is there already", subject=str(path), hint="--force, or --config OTHER.yaml"
        )
    asks = sys.stdin.isatty() and not output.json
    url = url or (typer.prompt("Root of PI Web API", default=_DEFAULT_URL) if asks else _DEFAULT_URL)
    auth = auth or (typer.prompt("Authentication", default="basic") if asks else "basic")
    if auth not in ("basic", "bearer", "oidc", "kerberos", "ntlm", "anonymous", "negotiate"):
        raise SettingsError(f"{auth!r} is no kind of authentication", subject="--auth", hint="see --help")
    if auth in ("basic", "ntlm") and username is None and asks:
        username = typer.prompt("User", default="reader")
    tags = tag or ([typer.prompt("First tag, or a mask", default="SINUS*")] if asks else ["SINUSOID"])
    text = render_template(
        pi_web_api_url=url, auth_type=auth, username=username or "reader", tags=tags, lake=lake
    )
    path.write_text(text, encoding="utf-8")
    load(path=path, environ={})
    output.end(0, "done", file=str(path))
    output.text(f"Wrote {path}. Secrets are references; set the variables that it names. Then:")
    output.text("  pi-lakeflow check")
    output.text("  pi-lakeflow run")
