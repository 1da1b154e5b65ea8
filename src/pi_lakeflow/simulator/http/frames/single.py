"""``/attributes/{webId}`` for attributes of event frames, beside those of elements."""

from __future__ import annotations

from pi_lakeflow.simulator.http.assets.lists import page_reply, plain_reply
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, path_not_found
from pi_lakeflow.simulator.http.interpolate import last_of, no_data
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Answer, Handler
from pi_lakeflow.simulator.world.assets import Kind
from pi_lakeflow.simulator.world.frames import Frames, UnknownFrame

from .attributes import MARKER, FrameAttribute, attributes_of, find_attribute, stream_of_attribute
from .objects import FramePrinter


def or_of_frame(handler: Handler, of_frame: Handler) -> Handler:
    """``handler``, but ``of_frame`` when the WebId or path is that of an event frame's attribute."""

    async def chosen(call: Call) -> Answer:
        if "webId" in call.match:
            mine = call.parse_webid(call.match["webId"]).marker == MARKER
        else:
            mine = "\\eventframes[" in call.text("path").casefold()
        return await (of_frame if mine else handler)(call)

    return chosen


async def attribute(call: Call) -> Reply:
    """By WebId or path."""
    return call.reply(FramePrinter(call, call.fields).frame_attribute(_found(call)))


async def attributes(call: Call) -> Reply:
    """Nothing lies below an attribute of an event frame."""
    _found(call)
    return page_reply(call, [], lambda item: item)


async def categories(call: Call) -> Reply:
    found, printer = _found(call), FramePrinter.of_list(call)
    database = printer.frames.database(found.frame)
    names = found.definition.categories
    known = (printer.assets.catalogue.named(Kind.ATTRIBUTE_CATEGORY, database, name) for name in names)
    return plain_reply(call, (printer.item(item) for item in known if item is not None))


async def value(call: Call) -> Reply:
    """The value of an attribute without data reference; another one is a 409."""
    found = _found(call)
    if found.definition.reference:
        text = "The operation is not supported by the data reference of the attribute."
        raise ApiError(409, text, generic=True)
    stream = stream_of_attribute(call.sim.world.part(Frames), found)
    events = last_of(stream, call.now)
    return call.reply(call.sim.text.dicts(stream, events if len(events) else no_data(call.now))[0], events=1)


def _found(call: Call) -> FrameAttribute:
    if "webId" in call.match:
        return find_attribute(call, call.parse_webid(call.match["webId"]))
    frames = call.sim.world.part(Frames)
    owner, _, name = call.required("path").partition("|")
    try:
        known = attributes_of(frames, frames.by_path(owner))
    except UnknownFrame:
        raise path_not_found() from None
    for found in known:
        if found.name.casefold() == name.casefold():
            return found
    raise path_not_found()
