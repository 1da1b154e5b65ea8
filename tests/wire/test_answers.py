"""What each answer of a real server becomes."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web
from tests.wire.served import Conversation, Script, answer, raw_served, served, transport

from pi_lakeflow.errors import AuthRefused, PiLakeflowError, Refused, SourceUnavailable, TooLarge
from pi_lakeflow.historians.pi.wire.answers import retry_after
from pi_lakeflow.historians.pi.wire.inflate import inflate

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{"ok":true}'
PAGE = "<!DOCTYPE html><html><body><h2>Bad Request - Invalid URL</h2></body></html>"


async def error_of(script: Script, *, requests: int = 1) -> PiLakeflowError:
    async with served(script) as root, transport(root) as way:
        with pytest.raises(PiLakeflowError) as caught:
            await way.json("GET", "system")
    assert len(script.seen) == requests
    return caught.value


async def test_401_is_auth_refused() -> None:
    error = await error_of(Script(answer(401, '{"Message":"Authorization has been denied"}')))
    assert type(error) is AuthRefused
    assert "has been denied" in str(error)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 501])
async def test_a_refusal_keeps_the_status_and_the_words_of_the_server(status: int) -> None:
    error = await error_of(Script(answer(status, '{"Errors":["PI Point not found.","Sorry."]}')))
    assert isinstance(error, Refused)
    assert error.status == status
    assert "PI Point not found.; Sorry." in error.message
    assert error.subject == "GET /piwebapi/system"


async def test_a_named_maximum_is_too_large_with_the_limit() -> None:
    words = "The parameter 'maxCount' is greater than the maximum allowed (150000)."
    error = await error_of(Script(answer(400, f'{{"Errors":["{words}"]}}')))
    assert isinstance(error, TooLarge)
    assert error.limit == 150000


async def test_an_html_400_is_a_url_too_long() -> None:
    error = await error_of(Script(answer(400, PAGE, "text/html")))
    assert isinstance(error, TooLarge)
    assert "Invalid URL" in str(error)


@pytest.mark.parametrize("status", [413, 414, 431])
async def test_what_is_too_large_for_the_server_is_too_large(status: int) -> None:
    assert isinstance(await error_of(Script(answer(status, ""))), TooLarge)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_web_page_is_no_historian(status: int, kind: str) -> None:
    error = await error_of(Script(answer(status, PAGE, kind)))
    assert isinstance(error, SourceUnavailable)
    assert "pi_web_api_url" in (error.hint or "")


async def test_a_failure_hidden_in_a_200_is_refused_after_some_tries() -> None:
    body = '{"Items":[],"WebException":{"StatusCode":500,"Errors":["Out of luck"]}}'
    error = await error_of(Script(answer(200, body)), requests=3)
    assert isinstance(error, Refused)
    assert (error.status, error.message) == (500, "Out of luck")


@pytest.mark.parametrize(
    "first",
    [
        answer(429, "", Retry_After="0"),
        answer(503, PAGE, "text/html"),
        answer(500, '{"Message":"An error has occurred."}'),
        answer(502, PAGE, "text/html"),
        answer(408, ""),
        answer(200, '{"ok":tr'),
        answer(200, gzip.compress(b'{"ok":true}')[:-9], Content_Encoding="gzip"),
        answer(200, '{"Items":[],"WebException":{"StatusCode":500,"Errors":["Out of luck"]}}'),
    ],
    ids=["429", "503", "500", "502", "408", "broken JSON", "cut gzip", "WebException"],
)
async def test_a_passing_trouble_is_tried_again(first: Callable[[], web.StreamResponse]) -> None:
    script = Script(first, answer(200))
    async with served(script) as root, transport(root) as way:
        assert await way.json("GET", "system") == {"ok": True}
    assert len(script.seen) == 2


async def test_retry_after_reaches_the_gate() -> None:
    script = Script(answer(429, "", Retry_After="0.3"), answer(200))
    async with served(script) as root, transport(root) as way:
        before = asyncio.get_running_loop().time()
        assert await way.json("GET", "system") == {"ok": True}
        assert asyncio.get_running_loop().time() - before >= 0.3  # a lower bound: slowness cannot break it


def test_retry_after_is_seconds_or_a_date_by_the_clock_of_the_server() -> None:
    assert retry_after("120") == 120
    assert retry_after("Wed, 21 Oct 2015 07:28:30 GMT", now="Wed, 21 Oct 2015 07:28:00 GMT") == 30
    assert retry_after("Wed, 21 Oct 2015 07:28:30 GMT") == 0
    assert [retry_after(text) for text in (None, "soon", "-3", "")] == [None] * 4


async def test_a_post_is_sent_once_only() -> None:
    script = Script(answer(500, ""))
    async with served(script) as root, transport(root) as way:
        with pytest.raises(SourceUnavailable, match="after 1 attempt"):
            await way.json("POST", "streams/x/value", json={"Value": 1})
        assert len(script.seen) == 1
        with pytest.raises(SourceUnavailable, match="after 3 attempts"):
            await way.json("POST", "batch", json={})
    assert len(script.seen) == 4


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def all_right(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


TROUBLES: dict[str, Conversation] = {
    "reset": reset,
    "closed without a word": lambda _writer: None,
    "cut body": lambda writer: writer.write(OK.replace(b"Length: 11", b"Length: 500")),
    "cut chunks": lambda writer: writer.write(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n'
    ),
    "no HTTP": lambda writer: writer.write(b"SSH-2.0-OpenSSH_9.6\r\n"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_a_broken_connection_is_tried_again(trouble: Conversation) -> None:
    async with raw_served(trouble, all_right) as (root, seen), transport(root) as way:
        assert await way.json("GET", "system") == {"ok": True}
    assert len(seen) == 2


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_a_connection_that_stays_broken_is_source_unavailable(trouble: Conversation) -> None:
    async with raw_served(trouble) as (root, seen), transport(root) as way:
        with pytest.raises(SourceUnavailable, match="gave up after 3 attempts") as caught:
            await way.json("GET", "system")
    assert len(seen) == 3
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__cause__ is not None


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with transport(f"http://127.0.0.1:{unused.getsockname()[1]}/piwebapi") as way:
            with pytest.raises(SourceUnavailable, match="3 attempts"):
                await way.json("GET", "system")


async def test_a_server_that_stalls_is_source_unavailable() -> None:
    seen = []

    async def stall(request: web.Request) -> web.Response:
        seen.append(request)
        await asyncio.sleep(60)
        return web.Response()

    short = timedelta(seconds=0.2)
    async with served(stall) as root, transport(root, read_timeout=short) as way:
        with pytest.raises(SourceUnavailable, match="timed out"):
            await way.json("GET", "system")
    assert len(seen) == 3


async def test_gzip_with_one_and_with_many_members() -> None:
    long = b'{"Items":[' + b",".join(b'"%d"' % n for n in range(50_000)) + b"]}"
    for body in (gzip.compress(long), gzip.compress(long[:777]) + gzip.compress(long[777:])):
        script = Script(answer(200, body, Content_Encoding="gzip"))
        async with served(script) as root, transport(root) as way:
            assert (await way.request("GET", "x")).body == long
        assert script.seen[0].headers["Accept-Encoding"] == "gzip"


def bomb(size: int = 64 << 20) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize("trailer", [None, 1000], ids=["honest", "lying"])
async def test_a_gzip_bomb_is_too_large_and_takes_no_memory(trailer: int | None) -> None:
    body = bomb() if trailer is None else bomb()[:-4] + struct.pack("<I", trailer)
    script = Script(answer(200, body, Content_Encoding="gzip"))
    async with served(script) as root, transport(root, max_body_bytes=2 << 20) as way:
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                await way.request("GET", "x")
            assert tracemalloc.get_traced_memory()[1] < 12 << 20
        finally:
            tracemalloc.stop()
    assert len(script.seen) == 1


async def test_a_body_over_the_cap_is_too_large() -> None:
    script = Script(answer(200, b" " * 5000))
    async with served(script) as root, transport(root, max_body_bytes=4000) as way:
        with pytest.raises(TooLarge, match="4,000"):
            await way.request("GET", "x")
        with pytest.raises(TooLarge, match="1,000"):
            await way.request("GET", "x", cap_bytes=1000)


def test_every_cut_of_a_gzip_body_is_noticed() -> None:
    whole = gzip.compress(b"some text that is long enough, " * 5)
    for end in range(1, len(whole)):
        with pytest.raises(PiLakeflowError):
            inflate(whole[:end], "gzip", cap=10_000, subject="x")


def test_deflate_in_both_dialects_and_unknown_encodings() -> None:
    packer = zlib.compressobj(wbits=-15)
    plain = packer.compress(b"text") + packer.flush()
    for body in (zlib.compress(b"text"), plain):
        assert inflate(body, "deflate", cap=10, subject="x") == b"text"
    with pytest.raises(SourceUnavailable, match="br"):
        inflate(b"text", "br", cap=10, subject="x")
