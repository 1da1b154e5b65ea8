"""Annotations of event frames and their attachments (PI Web API reference, topic EventFrame)."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found
from pi_lakeflow.simulator.http.frames.bodies import body_of
from pi_lakeflow.simulator.http.frames.objects import FramePrinter
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.frames import FrameAnnotation

from .eventframes import frame_of, frames_of
from .eventframewrites import account

_ALL = "/eventframes/{webId}/annotations"
_ONE = f"{_ALL}/{{id}}"
_MEDIA = f"{_ONE}/attachment/media"


def register(router: Router) -> None:
    router.get(_ALL)(annotations_)
    router.post(_ALL)(create)
    router.get(_ONE)(annotation)
    router.on("PATCH", _ONE)(edit)
    router.on("DELETE", _ONE)(delete)
    router.get(f"{_MEDIA}/metadata")(metadata)
    router.get(f"{_MEDIA}/mediadata")(media_data)
    router.on("DELETE", _MEDIA)(delete_media)


async def annotations_(call: Call) -> Reply:
    frame, printer = frame_of(call), FramePrinter.of_list(call)
    return call.reply({"Links": {}, "Items": [printer.annotation(frame, note) for note in frame.annotations]})


async def annotation(call: Call) -> Reply:
    return call.reply(FramePrinter(call, call.fields).annotation(frame_of(call), _note(call)))


async def create(call: Call) -> Reply:
    body, frame, frames = body_of(call), frame_of(call), frames_of(call)
    if not body.get("name"):
        raise ApiError(400, "The property 'Name' is required.")
    made = frames.changes.annotate(
        frame,
        str(body.get("value") or ""),
        by=account(call),
        name=str(body["name"]),
        description=str(body.get("description") or ""),
    )
    web_id = frames.webid(frame, call.web_id_type)
    return Reply(201, headers={"Location": call.link(f"/eventframes/{web_id}/annotations/{made.id}")})


async def edit(call: Call) -> Reply:
    body = body_of(call)
    fields = {name: str(body[name] or "") for name in ("name", "description", "value") if name in body}
    frames_of(call).changes.edit_annotation(frame_of(call), _note(call), by=account(call), **fields)
    return Reply(204)


async def delete(call: Call) -> Reply:
    frames_of(call).changes.delete_annotation(frame_of(call), _note(call))
    return Reply(204)


async def metadata(call: Call) -> Reply:
    note = _with_media(call)
    frame, printer = frame_of(call), FramePrinter(call)
    own = printer.annotation(frame, note)["Links"]
    name, content = note.media or ("", b"")
    body: dict[str, Any] = {
        "Name": name,
        "Description": note.description,
        "Author": note.creator,
        "ChangeDate": t.to_text(note.modified),
        "Size": float(len(content)),
        "Links": {"Self": own["MediaMetadata"], "Owner": own["Self"], "MediaData": own["MediaData"]},
    }
    return call.reply(body)


async def media_data(call: Call) -> Reply:
    _, content = _with_media(call).media or ("", b"")
    return Reply(200, (content,), content_type="text/plain")


async def delete_media(call: Call) -> Reply:
    note = _with_media(call)
    frames_of(call).changes.edit_annotation(frame_of(call), note, by=account(call), media=None)
    return Reply(204)


def _note(call: Call) -> FrameAnnotation:
    wanted = call.match["id"].casefold()
    for note in frame_of(call).annotations:
        if str(note.id) == wanted:
            return note
    raise not_found("Annotation")


def _with_media(call: Call) -> FrameAnnotation:
    note = _note(call)
    if note.media is None or not call.sim.since(1, 11):  # attachments came with PI Web API 2018
        raise not_found("Attachment")
    return note
