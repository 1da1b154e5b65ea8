"""The attributes of event frames: of one, and found across many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pi_lakeflow.simulator.http.afsearch import mask
from pi_lakeflow.simulator.http.assets.lists import check_category, ordered, page_reply
from pi_lakeflow.simulator.http.assets.lookup import database_of
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.frames.attributes import FrameAttribute, attributes_of
from pi_lakeflow.simulator.http.frames.lists import (
    Keep,
    of_category,
    of_template,
    referenced_element_keeps,
    time_search,
)
from pi_lakeflow.simulator.http.frames.objects import FramePrinter
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Kind
from pi_lakeflow.simulator.world.frames import Frames

from .eventframes import descend, frame_of, frames_of

Check = Callable[[FrameAttribute], bool]
_SORTS: dict[str, Callable[[FrameAttribute], Any]] = {
    "name": lambda attribute: attribute.name.casefold(),
    "description": lambda attribute: attribute.description.casefold(),
    "type": lambda attribute: attribute.definition.type,
    "id": lambda attribute: str(attribute.guid),
}


def register(router: Router) -> None:
    router.get("/eventframes/{webId}/attributes")(of_frame)
    router.get("/eventframes/{webId}/eventframeattributes")(below_frame)
    router.get("/assetdatabases/{webId}/eventframeattributes")(of_database)


async def of_frame(call: Call) -> Reply:
    """The attributes of one frame. There are no excluded or hidden ones, and none below others."""
    frames, frame = frames_of(call), frame_of(call)
    checks = _checks(call, frames, frame.database, _LIST_NAMES)
    found = [a for a in attributes_of(frames, frame) if all(check(a) for check in checks)]
    return _reply(call, found)


async def of_database(call: Call) -> Reply:
    """Over the frames without a parent; with ``searchFullHierarchy`` over all."""
    number = database_of(call).number
    pool: list[Keep] = [] if call.flag("searchFullHierarchy") else [lambda frame: frame.parent is None]
    return await _finder(call, number, pool)


async def below_frame(call: Call) -> Reply:
    """Over the frames below a frame."""
    frames, above = frames_of(call), frame_of(call)
    below = {frame.id for frame in descend(frames, above, full=call.flag("searchFullHierarchy"))}
    return await _finder(call, above.database, [lambda frame: frame.id in below])


async def _finder(call: Call, database: int, pool: list[Keep]) -> Reply:
    frames = frames_of(call)

    def render() -> Reply:
        search = time_search(call)
        keeps = [*pool, search.keep, *_frame_keeps(call, frames, database)]
        checks = _checks(call, frames, database, _FINDER_NAMES)
        known = frames.between(search.first, search.last, database=database)
        kept = [frame for frame in known if all(keep(frame) for keep in keeps)]
        found = [a for f in kept for a in attributes_of(frames, f) if all(check(a) for check in checks)]
        return _reply(call, found)

    return await call.in_thread(render)


def _frame_keeps(call: Call, frames: Frames, database: int) -> list[Keep]:
    keeps: list[Keep] = list(referenced_element_keeps(call, frames))
    if name := call.text("eventFrameNameFilter"):
        named = mask(name)
        keeps.append(lambda frame: named.fullmatch(frame.name) is not None)
    if text := call.text("eventFrameDescriptionFilter"):
        described = mask(text)
        keeps.append(lambda frame: described.fullmatch(frame.description) is not None)
    if template := call.text("eventFrameTemplate"):
        keeps.append(of_template(template))
    if category := call.text("eventFrameCategory"):
        keeps.append(of_category(frames, database, category))
    return keeps


_LIST_NAMES = {"name": "nameFilter", "text": "", "category": "categoryName", "type": "valueType"}
_FINDER_NAMES = {
    "name": "attributeNameFilter",
    "text": "attributeDescriptionFilter",
    "category": "attributeCategory",
    "type": "attributeType",
}


def _checks(call: Call, frames: Frames, database: int, names: dict[str, str]) -> list[Check]:
    checks: list[Check] = []
    if name := call.text(names["name"]):
        named = mask(name)
        checks.append(lambda a: named.fullmatch(a.name) is not None)
    if text := call.text(names["text"]):
        described = mask(text)
        checks.append(lambda a: described.fullmatch(a.description) is not None)
    if kind := call.text(names["type"]).casefold():
        checks.append(lambda a: a.definition.type.casefold() == kind)
    owner = frames.assets.databases[database]
    category = check_category(call, frames.assets, owner, Kind.ATTRIBUTE_CATEGORY, names["category"])
    if category:
        checks.append(lambda a: category in {c.casefold() for c in a.definition.categories})
    if template := call.text("templateName").casefold():
        checks.append(lambda a: a.template.casefold() == template)
    traits = {trait.casefold() for trait in call.texts("trait")}
    if traits:
        checks.append(lambda a: a.definition.trait.casefold() in traits)
    if kinds := {kind.casefold() for kind in call.texts("traitCategory")} - {"all"}:
        checks.append(lambda a: bool(a.definition.trait) and "other" in kinds)
    return checks


def _reply(call: Call, found: Iterable[FrameAttribute]) -> Reply:
    printer = FramePrinter.of_list(call)
    return page_reply(call, ordered(call, found, _SORTS), printer.frame_attribute)
