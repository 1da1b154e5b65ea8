"""What is sent, batches, and lists over many pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.served import QUICK, Script, answer, served, transport
from yarl import URL

from pi_lakeflow.errors import Refused, SettingsError, SourceUnavailable, TooLarge
from pi_lakeflow.historians.pi.wire.batch import failed_children
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient, split_query
from pi_lakeflow.historians.pi.wire.links import join

NASTY = [
    "a&b",
    "#1",
    "*-1d+2h",
    "x;y",
    "100%",
    "%2B",
    "two words",
    "\\\\PI\\tag",
    "a|b",
    "Zähler é ü 水",
    "a=b?c",
    "+",
]


@pytest.mark.parametrize("text", NASTY)
async def test_whatever_is_in_a_name_arrives_intact(text: str) -> None:
    script = Script(answer(200))
    async with served(script) as root, transport(root) as way:
        await way.json("GET", f"points/{text}", params=[("name", text), ("name", "second"), ("time", text)])
    (request,) = script.seen
    assert list(request.query.items()) == [("name", text), ("name", "second"), ("time", text)]
    assert request.path == f"/piwebapi/points/{text}"


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..") and "/" not in text))
def test_any_text_survives_the_url(text: str) -> None:
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        return  # no UTF-8 for a lone surrogate
    url = str(join(URL("http://x/piwebapi"), text, [(text, text)]))
    assert url.isascii()
    assert dict(URL(url, encoded=True).query) == {text: text}


@pytest.mark.parametrize("path", ["../admin", "a//b", "a/../b", "./a"])
async def test_paths_that_leave_the_root_are_refused(path: str) -> None:
    async with transport("http://127.0.0.1:1/piwebapi") as way:
        with pytest.raises(SettingsError):
            await way.json("GET", path)


async def test_a_post_says_what_it_is() -> None:
    script = Script(answer(200))
    async with served(script) as root, transport(root, user_agent="plant reader") as way:
        await way.json("POST", "batch", json={"a": 1})
        await way.json("GET", "system")
    post, get = script.seen
    assert post.headers["X-Requested-With"] == "plant reader"
    assert post.headers["Content-Type"] == "application/json"
    assert await post.json() == {"a": 1}
    assert "X-Requested-With" not in get.headers
    assert get.headers["User-Agent"] == "plant reader"


async def test_a_url_that_the_server_would_refuse_is_not_sent() -> None:
    script = Script(answer(200))
    async with served(script) as root, transport(root, max_url_length=500) as way:
        with pytest.raises(TooLarge, match=r"\(60 webIds\)"):
            await way.json("GET", "streamsets/recorded", params=[("webId", "x" * 20)] * 60)
    assert script.seen == []


def test_queries_are_spelled_as_people_write_them() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert split_query("a?x=%2B&y=", {"webId": ["1", "2"], "none": None, "at": moment, "on": True}) == (
        "a",
        [("x", "+"), ("y", ""), ("webId", "1"), ("webId", "2"), ("at", "2024-05-01T12:00:00Z"), ("on", True)],
    )


async def test_a_batch_is_matched_by_id_and_its_failures_are_found() -> None:
    reply = {
        "bad": {"Status": 404, "Headers": {}, "Content": {"Errors": ["No such point"]}},
        "good": {"Status": 200, "Headers": {}, "Content": {"Value": 1}},
        "hidden": {"Status": 200, "Headers": {}, "Content": {"WebException": {"StatusCode": 500}}},
        "many": {
            "Status": 207,
            "Headers": {},
            "Content": {
                "Total": 2,
                "Items": [
                    {"Status": 200, "Headers": {}, "Content": {}},
                    {"Status": 403, "Headers": {}, "Content": "Not yours"},
                ],
            },
        },
    }
    script = Script(answer(207, json.dumps(reply)))
    requests: dict[str, dict[str, Any]] = {
        "good": {"Resource": "streams/a/value"},
        "many": {"RequestTemplate": {"Resource": "{0}"}, "ParentIds": ["good"], "Parameters": ["$.x"]},
        "bad": {"Method": "POST", "Resource": "/streams/b/value", "Content": {"Value": 1}},
        "hidden": {"Resource": "http://x/piwebapi/y"},
    }
    async with served(script) as root, AsyncPIWebAPIClient(root) as client:
        result = await client.batch(requests)
    assert list(result) == list(requests)
    failures = failed_children(result)
    assert sorted(failures) == ["bad", "hidden", "many[1]"]
    assert isinstance(failures["bad"], Refused)
    assert "No such point" in str(failures["bad"])
    assert "Not yours" in str(failures["many[1]"])
    sent = await script.seen[0].json()
    assert sent["good"] == {"Method": "GET", "Resource": f"{root}/streams/a/value"}
    assert sent["bad"]["Content"] == '{"Value":1}'
    assert sent["hidden"]["Resource"] == "http://x/piwebapi/y"


@pytest.mark.parametrize("reply", ['{"a":{"Status":200,"Content":{}}}', '{"b":{"Content":{}}}', "[]", "{}"])
async def test_a_batch_that_lacks_an_answer_is_an_error(reply: str) -> None:
    async with served(Script(answer(207, reply))) as root, AsyncPIWebAPIClient(root) as client:
        with pytest.raises(SourceUnavailable):
            await client.batch({"a": {"Resource": "x"}, "b": {"Resource": "y"}})


@pytest.mark.parametrize("wrong", [{}, {"a": {"Method": "GET"}}])
async def test_a_batch_without_sense_is_not_sent(wrong: dict[str, Any]) -> None:
    async with AsyncPIWebAPIClient("http://127.0.0.1:1/piwebapi") as client:
        with pytest.raises(SettingsError):
            await client.batch(wrong)


class Listing:
    """A paged list of ``total`` numbers, with or without links, as PI Web API pages."""

    def __init__(self, total: int, *, links: bool) -> None:
        self.total, self.links, self.asked = total, links, 0

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked += 1
        start, count = int(request.query.get("startIndex", 0)), int(request.query["maxCount"])
        page: dict[str, Any] = {"Items": [{"n": n} for n in range(self.total)[start : start + count]]}
        if self.links:
            page["Links"] = {"First": str(request.url), "Last": str(request.url)}
            if start + count < self.total:
                page["Links"]["Next"] = str(request.url.update_query(startIndex=start + count))
        return web.json_response(page)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("total", [0, 1, 2, 3, 6, 7, 9])
async def test_all_items_of_all_pages_once(total: int, links: bool) -> None:
    listing = Listing(total, links=links)
    async with served(listing) as root, AsyncPIWebAPIClient(root) as client:
        items = [item["n"] async for item in client.items("points", {"maxCount": 3, "filter": "a&b"})]
    assert items == list(range(total))
    assert listing.asked <= total // 3 + 1


async def test_pages_that_lead_in_a_circle_are_noticed() -> None:
    async def circle(request: web.Request) -> web.Response:
        return web.json_response(
            {"Items": [1], "Links": {"Next": str(request.url.with_query("startIndex=1"))}}
        )

    async def growing(request: web.Request) -> web.Response:
        number = int(request.query.get("startIndex", 0)) % 3
        link = str(request.url.with_query({"startIndex": str(number + 1)}))
        return web.json_response({"Items": [number], "Links": {"Next": link}})

    for handler in (circle, growing):
        async with served(handler) as root, AsyncPIWebAPIClient(root, retry=QUICK) as client:
            with pytest.raises(SourceUnavailable, match="circle"):
                [item async for item in client.items("points")]


async def test_a_route_that_ignores_start_index_is_not_read_for_ever_nor_cut_silently() -> None:
    async with served(Script(answer(200, '{"Items":[1,2]}'))) as root, AsyncPIWebAPIClient(root) as client:
        with pytest.raises(TooLarge):
            [item async for item in client.items("points", {"maxCount": 2})]


async def test_a_next_link_is_asked_for_as_the_server_wrote_it() -> None:
    """Its escapes are not touched, and ``&amp;`` is understood."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        if len(seen) > 1:
            return web.json_response({"Items": []})
        link = f"{request.url.origin()}/piwebapi/points?q=a%2Bb%20c&amp;startIndex=1"
        return web.json_response({"Items": [1], "Links": {"Next": link}})

    async with served(handler) as root, AsyncPIWebAPIClient(root) as client:
        assert [item async for item in client.items("points")] == [1]
    assert seen[1] == "/piwebapi/points?q=a%2Bb%20c&startIndex=1"
