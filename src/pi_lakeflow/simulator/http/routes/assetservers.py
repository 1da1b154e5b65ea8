"""``/assetservers`` and ``/assetdatabases``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pi_lakeflow.simulator.http.afsearch import Query, mask
from pi_lakeflow.simulator.http.assets.attributes import finder_reply
from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import (
    cut_reply,
    element_index,
    elements_reply,
    ordered,
    page_reply,
    plain_reply,
    references_reply,
)
from pi_lakeflow.simulator.http.assets.lookup import (
    assets_of,
    by_path,
    database_by_path,
    database_of,
)
from pi_lakeflow.simulator.http.assets.objects import Printer
from pi_lakeflow.simulator.http.assets.queries import analysis_at, analysis_index
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found, path_not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.assets import AssetServer, Item, Kind

_SERVER_LISTS = {
    "unitclasses": Kind.UNIT_CLASS,
    "analysisruleplugins": Kind.ANALYSIS_PLUGIN,
    "timeruleplugins": Kind.TIME_PLUGIN,
}
_PLAIN_LISTS = {
    "elementcategories": Kind.ELEMENT_CATEGORY,
    "attributecategories": Kind.ATTRIBUTE_CATEGORY,
    "analysiscategories": Kind.ANALYSIS_CATEGORY,
    "tablecategories": Kind.TABLE_CATEGORY,
    "enumerationsets": Kind.ENUMERATION_SET,
    "tables": Kind.TABLE,
}
_SEARCHED_LISTS = {"elementtemplates": Kind.ELEMENT_TEMPLATE, "analysistemplates": Kind.ANALYSIS_TEMPLATE}
_SEARCH_FIELDS: dict[str, Callable[[Item], tuple[str, ...]]] = {
    "name": lambda i: (i.name,),
    "description": lambda i: (i.description,),
    "category": lambda i: tuple(i.data.categories),
    "template": lambda i: (getattr(i.data, "base", i.name),),
    "type": lambda i: (getattr(i.data, "instance_type", ""),),
    "all": lambda i: (i.name, i.description),
}


def register(router: Router) -> None:
    router.get("/assetservers")(servers)
    router.get("/assetservers/{webId}")(server)
    router.get("/assetservers/{webId}/assetdatabases")(databases)
    for name, kind in _SERVER_LISTS.items():
        router.get(f"/assetservers/{{webId}}/{name}")(_of_server(kind))
    router.get("/assetdatabases")(database_at)
    router.get("/assetdatabases/{webId}")(database)
    router.get("/assetdatabases/{webId}/elements")(elements)
    router.get("/assetdatabases/{webId}/referencedelements")(referenced)
    router.get("/assetdatabases/{webId}/elementattributes")(element_attributes)
    router.get("/assetdatabases/{webId}/analyses")(analyses)
    for name, kind in _PLAIN_LISTS.items():
        router.get(f"/assetdatabases/{{webId}}/{name}")(_of_database(kind))
    for name, kind in _SEARCHED_LISTS.items():
        router.get(f"/assetdatabases/{{webId}}/{name}")(_searched(kind))


async def servers(call: Call) -> Reply:
    """A list; with ``name`` or ``path`` a single object."""
    found = assets_of(call).server
    if not call.given("name") and not call.given("path"):
        return plain_reply(call, [Printer.of_list(call).server(found)])
    if call.text("name").casefold() == found.name.casefold() or (
        call.text("path").casefold() == found.path.casefold()
    ):
        return call.reply(Printer(call, call.fields).server(found))
    raise path_not_found() if call.given("path") else not_found("Asset Server")


async def server(call: Call) -> Reply:
    return call.reply(Printer(call, call.fields).server(server_of(call)))


def server_of(call: Call) -> AssetServer:
    """The asset server of the ``webId`` in the path."""
    item, found = call.parse_webid(call.match["webId"]), assets_of(call).server
    same = item.server in (None, found.guid) if item.path is None or item.server else False
    by_text = (item.path or "").casefold() == found.path.casefold()
    if item.marker != webid.ASSET_SERVER or not (same or by_text):
        raise not_found("Asset Server")
    return found


async def databases(call: Call) -> Reply:
    server_of(call)
    return plain_reply(call, map(Printer.of_list(call).database, assets_of(call).databases))


def _of_server(kind: Kind) -> Handler:
    async def handler(call: Call) -> Reply:
        server_of(call)
        return plain_reply(call, map(ItemPrinter.of_list(call).item, assets_of(call).catalogue.of(kind)))

    return handler


async def database_at(call: Call) -> Reply:
    found = by_path(call, partial(database_by_path, assets_of(call)))
    return call.reply(Printer(call, call.fields).database(found))


async def database(call: Call) -> Reply:
    return call.reply(Printer(call, call.fields).database(database_of(call)))


async def elements(call: Call) -> Reply:
    """Roots or, with ``searchFullHierarchy``, all elements of the database."""
    assets, root = assets_of(call), database_of(call)

    def render() -> Reply:
        index = element_index(call, assets, root)
        return elements_reply(call, assets, root, index, Printer.of_list(call).element)

    return await call.in_thread(render)


async def referenced(call: Call) -> Reply:
    """Elements that are referenced at the root but live elsewhere."""
    return references_reply(call, assets_of(call), database_of(call), None)


async def element_attributes(call: Call) -> Reply:
    assets, root = assets_of(call), database_of(call)
    return await call.in_thread(lambda: finder_reply(call, assets, root))


async def analyses(call: Call) -> Reply:
    """``field`` (required) and ``query``."""
    assets, root = assets_of(call), database_of(call)
    check = _field_check(call)

    def render() -> Reply:
        index = analysis_index(call, assets, root, Query())
        items = [analysis_at(assets, root, *entry) for entry in index] if call.text("query") else None
        printer = ItemPrinter.of_list(call)
        if items is not None:
            return page_reply(call, [item for item in items if check(item)], printer.item)
        return page_reply(call, index, lambda entry: printer.item(analysis_at(assets, root, *entry)))

    return await call.in_thread(render)


def _of_database(kind: Kind) -> Handler:
    async def handler(call: Call) -> Reply:
        found = assets_of(call).catalogue.of(kind, database_of(call))
        return plain_reply(call, map(ItemPrinter.of_list(call).item, found))

    return handler


def _searched(kind: Kind) -> Handler:
    async def handler(call: Call) -> Reply:
        check = _field_check(call)
        found = [item for item in assets_of(call).catalogue.of(kind, database_of(call)) if check(item)]
        fields = {
            "name": lambda i: i.name.casefold(),
            "description": lambda i: i.description.casefold(),
            "id": lambda i: str(i.guid),
        }
        return cut_reply(call, ordered(call, found, fields), ItemPrinter.of_list(call).item)

    return handler


def _field_check(call: Call) -> Callable[[Item], bool]:
    """Whether ``query`` fits one of the properties in ``field``."""
    fields = [name.casefold() for name in call.texts("field")] or ["name"]
    for name in fields:
        if name not in _SEARCH_FIELDS:
            raise ApiError(400, f"The value '{name}' is not valid for parameter 'field'.")
    pattern = mask(call.text("query") or "*")
    chosen = [get for name, get in _SEARCH_FIELDS.items() if name in fields or "all" in fields]
    return lambda item: any(pattern.fullmatch(text) for get in chosen for text in get(item))
