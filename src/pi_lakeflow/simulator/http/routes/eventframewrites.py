"""Writes on event frames: acknowledge, capture, edit, delete, create. 204, or 201 with ``Location``."""

from __future__ import annotations

from pi_lakeflow.simulator.http.assets.lookup import database_of
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.frames.bodies import body_of, frame_fields, template_name
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.frames import Frame

from .eventframes import frame_of, frames_of


def register(router: Router) -> None:
    router.on("PATCH", "/eventframes/{webId}/acknowledge")(acknowledge)
    router.post("/eventframes/{webId}/attributes/capture")(capture)
    router.on("PATCH", "/eventframes/{webId}")(edit)
    router.on("DELETE", "/eventframes/{webId}")(delete)
    router.post("/assetdatabases/{webId}/eventframes")(create)
    router.post("/eventframes/{webId}/eventframes")(create_below)


async def acknowledge(call: Call) -> Reply:
    """The caller has seen it; a second time changes nothing."""
    frame = frame_of(call)
    if not frame.can_be_acknowledged:
        raise ApiError(400, "The event frame cannot be acknowledged.", generic=True)
    if not frame.acknowledged:
        frames_of(call).changes.acknowledge(frame, account(call))
    return Reply(204)


async def capture(call: Call) -> Reply:
    frames_of(call).changes.capture(frame_of(call))
    return Reply(204)


async def edit(call: Call) -> Reply:
    """``Name``, ``Description``, ``Severity``, ``StartTime``, ``EndTime``, ``CategoryNames``, references."""
    frame = frame_of(call)
    frames_of(call).changes.edit(frame, **frame_fields(call, body_of(call)))
    return Reply(204)


async def delete(call: Call) -> Reply:
    frames_of(call).changes.delete(frame_of(call))
    return Reply(204)


async def create(call: Call) -> Reply:
    return _created(call, database_of(call).number, None)


async def create_below(call: Call) -> Reply:
    above = frame_of(call)
    return _created(call, above.database, above)


def _created(call: Call, database: int, above: Frame | None) -> Reply:
    body = body_of(call)
    fields = frame_fields(call, body)
    if not fields.get("name"):
        raise ApiError(400, "The property 'Name' is required.")
    categories = fields.pop("categories", ())
    frames = frames_of(call)
    made = frames.changes.create(
        **{"start": call.now, **fields}, template=template_name(body), database=database, parent=above
    )
    if categories:
        frames.changes.edit(made, categories=categories)
    web_id = frames.webid(made, call.web_id_type)
    return Reply(201, headers={"Location": call.link(f"/eventframes/{web_id}")})


def account(call: Call) -> str:
    """Who the caller is, as AF names people."""
    return call.user if "\\" in call.user else f"PLANT\\{call.user}"
