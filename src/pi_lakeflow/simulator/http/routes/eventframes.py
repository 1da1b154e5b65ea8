"""``/eventframes`` and the lists of event frames under databases, elements and event frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pi_lakeflow.simulator.http import streams
from pi_lakeflow.simulator.http.assets.lookup import database_of, element_of
from pi_lakeflow.simulator.http.assets.queries import search_database
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, path_not_found
from pi_lakeflow.simulator.http.frames.attributes import MARKER, find_frame, set_resolver, stream_resolver
from pi_lakeflow.simulator.http.frames.lists import Keep, KeptLists, listed
from pi_lakeflow.simulator.http.frames.objects import FramePrinter
from pi_lakeflow.simulator.http.frames.search import found
from pi_lakeflow.simulator.http.multiple import multiple_reply
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Kind
from pi_lakeflow.simulator.world.frames import Frame, Frames, UnknownFrame

streams.RESOLVERS[MARKER] = stream_resolver
streams.SET_RESOLVERS["Fm"] = set_resolver


def register(router: Router) -> None:
    router.get("/eventframes")(by_path)
    router.get("/eventframes/multiple")(multiple)
    router.get("/eventframes/search")(search)
    router.get("/eventframes/{webId}")(by_id)
    router.get("/eventframes/{webId}/eventframes")(children)
    router.get("/eventframes/{webId}/referencedelements")(referenced_elements)
    router.get("/eventframes/{webId}/categories")(categories)
    router.get("/assetdatabases/{webId}/eventframes")(of_database)
    router.get("/elements/{webId}/eventframes")(of_element)


def frames_of(call: Call) -> Frames:
    """The event frames of the world."""
    return call.sim.world.part(Frames)


def frame_of(call: Call) -> Frame:
    """The frame of ``webId`` in the path; 400 or 404."""
    return find_frame(call, call.parse_webid(call.match["webId"]))


async def by_path(call: Call) -> Reply:
    return call.reply(FramePrinter(call, call.fields).frame(_at(call, call.required("path"))))


async def by_id(call: Call) -> Reply:
    return call.reply(FramePrinter(call, call.fields).frame(frame_of(call)))


async def multiple(call: Call) -> Reply:
    """In the order of the query: each entry alone may fail, which makes the status 207."""
    printer = FramePrinter(call, ((call.fields or {}).get("items") or {}).get("object"))
    return multiple_reply(
        call,
        lambda text: printer.frame(find_frame(call, call.parse_webid(text))),
        lambda path: printer.frame(_at(call, path)),
    )


async def search(call: Call) -> Reply:
    """AFSearch in one database, the first one by default."""
    number = search_database(call)[1].number
    return await page(call, lambda: found(call, frames_of(call), number))


async def of_database(call: Call) -> Reply:
    """The frames without a parent; with ``searchFullHierarchy`` all."""
    number = database_of(call).number
    pool: list[Keep] = [] if call.flag("searchFullHierarchy") else [lambda frame: frame.parent is None]
    return await page(call, lambda: listed(call, frames_of(call), number, pool))


async def of_element(call: Call) -> Reply:
    """The frames that refer to the element, whatever their place in the hierarchy."""
    element = element_of(call)
    pool: list[Keep] = [lambda frame: element.place in frame.places]
    return await page(call, lambda: listed(call, frames_of(call), element.database.number, pool))


async def children(call: Call) -> Reply:
    """The frames directly below; with ``searchFullHierarchy`` all below."""
    above, frames = frame_of(call), frames_of(call)
    below = {frame.id for frame in descend(frames, above, full=call.flag("searchFullHierarchy"))}
    pool: list[Keep] = [lambda frame: frame.id in below]
    return await page(call, lambda: listed(call, frames, above.database, pool))


def descend(frames: Frames, above: Frame, *, full: bool) -> Iterator[Frame]:
    """The frames below a frame."""
    for child in frames.children(above):
        yield child
        if full:
            yield from descend(frames, child, full=True)


async def referenced_elements(call: Call) -> Reply:
    frames, printer = frames_of(call), FramePrinter.of_list(call)
    return call.reply(
        {"Links": {}, "Items": [printer.element(element) for element in frames.elements(frame_of(call))]}
    )


async def categories(call: Call) -> Reply:
    frames, frame = frames_of(call), frame_of(call)
    printer = FramePrinter.of_list(call)
    database = frames.database(frame)
    names = printer.frame(frame)["CategoryNames"]
    known = (frames.assets.catalogue.named(Kind.ELEMENT_CATEGORY, database, name) for name in names)
    return call.reply({"Links": {}, "Items": [printer.item(item) for item in known if item is not None]})


async def page(call: Call, select: Any) -> Reply:
    """One page of the frames that ``select()`` finds."""
    limits = call.sim.config.limits
    start = call.integer("startIndex", 0)
    count = call.integer("maxCount", limits.default_max_count, least=1, limit=limits.max_returned_items)

    def render() -> Reply:
        known: Sequence[Frame] = call.sim.world.part(KeptLists).get(call, select)
        printer = FramePrinter.of_list(call)
        items = [printer.frame(frame) for frame in known[start : start + count]]
        more = start + count < len(known)
        return call.reply(call.page(items, start=start, count=count, more=more, total=len(known)))

    return await call.in_thread(render)


def _at(call: Call, path: str) -> Frame:
    if not path.startswith("\\\\"):
        raise ApiError(400, "The specified path is not valid.", generic=True)
    try:
        return frames_of(call).by_path(path)
    except UnknownFrame:
        raise path_not_found() from None
