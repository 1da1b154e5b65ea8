"""Stream Updates: register, then poll with the marker of the last answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, PipelineError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.streams import Entry, Stream, entry_of, stream_of
from pi_lakeflow.simulator.http.updates import ACTIONS, PREVIOUS, News, Signup


def register(router: Router) -> None:
    router.post("/streams/{webId}/updates")(register_one)
    router.post("/streamsets/updates")(register_set)
    router.get("/streams/updates/{marker}")(poll_one)
    router.get("/streamsets/updates")(poll_set)


async def register_one(call: Call) -> Reply:
    """The first marker of one stream."""
    _since_2018(call)
    body, signup = _registered(call, Entry(stream_of(call, call.match["webId"])))
    reply = call.reply(body, status=call.sim.config.live.register_status)
    if signup is not None:
        reply.headers["Location"] = _poll_link(call, signup.marker(signup.latest))
    return reply


async def register_set(call: Call) -> Reply:
    """The first markers of several streams; those that fail say so in their item."""
    _since_2018(call)
    call.required("webId")
    pairs = [_registered(call, entry_of(call, text)) for text in call.texts("webId")]
    markers = [signup.marker(signup.latest) for _, signup in pairs if signup is not None]
    reply = call.reply(
        {"Links": {}, "Items": [item for item, _ in pairs]}, status=call.sim.config.live.register_status
    )
    reply.headers["Location"] = _set_link(call, markers)
    return reply


async def poll_one(call: Call) -> Reply:
    """What happened to one stream since the marker."""
    _since_2018(call)
    body, latest = _polled(call, call.match["marker"])
    reply = call.reply(body, events=len(body["Events"]))
    reply.headers["Location"] = _poll_link(call, latest)
    return reply


async def poll_set(call: Call) -> Reply:
    """The same of several; an unknown marker fails its item, and the call when none is known."""
    _since_2018(call)
    call.required("marker")
    items, markers, failures = [], [], []
    for marker in call.texts("marker"):
        try:
            item, latest = _polled(call, marker)
        except ApiError as error:
            failures.append(error)
            item, latest = _failed_poll(call, marker, error), ""
        items.append(item)
        markers += [latest] if latest else []
    if failures and (len(failures) == len(items) or call.sim.config.live.one_failed_poll_fails_all):
        raise failures[0]
    reply = call.reply({"Links": {}, "Items": items}, events=sum(len(item["Events"]) for item in items))
    reply.headers["Location"] = _set_link(call, markers)
    return reply


def _since_2018(call: Call) -> None:
    if not call.sim.since(1, 11):
        uri = f"{call.base}{call.path}"
        raise PipelineError(404, f"No HTTP resource was found that matches the request URI '{uri}'.")


def _registered(call: Call, entry: Entry) -> tuple[dict[str, Any], Signup | None]:
    try:
        if entry.failure is not None:
            raise entry.failure
        signup, new = call.sim.updates.register(entry.stream, call.user)
    except ApiError as error:
        if "webId" in call.match:
            raise
        return _failed_register(call, entry.stream, error), None
    marker = signup.marker(signup.latest)
    return {
        "Links": {"Updates": _poll_link(call, marker)},
        **_source(call, entry.stream),
        "LatestMarker": marker,
        "Status": "Succeeded" if new else "AlreadyRegistered",
        "Exception": {"Errors": []},
    }, signup


def _failed_register(call: Call, stream: Stream, error: ApiError) -> dict[str, Any]:
    errors = error.bodies(debug=call.sim.config.debug_mode)
    return {
        **_source(call, stream),
        "LatestMarker": "",
        "Status": "Failed",
        "Exception": {"Errors": errors},
    }


def _source(call: Call, stream: Stream) -> dict[str, Any]:
    return {
        "Source": stream.web_id(call.web_id_type),
        "SourceName": stream.name,
        "SourcePath": stream.path,
    }


def _polled(call: Call, marker: str) -> tuple[dict[str, Any], str]:
    signup, news, counter = call.sim.updates.poll(marker)
    signup.stream.check_units(call.text("desiredUnits"))
    latest = signup.marker(counter)
    errors = []
    if signup.error and counter == signup.latest:
        errors = [signup.error]
        call.sim.updates.close(signup)
    return {
        **_source(call, signup.stream),
        "RequestedMarker": marker,
        "LatestMarker": latest,
        "Status": "Failed" if errors else "Updated",
        "Events": _events(call, signup.stream, news),
        "Exception": {"Errors": errors},
    }, latest


def _failed_poll(call: Call, marker: str, error: ApiError) -> dict[str, Any]:
    return {
        "Source": "",
        "SourceName": "",
        "SourcePath": "",
        "RequestedMarker": marker,
        "LatestMarker": "",
        "Status": "Failed",
        "Events": [],
        "Exception": {"Errors": error.bodies(debug=call.sim.config.debug_mode)},
    }


def _events(call: Call, stream: Stream, news: News) -> list[dict[str, Any]]:
    values = call.sim.text.dicts(stream, news.events)
    return [
        {"Action": ACTIONS[action], "PreviousEventAction": PREVIOUS[previous], **value}
        for action, previous, value in zip(news.actions.tolist(), news.previous.tolist(), values, strict=True)
    ]


def _poll_link(call: Call, marker: str) -> str:
    return call.link(f"/streams/updates/{quote(marker)}") + _kept(call, "?")


def _set_link(call: Call, markers: list[str]) -> str:
    query = urlencode([("marker", marker) for marker in markers])
    return call.link(f"/streamsets/updates?{query}") + _kept(call, "&")


def _kept(call: Call, first: str) -> str:
    """``selectedFields`` and ``webIdType`` go on to the next poll."""
    names = ("selectedFields", "webIdType", "desiredUnits")
    query = urlencode([(name, call.text(name)) for name in names if call.given(name)])
    return first + query if query else ""
