"""``associations=Annotations``: ExtendedTimedValues (PI Web API 2018 and later, single streams only)."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.annotations import Annotation, annotations_at
from pi_lakeflow.simulator.world.events import ANNOTATED, Events

from .call import Call
from .errors import ApiError
from .streams import Stream


def wants_annotations(call: Call) -> bool:
    """Whether the call asks for them; another association is a 409."""
    if not call.sim.since(1, 11):
        return False  # an unknown parameter then
    asked = [name.strip().casefold() for text in call.texts("associations") for name in text.split(";")]
    if any(name not in ("annotations", "") for name in asked):
        raise ApiError(409, "The specified association is not supported.", generic=True)
    return "annotations" in asked


def annotated_values(call: Call, stream: Stream, events: Events) -> list[dict[str, Any]]:
    """TimedValues with their ``Annotations``; those without any have an empty list."""
    values = call.sim.text.dicts(stream, events)
    marks = ((events.flags & ANNOTATED) != 0).tolist()
    for value, marked, ticks in zip(values, marks, events.ticks.tolist(), strict=True):
        found = annotations_at(stream.tag, ticks) if marked and stream.tag is not None else []
        value["Annotations"] = [_object(item) for item in found]
    return values


def _object(item: Annotation) -> dict[str, Any]:
    return {
        "Id": str(item.id),
        "Name": item.name,
        "Description": item.description,
        "Value": item.value,
        "Creator": item.creator,
        "CreationDate": t.to_text(item.created),
        "Modifier": item.modifier,
        "ModifyDate": t.to_text(item.modified),
        "Errors": [],
    }
