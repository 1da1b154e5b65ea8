"""Changes of the world: late events, edits, deletions, new, renamed, retyped tags, new states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.http.control import Actions
from pi_lakeflow.simulator.world.newevents import NewEvent, State

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator


def register(actions: Actions) -> None:
    for name, action in (
        ("late-events", late_events),
        ("edit-event", edit_event),
        ("delete-events", delete_events),
        ("add-tags", add_tags),
        ("rename-tag", rename_tag),
        ("retype-tag", retype_tag),
        ("delete-tag", delete_tag),
        ("add-digital-state", add_digital_state),
    ):
        actions.on(f"world/{name}")(action)


def _event(values: dict[str, Any]) -> NewEvent:
    """A state comes as ``{"Value": code, "IsSystem": bool}``, everything else as it is."""
    value = values.get("value")
    if isinstance(value, dict):
        value = State(int(value["Value"]), bool(value.get("IsSystem", False)))
    return NewEvent(**{**values, "value": value})


def late_events(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "events": [{"time": microseconds, "value": ..., "good": true}, ...]}``."""
    sim.world.late_events(body["tag"], [_event(values) for values in body["events"]])
    return {"inserted": len(body["events"])}


def edit_event(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "event": {"time": ..., "value": ...}, "nth": 0}``."""
    sim.world.edit_event(body["tag"], _event(body["event"]), nth=int(body.get("nth", 0)))
    return {}


def delete_events(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "start": ..., "end": ...}`` (half-open), or with ``nth`` one event at start."""
    nth = body.get("nth")
    sim.world.delete_events(body["tag"], int(body["start"]), int(body.get("end", 0)), nth=nth)
    return {}


def add_tags(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"count": 5, "created": microseconds}``; answers their names."""
    created = body.get("created")
    tags = sim.world.add_tags(int(body.get("count", 1)), created=created)
    return {"names": [tag.name for tag in tags]}


def rename_tag(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "name": ...}``."""
    return {"path": sim.world.rename_tag(body["tag"], body["name"]).path}


def retype_tag(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "point_type": "String", "digital_set": "", "at": microseconds}``."""
    tag = sim.world.retype_tag(
        body["tag"], body["point_type"], digital_set=body.get("digital_set", ""), at=body.get("at")
    )
    return {"point_type": tag.point_type}


def delete_tag(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ...}``."""
    sim.world.delete_tag(body["tag"])
    return {}


def add_digital_state(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"set": ..., "state": ..., "at": microseconds}``."""
    states = sim.world.add_digital_state(body["set"], body["state"], at=body.get("at"))
    return {"states": list(states.states)}
