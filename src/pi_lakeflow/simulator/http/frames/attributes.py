"""The attributes of event frames, and the time series behind them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import numpy as np

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found
from pi_lakeflow.simulator.http.streams import PointStream
from pi_lakeflow.simulator.world import UnknownTag, webid
from pi_lakeflow.simulator.world.assets import TEMPLATES, AttributeDef, Key, Kind
from pi_lakeflow.simulator.world.events import BOOLEAN, INTEGER, NUMBER, TEXT, Events
from pi_lakeflow.simulator.world.frames import Frame, Frames, UnknownFrame
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.webid import WebId

MARKER = "AbF"
_NUMBER_BITS = 4


@dataclass(frozen=True, slots=True)
class FrameAttribute:
    """One attribute of one frame. ``template`` is the event frame template that defines it."""

    marker: ClassVar[str] = MARKER
    frame: Frame
    number: int
    definition: AttributeDef
    template: str
    guid: uuid.UUID
    owner: uuid.UUID
    path: str

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def description(self) -> str:
        return self.definition.description

    @property
    def value(self) -> object:
        """What the frame knows of it; None when that is nothing (yet)."""
        return dict(self.frame.values).get(self.name)


def attributes_of(frames: Frames, frame: Frame) -> list[FrameAttribute]:
    """The attributes of a frame, by name."""
    template = TEMPLATES.get(frame.template)
    definitions = template.attributes if template else tuple(_unforeseen(n, v) for n, v in frame.values)
    made = [
        _attribute(frames, frame, number, definition, frame.template)
        for number, definition in enumerate(definitions)
    ]
    return sorted(made, key=lambda attribute: attribute.name.casefold())


def _unforeseen(name: str, value: object) -> AttributeDef:
    return AttributeDef(name, type="String" if isinstance(value, str) else "Double")


def _attribute(
    frames: Frames, frame: Frame, number: int, definition: AttributeDef, template: str
) -> FrameAttribute:
    key = Key(
        Kind.EVENT_FRAME_ATTRIBUTE, frame.database, frame.source << _NUMBER_BITS | number, frame.ordinal
    )
    return FrameAttribute(
        frame,
        number,
        definition,
        template,
        frames.assets.guids.of(key),
        frames.guid(frame),
        f"{frames.path(frame)}|{definition.name}",
    )


def find_attribute(call: Call, item: WebId) -> FrameAttribute:
    """The attribute of a WebId, or a 404."""
    frames = call.sim.world.part(Frames)
    try:
        if item.object is None and item.path:
            owner, _, name = item.path.partition("|")
            frame = frames.by_path(owner)
            found = [a for a in attributes_of(frames, frame) if a.name.casefold() == name.casefold()]
        else:
            key = frames.assets.key(item)
            if key.kind is not Kind.EVENT_FRAME_ATTRIBUTE:
                raise not_found("Attribute")
            frame = frames.get(key.a >> _NUMBER_BITS, key.b)
            number = key.a & (1 << _NUMBER_BITS) - 1
            found = [a for a in attributes_of(frames, frame) if a.number == number]
    except LookupError:
        raise not_found("Attribute") from None
    if not found:
        raise not_found("Attribute")
    return found[0]


class ValueStream:
    """An attribute without data reference: its one value, at the frame's end once it is captured."""

    tag: TagDef | None = None
    step = True
    future = False

    def __init__(self, frames: Frames, attribute: FrameAttribute) -> None:
        self._frames, self._attribute = frames, attribute
        self.name, self.path = attribute.name, attribute.path
        self.units = attribute.definition.units
        self.default_range: tuple[int, int] | None = frame_range(frames, attribute.frame)

    @property
    def numeric(self) -> bool:
        return self._attribute.definition.type in ("Double", "Int32")

    def web_id(self, web_id_type: str) -> str:
        return self._frames.assets.webid(self._attribute, web_id_type)

    def source(self, web_id: str) -> str:
        return f"/attributes/{quote(web_id)}"

    def state_name(self, code: int) -> str:
        return str(code)

    def check_units(self, desired: str) -> None:
        if desired and desired.casefold() != self.units.casefold():
            raise ApiError(409, "The desired units are not supported by the attribute.", generic=True)

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        found = self._event().between(first, last)
        if len(found):
            yield found.take(slice(None, None, -1)) if reverse else found

    def before(self, moment: int) -> Events:
        return self._event().between(0, moment - 1)

    def after(self, moment: int) -> Events:
        return self._event().between(moment + 1, np.iinfo(np.int64).max)

    def _event(self) -> Events:
        value, frame = self._attribute.value, self._attribute.frame
        if value is None:
            return Events.empty()
        events = Events.blank(np.array([frame.end if frame.captured else frame.start], np.int64))
        if isinstance(value, bool):
            events.kind[:], events.code[:] = BOOLEAN, value
        elif isinstance(value, int):
            events.kind[:], events.code[:] = INTEGER, value
        elif isinstance(value, float):
            events.kind[:], events.value[:] = NUMBER, value
        else:
            events.kind[:] = TEXT
            events.texts()[:] = str(value)
        return events


class SourceStream(PointStream):
    """An attribute that refers to a tag: its archive, by default of the frame's range; its value is the
    one at the frame's end."""

    def __init__(self, frames: Frames, attribute: FrameAttribute, tag: TagDef) -> None:
        super().__init__(frames.world, tag)
        self._frames, self._attribute = frames, attribute
        self.name, self.path = attribute.name, attribute.path
        self.units = tag.units
        self.default_range = frame_range(frames, attribute.frame)

    def web_id(self, web_id_type: str) -> str:
        return self._frames.assets.webid(self._attribute, web_id_type)

    def source(self, web_id: str) -> str:
        return f"/attributes/{quote(web_id)}"

    def check_units(self, desired: str) -> None:
        if desired and desired.casefold() != self.units.casefold():
            raise ApiError(409, "The desired units are not supported by the attribute.", generic=True)

    def before(self, moment: int) -> Events:
        return super().before(min(moment, self._attribute.frame.end + 1))


def stream_of_attribute(frames: Frames, attribute: FrameAttribute) -> ValueStream | SourceStream:
    """The time series of an attribute."""
    if attribute.definition.reference and attribute.frame.tag is not None:
        try:
            return SourceStream(frames, attribute, frames.world.tag(attribute.frame.tag))
        except UnknownTag:
            pass  # the point is gone: nothing is known any more
    return ValueStream(frames, attribute)


def frame_range(frames: Frames, frame: Frame) -> tuple[int, int]:
    """A frame's own start and end; now while it is open."""
    return frame.start, min(frame.end, max(frame.start, frames.world.clock.now()))


def find_frame(call: Call, item: WebId) -> Frame:
    """The frame of a WebId, or a 404."""
    if item.marker != "Fm":
        raise not_found("Event Frame")
    try:
        return call.sim.world.part(Frames).by_webid(item)
    except UnknownFrame:
        raise not_found("Event Frame") from None


def stream_resolver(call: Call, item: webid.WebId) -> Any:
    """What a WebId of an event frame's attribute stands for in ``/streams``."""
    return stream_of_attribute(call.sim.world.part(Frames), find_attribute(call, item))


def set_resolver(call: Call, item: webid.WebId) -> list[Any]:
    """All attributes of an event frame, for ``/streamsets/{webId}``, after ``nameFilter``."""
    from pi_lakeflow.simulator.http.afsearch import mask

    frames = call.sim.world.part(Frames)
    named = mask(call.text("nameFilter") or "*")
    found = attributes_of(frames, find_frame(call, item))
    return [stream_of_attribute(frames, a) for a in found if named.fullmatch(a.name)]
