"""What an HTTP answer means: the mapping from status and body to our errors. Pure.

See the PI Web API reference, topic Error Handling: ``{"Errors": [...]}`` is the normal form,
``{"Message": ...}`` comes from the ASP.NET pipeline, a bare string occurs in batches, and HTML
comes from HTTP.sys (a URL it dislikes), a proxy, or something that is no PI Web API at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from pi_lakeflow.errors import (
    AuthRefused,
    PiLakeflowError,
    Refused,
    SourceUnavailable,
    Throttled,
    TooLarge,
    Transient,
)

MAX_TEXT = 500  # characters of the server's own words that are repeated
_LIMIT = re.compile(r"greater than the maximum allowed\s*\(?\s*(\d+)")


def error_for(
    status: int, headers: Mapping[str, str], body: bytes, *, subject: str
) -> PiLakeflowError | None:
    """The error that an answer stands for, or None when it is a success (2xx).

    =============================== ==========================================================
    401, 407                        ``AuthRefused``
    429, 503                        ``Throttled``, with the seconds of Retry-After if there
    408, 425, 5xx (not 501)         ``Transient``
    413, 414, 431                   ``TooLarge``
    400 that names a maximum        ``TooLarge`` with that ``limit``
    400 in HTML                     ``TooLarge``: HTTP.sys disliked the URL
    404 in HTML                     ``SourceUnavailable``: HTTP.sys knows no such root
    other 4xx, 501                  ``Refused`` with the server's own words
    anything else                   ``SourceUnavailable``
    =============================== ==========================================================
    """
    if 200 <= status < 300:
        return None
    text = server_text(body) or f"HTTP status {status}"
    if status in (429, 503):
        wait = retry_after(headers.get("Retry-After"), now=headers.get("Date"))
        return Throttled(f"the server is busy ({status}): {text}", subject=subject, retry_after=wait)
    if status in (408, 425) or (status >= 500 and status != 501):
        return Transient(f"the server failed ({status}): {text}", subject=subject)
    if status >= 400:
        return _client_error(status, text, body, subject)
    return SourceUnavailable(f"answers with the unexpected status {status}", subject=subject, hint=_NOT_PI)


def _client_error(status: int, text: str, body: bytes, subject: str) -> PiLakeflowError:
    if status == 401:
        said = f"the server refused the credentials (401): {text}"
        return AuthRefused(said, subject=subject, hint=_AUTH_HINT)
    if status == 407:
        return AuthRefused("the proxy refused the credentials (407)", subject=subject, hint="check proxy")
    if status in (413, 414, 431):
        return TooLarge(f"the request is too large ({status}): {text}", subject=subject, hint=_SMALLER)
    if status == 400:
        return _bad_request(text, body, subject)
    if status == 404 and is_html(body):  # PI Web API's own 404 is JSON: nobody serves this root
        return SourceUnavailable(f"no PI Web API answers here: {text}", subject=subject, hint=_NOT_PI)
    return Refused(f"{text} ({status})", subject=subject, status=status)


_AUTH_HINT = "check auth in the configuration; with Kerberos also the delegation of the service account"
_SMALLER = "ask for fewer tags in one request"
_NOT_PI = "check pi_web_api_url: it must end in /piwebapi, and no portal or proxy may answer instead"


def _bad_request(text: str, body: bytes, subject: str) -> PiLakeflowError:
    found = _LIMIT.search(text)
    if found:
        return TooLarge(text, subject=subject, limit=int(found.group(1)), hint="lower the page size")
    if is_html(body):  # HTTP.sys refuses the URL before PI Web API sees it
        return TooLarge(f"the URL is too long for the server: {text}", subject=subject, hint=_SMALLER)
    return Refused(f"{text} (400)", subject=subject, status=400)


def not_json(headers: Mapping[str, str], body: bytes, *, subject: str) -> PiLakeflowError | None:
    """The error of a success that is a web page instead of JSON, or None."""
    kind = headers.get("Content-Type", "").lower()
    if "html" not in kind and not is_html(body):
        return None
    return SourceUnavailable("answers HTML, not PI Web API", subject=subject, hint=_NOT_PI)


def is_html(body: bytes) -> bool:
    """Whether a body is a web page."""
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def server_text(body: bytes) -> str:
    """What the server itself says in an error body, in one line; "" if nothing."""
    if is_html(body):
        plain = re.sub(
            rb"<(style|script|title)\b.*?</\1>|<[^>]*>", b" ", body[:8192], flags=re.DOTALL | re.IGNORECASE
        )
        return _clip(plain.decode("utf-8", "replace"))
    try:
        return _clip(_words(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _clip(body[:MAX_TEXT].decode("utf-8", "replace"))


def web_exception(answer: Any, *, subject: str) -> Refused | None:
    """The failure hidden under status 200: PI Web API had already sent its headers."""
    hidden = answer.get("WebException") if isinstance(answer, dict) else None
    if not isinstance(hidden, dict):
        return None
    status = hidden.get("StatusCode")
    text = _clip(_words(hidden)) or "the server failed while it wrote the answer"
    return Refused(text, subject=subject, status=status if isinstance(status, int) else None)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        return next(
            (
                words
                for key in ("Errors", "Message", "error_description", "error")
                if (words := _words(value.get(key)))
            ),
            "",
        )
    return ""


def _clip(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def retry_after(value: str | None, *, now: str | None = None) -> float | None:
    """Seconds of a Retry-After header (a number, or an HTTP date), or None.

    ``now`` is the answer's Date header: a date is relative to the server's clock, not to ours.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        return float(text)
    when = _date(text)
    if when is None:
        return None
    return max(0.0, (when - (_date(now) or datetime.now(UTC))).total_seconds())


def _date(text: str | None) -> datetime | None:
    try:
        when = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
