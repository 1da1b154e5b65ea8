"""What clients send: event frames and annotations as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from pi_lakeflow.simulator.http.assets.lookup import element_of
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.timeparse import BadTime, parse_time
from pi_lakeflow.simulator.world.assets import TEMPLATES
from pi_lakeflow.simulator.world.frames import OPEN, SEVERITIES

_READ_ONLY = frozenset(
    {
        *("acknowledgedby", "acknowledgeddate", "arevaluescaptured", "canbeacknowledged", "haschildren"),
        *("id", "isacknowledged", "isannotated", "islocked", "path", "security", "webid"),
    }
)


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object of a request; a 400 when it is none."""
    try:
        found: dict[str, Any] = msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ApiError(400, f"The request body is not valid: {error}") from None
    return {name.casefold(): value for name, value in found.items()}


def frame_fields(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Fields of a frame that a body sets; a 400 for one that cannot be set."""
    refused = sorted(_READ_ONLY & body.keys())
    if refused:
        raise ApiError(400, f"The property '{refused[0]}' cannot be set.")
    fields: dict[str, Any] = {n: str(body[n] or "") for n in ("name", "description") if n in body}
    if "severity" in body:
        fields["severity"] = _severity(str(body["severity"]))
    for name, field in (("starttime", "start"), ("endtime", "end")):
        if body.get(name):
            fields[field] = _moment(call, str(body[name]))
    if "categorynames" in body:
        fields["categories"] = tuple(map(str, body["categorynames"]))
    if "refelementwebids" in body:
        fields["places"] = tuple(element_of(call, str(text)).place for text in body["refelementwebids"])
    return fields


def template_name(body: dict[str, Any]) -> str:
    """The template of a new frame; a 400 when nobody knows it."""
    name = str(body.get("templatename") or "")
    for known in TEMPLATES.values():
        if known.name.casefold() == name.casefold() and known.instance_type == "EventFrame":
            return known.name
    if name:
        raise ApiError(400, "The specified event frame template was not found.", generic=True)
    return ""


def _severity(text: str) -> str:
    for name in SEVERITIES:
        if name.casefold() == text.casefold():
            return name
    raise ApiError(400, f"The value '{text}' is not valid for property 'Severity'.")


def _moment(call: Call, text: str) -> int:
    if text.startswith("9999-"):
        return OPEN
    try:
        return parse_time(text, now=call.now, zone=call.zone)
    except BadTime as error:
        raise ApiError(400, str(error)) from None
