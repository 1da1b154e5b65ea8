"""Values that clients write: which event a TimedValue is, and what the update options do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pi_lakeflow.simulator.world.archive import AHEAD
from pi_lakeflow.simulator.world.newevents import NewEvent, State, build
from pi_lakeflow.simulator.world.states import SYSTEM_STATES
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.ticks import MICRO

from .call import Call
from .errors import ApiError
from .streams import Stream, unsupported
from .timeparse import BadTime, parse_time

OPTIONS = ("Replace", "Insert", "NoReplace", "ReplaceOnly", "InsertNoCompression", "Remove")
BUFFERING = ("DoNotBuffer", "BufferIfPossible", "Buffer")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one value: when it is, or why it was refused."""

    ticks: int = 0
    error: ApiError | None = None


def write(call: Call, stream: Stream, values: Sequence[Any], option: str) -> list[Written]:
    """Bring TimedValues into the archive, one result for each; what is written is archived uncompressed."""
    if stream.tag is None:
        raise unsupported()
    tag = call.sim.world.tag(stream.tag.index, stream.tag.server.number)
    results: list[Written] = []
    fresh: list[NewEvent] = []
    for timed in values:
        try:
            results.append(Written(_write_one(call, tag, timed, option, fresh)))
        except ApiError as error:
            results.append(Written(error=error))
    call.sim.world.late_events(tag, fresh)
    return results


def _write_one(call: Call, tag: TagDef, timed: Any, option: str, fresh: list[NewEvent]) -> int:
    """Write one value; those that only add an event are collected in ``fresh``."""
    ticks = _ticks(call, timed, tag)
    insert = option in ("Insert", "InsertNoCompression")
    new = None if option == "Remove" else _checked(call, _event(timed, tag, ticks), tag)
    if not insert and any(event.time * MICRO + event.ticks == ticks for event in fresh):
        call.sim.world.late_events(tag, fresh)
        fresh.clear()
    there = not insert and len(call.sim.world.archive.events(tag, ticks, ticks)) > 0
    if new is None:
        if there:
            call.sim.world.delete_at(tag, ticks)
    elif there and option in ("Replace", "ReplaceOnly"):
        call.sim.world.edit_event(tag, new)
    elif insert or (not there and option != "ReplaceOnly"):
        fresh.append(new)
    return ticks


def _checked(call: Call, new: NewEvent, tag: TagDef) -> NewEvent:
    try:
        build(tag, [new], call.sim.world.sets)
    except (ValueError, OverflowError) as error:
        raise ApiError(400, f"The value cannot be written: {error}") from None
    return new


def _ticks(call: Call, timed: Any, tag: TagDef) -> int:
    if not isinstance(timed, dict):
        raise ApiError(400, "A TimedValue is expected.")
    text = timed.get("Timestamp") or "*"
    try:
        ticks = parse_time(str(text), now=call.now, zone=call.zone)
    except BadTime as error:
        raise ApiError(400, str(error)) from None
    if ticks > call.now + AHEAD and not tag.future:
        raise ApiError(400, "The timestamp is too far in the future.", generic=True)
    return ticks


def _event(timed: dict[str, Any], tag: TagDef, ticks: int) -> NewEvent:
    return NewEvent(
        ticks // MICRO,
        _value(timed.get("Value"), tag),
        good=bool(timed.get("Good", True)),
        questionable=bool(timed.get("Questionable", False)),
        ticks=ticks % MICRO,
    )


def _value(value: Any, tag: TagDef) -> float | int | str | bool | State | None:
    if isinstance(value, dict):
        if "Value" not in value:
            return _named(str(value.get("Name", "")), tag)
        return State(int(value["Value"]), bool(value.get("IsSystem", False)))
    if isinstance(value, str) and (tag.numeric or tag.kind in ("digital", "boolean")):
        return _named(value, tag)
    if isinstance(value, int | float) and not isinstance(value, bool) and tag.kind == "digital":
        return State(int(value))
    if isinstance(value, str | int | float | bool):
        return value
    raise ApiError(400, "A value is expected.")


def _named(name: str, tag: TagDef) -> float | str | State:
    for code, text in SYSTEM_STATES.items():
        if text.casefold() == name.casefold():
            return State(code, system=True)
    if tag.kind == "digital":
        return name
    try:
        return float(name)
    except ValueError:
        raise ApiError(400, f"The value '{name}' cannot be converted to the type of the point.") from None
