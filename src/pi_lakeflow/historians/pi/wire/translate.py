"""The border where foreign network errors become ours. Nothing of aiohttp passes it.

Every exception class of aiohttp's client is named in ``TRANSLATIONS``; a test fails when a new
version of aiohttp has one that is not.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from pi_lakeflow.errors import (
    AuthRefused,
    PiLakeflowError,
    SettingsError,
    SourceUnavailable,
    TlsRefused,
    Transient,
)

# Most special first: the first class that matches decides.
TRANSLATIONS: dict[type[Exception], type[PiLakeflowError]] = {
    aiohttp.ClientConnectorCertificateError: TlsRefused,
    aiohttp.ServerFingerprintMismatch: TlsRefused,
    aiohttp.ClientConnectorSSLError: Transient,
    aiohttp.ClientSSLError: Transient,
    aiohttp.ClientProxyConnectionError: Transient,
    aiohttp.ClientConnectorDNSError: Transient,
    aiohttp.client_exceptions.UnixClientConnectorError: Transient,
    aiohttp.ClientConnectorError: Transient,
    aiohttp.ConnectionTimeoutError: Transient,
    aiohttp.SocketTimeoutError: Transient,
    aiohttp.ServerTimeoutError: Transient,
    aiohttp.ServerDisconnectedError: Transient,
    aiohttp.ServerConnectionError: Transient,
    aiohttp.ClientConnectionResetError: Transient,
    aiohttp.ClientOSError: Transient,
    aiohttp.ClientConnectionError: Transient,
    aiohttp.ClientPayloadError: Transient,
    aiohttp.client_exceptions.UploadAbortedError: Transient,
    aiohttp.InvalidUrlRedirectClientError: SourceUnavailable,
    aiohttp.NonHttpUrlRedirectClientError: SourceUnavailable,
    aiohttp.RedirectClientError: SourceUnavailable,
    aiohttp.InvalidUrlClientError: SettingsError,
    aiohttp.NonHttpUrlClientError: SettingsError,
    aiohttp.InvalidURL: SettingsError,
    aiohttp.ClientHttpProxyError: Transient,  # 407 is AuthRefused, see below
    aiohttp.WSServerHandshakeError: Transient,  # 401 is AuthRefused, see below
    aiohttp.ContentTypeError: SourceUnavailable,
    aiohttp.TooManyRedirects: SourceUnavailable,
    aiohttp.ClientResponseError: Transient,  # what answers does not speak HTTP, or was cut
    aiohttp.WSMessageTypeError: SourceUnavailable,
    aiohttp.ClientError: Transient,
    ssl.SSLError: Transient,
    TimeoutError: Transient,
    OSError: Transient,
}

_HINTS: dict[type[PiLakeflowError], str] = {
    TlsRefused: "set verify_ssl to the path of the CA bundle that signed the server's certificate",
    SettingsError: "check pi_web_api_url",
}


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Inside, network errors leave as ours, with ``subject`` named and the original as cause."""
    try:
        yield
    except tuple(TRANSLATIONS) as error:
        raise translate(error, subject) from error


def translate(error: Exception, subject: str) -> PiLakeflowError:
    """Our error for a foreign one. The text holds no URL, since URLs hold queries."""
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == 407:
        return AuthRefused("the proxy refused the credentials (407)", subject=subject, hint="check proxy")
    if isinstance(error, aiohttp.WSServerHandshakeError) and error.status == 401:
        return AuthRefused("the server refused the credentials (401)", subject=subject, hint="check auth")
    ours = next(ours for foreign, ours in TRANSLATIONS.items() if isinstance(error, foreign))
    return ours(_describe(error), subject=subject, hint=_HINTS.get(ours))


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientProxyConnectionError, "cannot connect to the proxy"),
    (aiohttp.ClientConnectorDNSError, "the server's name cannot be resolved"),
    (aiohttp.ConnectionTimeoutError, "timed out while connecting"),
    (TimeoutError, "timed out while waiting for the answer"),
    (aiohttp.ClientPayloadError, "the answer was cut short"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection"),
    (ConnectionResetError, "the server closed the connection"),
)


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "not trusted"
        return f"the server's certificate could not be verified: {reason}"
    known = next((words for kind, words in _WORDS if isinstance(error, kind)), None)
    if known is not None:
        return known
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is not HTTP as we know it ({type(error).__name__}, status {error.status})"
    reason = error.strerror if isinstance(error, OSError) else None
    return f"the request failed ({type(error).__name__}{f': {reason}' if reason else ''})"
