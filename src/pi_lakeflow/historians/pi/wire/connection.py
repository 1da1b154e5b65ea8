"""How to reach the server: one frozen value object that fails when it is built wrong."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from yarl import URL

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.wire.links import base_url

MIB = 1 << 20


class InsecureConnection(UserWarning):
    """The certificate is not verified, or credentials travel unencrypted."""


@dataclass(frozen=True, slots=True)
class Connection:
    """``base_url`` is the root, ``https://server/piwebapi``.

    ``verify`` is True (the system's CAs), the path of a CA bundle, or False (loudly);
    ``client_cert`` a PEM file, or (certificate, key); ``proxy`` a URL that may hold credentials.
    ``read_timeout`` is the longest silence while the server works or sends, ``total_timeout``
    bounds one HTTP exchange. ``max_body_bytes`` caps the inflated body, ``max_wire_bytes`` what is
    received (None: the same). URLs longer than ``max_url_length`` characters are refused before
    they are sent, since HTTP.sys refuses them at about 16 KB.
    """

    base_url: str
    verify: bool | str | Path = True
    client_cert: str | tuple[str, str] | None = None
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: timedelta = timedelta(seconds=15)
    read_timeout: timedelta = timedelta(seconds=120)
    total_timeout: timedelta = timedelta(seconds=300)
    pool_size: int = 16
    compression: bool = True
    max_body_bytes: int = 64 * MIB
    max_wire_bytes: int | None = None
    user_agent: str = "pi-lakeflow"
    max_url_length: int = 8000

    def __post_init__(self) -> None:
        base_url(self.base_url)
        for name in ("connect_timeout", "read_timeout", "total_timeout"):
            if getattr(self, name) <= timedelta(0):
                raise SettingsError("must be a positive duration", subject=name)
        for name in ("pool_size", "max_body_bytes", "max_url_length"):
            if getattr(self, name) < 1:
                raise SettingsError("must be at least 1", subject=name)
        if not self.user_agent.isascii() or not self.user_agent.isprintable():
            raise SettingsError("must be printable ASCII", subject="user_agent")
        if self.proxy is not None:
            _proxy(self.proxy)

    @property
    def root(self) -> URL:
        return base_url(self.base_url)

    @property
    def wire_cap(self) -> int:
        return self.max_body_bytes if self.max_wire_bytes is None else self.max_wire_bytes

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings. Reads files; raises ``SettingsError`` when they are unusable."""
        cafile = None if isinstance(self.verify, bool) else str(self.verify)
        try:
            context = ssl.create_default_context(cafile=cafile)
        except (OSError, ssl.SSLError) as error:
            text = f"cannot read the CA bundle {cafile}: {error}"
            raise SettingsError(text, subject="verify_ssl") from error
        if self.verify is False:
            text = f"the certificate of {self.root.host} is not verified"
            warnings.warn(text, InsecureConnection, stacklevel=3)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert is not None:
            self._load_client_cert(context, self.client_cert)
        return context

    def _load_client_cert(self, context: ssl.SSLContext, given: str | tuple[str, str]) -> None:
        pair = (given, None) if isinstance(given, str) else given
        try:
            context.load_cert_chain(*pair)
        except (OSError, ssl.SSLError) as error:
            text = f"cannot read the client certificate: {error}"
            raise SettingsError(text, subject="client_cert") from error


def _proxy(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError("not an http or https URL", subject="proxy")
    return url
