"""URLs: built exactly, and links of the server checked before they are followed.

The server's answers are untrusted: a ``Links.Next`` to another origin is an error and credentials
never travel there. Parameters are percent-encoded in full, because ``+ # & % ;`` and spaces in
tag names and times give wrong answers when they are not (PI Web API reference, Time Strings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from yarl import URL

from pi_lakeflow.errors import SettingsError, SourceUnavailable

Params = Iterable[tuple[str, str | float | bool]]

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*\Z").match


def base_url(text: str) -> URL:
    """The root of a PI Web API, without a trailing slash. Raises ``SettingsError``."""
    hint = "it looks like https://server/piwebapi"
    try:
        url = URL(text.strip().rstrip("/"))
        port = url.port
    except ValueError as error:
        raise SettingsError(f"not a URL: {error}", subject="pi_web_api_url", hint=hint) from None
    if url.scheme not in ("http", "https") or not url.host or port is None:
        raise SettingsError("not an http or https URL", subject="pi_web_api_url", hint=hint)
    if url.user is not None or url.password is not None:
        raise SettingsError("holds credentials", subject="pi_web_api_url", hint="put them under auth")
    if url.query_string or url.fragment:
        raise SettingsError("has a query or fragment", subject="pi_web_api_url", hint=hint)
    return url


def join(base: URL, path: str, params: Params = ()) -> URL:
    """``base`` plus a path of plain text plus parameters, everything percent-encoded by us."""
    segments = path.strip("/").split("/") if path.strip("/") else []
    if any(segment in ("", ".", "..") for segment in segments):
        raise SettingsError(f"not a path below the server's root: {path!r}", hint="use /streams/{webId}/...")
    root = str(base).rstrip("/")
    text = "/".join([root, *(quote(segment, safe="") for segment in segments)])
    query = encode(params)
    return URL(f"{text}?{query}" if query else text, encoded=True)


def encode(params: Params) -> str:
    """A query string: everything outside ``A-Z a-z 0-9 - . _ ~`` is percent-encoded as UTF-8."""
    return "&".join(f"{_quoted(key)}={_quoted(_text(value))}" for key, value in params)


def _quoted(text: str) -> str:
    """Nearly all are WebIds, which stay as they are, and there are a hundred of them in a URL."""
    return text if _PLAIN(text) else quote(text, safe="")


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same_origin(base: URL, link: str) -> URL:
    """An absolute or relative link of the server, if it stays on the server. Else an error.

    Some servers write ``&amp;`` for ``&`` in ``Links.Next``.
    """
    try:
        # yarl decodes and re-encodes nothing here: what the server wrote is what it gets back.
        url = URL(str(base).rstrip("/") + "/").join(URL(link.replace("&amp;", "&"), encoded=True))
        same = url.origin() == base.origin() and url.user is None and url.password is None
    except ValueError as error:
        raise SourceUnavailable(f"the server sent a broken link: {error}", subject=for_logs(base)) from None
    if not same:
        raise SourceUnavailable(
            f"the server links to another origin ({url.scheme}://{url.host}), which is not followed",
            subject=for_logs(base),
            hint="set pi_web_api_url to the name that the server uses for itself",
        )
    return url


def for_logs(url: URL) -> str:
    """A URL for messages: no user, no query, no fragment."""
    return f"{url.scheme}://{url.host}{f':{url.explicit_port}' if url.explicit_port else ''}{url.path}"
