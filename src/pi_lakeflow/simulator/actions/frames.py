"""Changes of event frames: acknowledge, edit, reopen, delete, create, annotate. Times are microseconds."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.http.control import Actions
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.frames import OPEN, Frame, Frames

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator


def register(actions: Actions) -> None:
    for name, action in (
        ("acknowledge-frame", acknowledge),
        ("edit-frame", edit),
        ("reopen-frame", reopen),
        ("delete-frame", delete),
        ("create-frame", create),
        ("annotate-frame", annotate),
    ):
        actions.on(f"world/{name}")(action)


def _frame(sim: Simulator, body: dict[str, Any]) -> tuple[Frames, Frame]:
    """``frame`` is a WebId, an Id or a path."""
    frames, text = sim.world.part(Frames), str(body["frame"])
    if text.startswith("\\\\"):
        return frames, frames.by_path(text)
    if "-" in text and len(text) == 36:
        return frames, frames.by_guid(uuid.UUID(text))
    return frames, frames.by_webid(webid.parse(text))


def _at(body: dict[str, Any]) -> int | None:
    return None if body.get("at") is None else int(body["at"]) * 10


def acknowledge(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"frame": ..., "by": "PLANT\\\\me", "at": microseconds}``; ``at`` is now by default, everywhere."""
    frames, frame = _frame(sim, body)
    frames.changes.acknowledge(frame, body.get("by", "PLANT\\control"), at=_at(body))
    return {}


def edit(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"frame": ..., "name": ..., "description": ..., "severity": ..., "start": ..., "end": ...}``."""
    frames, frame = _frame(sim, body)
    fields: dict[str, Any] = {
        name: body[name] for name in ("name", "description", "severity") if name in body
    }
    fields |= {name: int(body[name]) * 10 for name in ("start", "end") if name in body}
    frames.changes.edit(frame, at=_at(body), **fields)
    return {}


def reopen(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"frame": ...}``: it has no end any more."""
    frames, frame = _frame(sim, body)
    frames.changes.reopen(frame, at=_at(body))
    return {}


def delete(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"frame": ...}``."""
    frames, frame = _frame(sim, body)
    frames.changes.delete(frame)
    return {}


def create(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"name": ..., "start": ..., "end": ..., "template": ..., "severity": ...}``; answers its WebId."""
    frames = sim.world.part(Frames)
    made = frames.changes.create(
        name=body["name"],
        start=int(body["start"]) * 10,
        end=int(body["end"]) * 10 if body.get("end") else OPEN,
        template=body.get("template", ""),
        severity=body.get("severity"),
    )
    return {"webid": frames.webid(made)}


def annotate(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"frame": ..., "value": ..., "by": ..., "name": ...}``; answers the annotation's Id."""
    frames, frame = _frame(sim, body)
    by = body.get("by", "PLANT\\control")
    made = frames.changes.annotate(frame, body["value"], by=by, name=body.get("name", ""), at=_at(body))
    return {"id": str(made.id)}
