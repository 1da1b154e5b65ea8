"""The AF object that a call names, as its user sees AF now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found, path_not_found
from pi_lakeflow.simulator.world.assets import (
    Assets,
    Attribute,
    Database,
    Element,
    Item,
    Kind,
    UnknownAsset,
    Views,
)
from pi_lakeflow.simulator.world.webid import WebId

R = TypeVar("R")


def assets_of(call: Call) -> Assets:
    """AF as the user of the call sees it; ``Cache-Control`` refreshes what that is."""
    asked = call.headers.get("Cache-Control", "").replace(" ", "").casefold().split(",")
    fresh = "no-cache" in asked or "max-age=0" in asked
    return call.sim.world.part(Views).of(call.user, fresh=fresh)


def refresh(call: Call) -> None:
    """A write goes through the user's own cache."""
    call.sim.world.part(Views).of(call.user, fresh=True)


def resolve(call: Call, text: str, find: Callable[[WebId], R], what: str, marker: str) -> R:
    """The object of a WebId; 400 for a text that is none, 404 for an id of nothing."""
    item = call.parse_webid(text)
    if item.marker != marker:
        raise not_found(what)
    try:
        return find(item)
    except UnknownAsset:
        raise not_found(what) from None


def database_of(call: Call, text: str | None = None) -> Database:
    """The database of a WebId, by default of ``webId`` in the path."""
    wanted = call.match["webId"] if text is None else text
    return resolve(call, wanted, assets_of(call).database_by_webid, "Asset Database", "RD")


def element_of(call: Call, text: str | None = None) -> Element:
    """The element of a WebId, by default of ``webId`` in the path."""
    wanted = call.match["webId"] if text is None else text
    return resolve(call, wanted, assets_of(call).element_by_webid, "Element", "Em")


def attribute_of(call: Call, text: str | None = None) -> Attribute:
    """The attribute of a WebId, by default of ``webId`` in the path."""
    wanted = call.match["webId"] if text is None else text
    return resolve(call, wanted, assets_of(call).attribute_by_webid, "Attribute", "AbE")


def item_of(call: Call, what: str, *kinds: Kind, text: str | None = None) -> Item:
    """Any other object of a WebId."""
    assets = assets_of(call)
    item = call.parse_webid(call.match["webId"] if text is None else text)
    try:
        if item.object is None and item.path:
            found = assets.catalogue.by_path(item.path)
        else:
            found = assets.catalogue.by_guid(assets.guids.of(assets.key(item)))
    except UnknownAsset:
        raise not_found(what) from None
    if found is None or found.kind not in kinds or found.marker != item.marker:
        raise not_found(what)
    return found


def by_path(call: Call, find: Callable[[str], Any], path: str | None = None) -> Any:
    """The object of ``?path=``; a path that is none is a 400, one of nothing a 404."""
    wanted = call.required("path") if path is None else path
    if not wanted.startswith("\\\\"):
        raise ApiError(400, "The specified path is not valid.", generic=True)
    try:
        found = find(wanted)
    except UnknownAsset:
        raise path_not_found() from None
    if found is None:
        raise path_not_found()
    return found


def database_by_path(assets: Assets, path: str) -> Database:
    """``\\\\AF\\Database``."""
    server, _, name = path.removeprefix("\\\\").partition("\\")
    if server.casefold() != assets.server.name.casefold() or "\\" in name:
        raise UnknownAsset(path)
    return assets.database(name)
