"""What ``check`` does below PI Web API: dial, shake hands, write a table and remove it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from pi_lakeflow.app.source import connection_of, open_lake
from pi_lakeflow.errors import SinkUnavailable, SourceUnavailable, TlsRefused
from pi_lakeflow.flow.tables import PI_LANES
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.settings import Settings

_PATIENCE = 15.0  # seconds to connect
_SOON = timedelta(days=14)  # before its end a certificate is worth a word


@dataclass(frozen=True, slots=True)
class Handshake:
    """What TLS was agreed on."""

    detail: str
    doubtful: bool = False


async def dial(settings: Settings) -> str:
    """Resolve the name and connect, to the proxy if there is one. Raises ``SourceUnavailable``."""
    host, port = _address(settings)
    through = " (the proxy)" if settings.proxy else ""
    subject = f"{host}:{port}{through}"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceUnavailable(
            f"the name {host} cannot be resolved ({error.strerror or error})",
            subject=subject,
            hint="check pi_web_api_url and the DNS of this machine",
        ) from error
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:  # TimeoutError is one
        raise SourceUnavailable(
            f"cannot connect ({_reason(error)})",
            subject=subject,
            hint="check pi_web_api_url, firewalls on the way, and that PI Web API runs",
        ) from error
    writer.close()
    addresses = sorted({str(item[4][0]) for item in found})
    return f"{subject}, {addresses[0]}" if addresses[0] != host else subject


async def handshake(settings: Settings) -> Handshake:
    """Agree on TLS and look at the certificate. Raises ``TlsRefused``, ``SourceUnavailable``."""
    if urlsplit(settings.pi_web_api_url).scheme != "https":
        return Handshake("none: http, everybody in between can read everything", doubtful=True)
    if settings.proxy:
        return Handshake("through the proxy: seen with the first request")
    host, port = _address(settings)
    context = connection_of(settings).ssl_context()
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise TlsRefused(
            f"the certificate cannot be verified: {error.verify_message}",
            subject=f"{host}:{port}",
            hint="set tls.ca_bundle to the PEM file of the authority that signed it",
        ) from error
    except OSError as error:  # ssl.SSLError is one
        raise SourceUnavailable(
            f"no TLS is spoken there ({_reason(error)})",
            subject=f"{host}:{port}",
            hint="check the port and the https:// in pi_web_api_url",
        ) from error
    spoken = writer.get_extra_info("ssl_object")
    writer.close()
    if not settings.tls.verify:
        return Handshake(
            f"{spoken.version()}; the certificate is not verified (tls.verify: false)", doubtful=True
        )
    return _certificate(spoken.version(), spoken.getpeercert() or {})


async def write_probe(settings: Settings) -> str:
    """Create a table in the lake, read it back, remove it. Raises ``SinkUnavailable``, and ``SettingsError``
    for a table of somebody else where ours will be.
    """
    return await asyncio.to_thread(_write_probe, settings)


def _write_probe(settings: Settings) -> str:
    spec = TableSpec(
        name=f"pi_lakeflow_probe_{secrets.token_hex(4)}",
        doc="Written and removed by `check`.",
        grain=Grain.LOG,
        key=("probe",),
        columns=(Column("probe", pa.string(), "Nothing."),),
    )
    lake = open_lake(settings)
    for ours in (PI_LANES, PI_TIMESERIES):
        if lake.table(ours).exists():
            lake.table(ours).handle()
    table = lake.table(spec)
    local = "://" not in table.path
    missing = [p for p in Path(table.path).parents if not p.exists()] if local else []
    try:
        table.add(pa.table({"probe": ["ok"]}, schema=spec.arrow_schema))
        read = table.read().num_rows
        table.drop()
    finally:
        for folder in missing:  # nearest first; what is not empty is somebody else's by now
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    if read != 1:
        raise SinkUnavailable("what was written cannot be read back", subject=table.path)
    root = lake.path_of("").rstrip("/")
    return f"{root}, {_free(missing, root)} GB free" if local else root


def _free(missing: list[Path], root: str) -> str:
    there = missing[-1].parent if missing else Path(root)
    return f"{shutil.disk_usage(there).free / 1e9:,.0f}"


def _address(settings: Settings) -> tuple[str, int]:
    url = urlsplit(settings.proxy.reveal() if settings.proxy else settings.pi_web_api_url)
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_PATIENCE:.0f} s"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return os.strerror(error.errno) if error.errno else str(error)


def _certificate(version: str | None, certificate: dict[str, Any]) -> Handshake:
    issuer = dict(pair for part in certificate.get("issuer", ()) for pair in part)
    signed_by = issuer.get("commonName") or issuer.get("organizationName") or "an unnamed authority"
    text = f"{version}, certificate signed by {signed_by}"
    ends = certificate.get("notAfter")
    if not ends:
        return Handshake(text)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    return Handshake(f"{text}, valid until {until:%Y-%m-%d}", doubtful=until - datetime.now(UTC) < _SOON)
