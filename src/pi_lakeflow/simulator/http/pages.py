"""The HTML that HTTP.sys and proxies answer with."""

from __future__ import annotations

from .reply import Reply

_HTML = "text/html; charset=us-ascii"
_PAGE = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n'
    "<HTML><HEAD><TITLE>{title}</TITLE>\r\n"
    '<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>\r\n'
    "<BODY><h2>{heading}</h2>\r\n<hr><p>HTTP Error {status}. {text}</p>\r\n</BODY></HTML>\r\n"
)


def _page(status: int, title: str, heading: str, text: str) -> Reply:
    body = _PAGE.format(title=title, heading=heading, status=status, text=text).encode()
    return Reply(status, (body,), content_type=_HTML)


def invalid_url() -> Reply:
    """A URL segment is too long."""
    return _page(400, "Bad Request", "Bad Request - Invalid URL", "The request URL is invalid.")


def too_long() -> Reply:
    """Request line and headers are too long."""
    return _page(
        400, "Bad Request", "Bad Request - Request Too Long", "The size of the request headers is too long."
    )


def not_found() -> Reply:
    """Outside of the base path."""
    return _page(404, "Not Found", "Not Found", "The requested resource is not found.")


def proxy_page() -> Reply:
    """What a portal or proxy puts in place of an answer, with status 200."""
    body = (
        b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
    )
    return Reply(200, (body,), content_type="text/html; charset=utf-8")
