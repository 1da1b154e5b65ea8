"""``/elements``: one, several, found, and what belongs to them."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.assets.attributes import attributes_reply, finder_reply
from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import (
    element_index,
    elements_reply,
    ordered,
    page_reply,
    plain_reply,
    references_reply,
)
from pi_lakeflow.simulator.http.assets.lookup import assets_of, by_path, element_of
from pi_lakeflow.simulator.http.assets.objects import Printer
from pi_lakeflow.simulator.http.assets.queries import element_search, query_of, search_database
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.multiple import multiple_reply
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Kind


def register(router: Router) -> None:
    router.get("/elements")(element_at)
    router.get("/elements/multiple")(multiple)
    router.get("/elements/search")(search)
    router.get("/elements/{webId}")(element)
    router.get("/elements/{webId}/elements")(elements)
    router.get("/elements/{webId}/referencedelements")(referenced)
    router.get("/elements/{webId}/attributes")(attributes)
    router.get("/elements/{webId}/elementattributes")(element_attributes)
    router.get("/elements/{webId}/analyses")(analyses)
    router.get("/elements/{webId}/categories")(categories)
    router.get("/elements/{webId}/paths")(paths)


async def element_at(call: Call) -> Reply:
    found = by_path(call, assets_of(call).element_by_path)
    return call.reply(Printer(call, call.fields).element(found))


async def multiple(call: Call) -> Reply:
    tree = ((call.fields or {}).get("items") or {}).get("object")
    printer = Printer(call, tree)
    return multiple_reply(
        call,
        lambda text: printer.element(element_of(call, text)),
        lambda path: printer.element(by_path(call, printer.assets.element_by_path, path)),
    )


async def search(call: Call) -> Reply:
    """``query`` in the syntax of AFSearch."""
    assets, database = search_database(call)
    query = query_of(call)
    call.time("queryDate")  # no other versions of elements are kept

    def render() -> Reply:
        index = element_search(call, assets, database, query)
        return elements_reply(call, assets, database, index, Printer.of_list(call).element)

    return await call.in_thread(render)


async def element(call: Call) -> Reply:
    return call.reply(Printer(call, call.fields).element(element_of(call)))


async def elements(call: Call) -> Reply:
    """Children or, with ``searchFullHierarchy``, all elements below."""
    assets, root = assets_of(call), element_of(call)

    def render() -> Reply:
        index = element_index(call, assets, root)
        return elements_reply(call, assets, root.database, index, Printer.of_list(call).element)

    return await call.in_thread(render)


async def referenced(call: Call) -> Reply:
    """The elements that are referenced here but live elsewhere."""
    root = element_of(call)
    return references_reply(call, assets_of(call), root.database, root.place)


async def attributes(call: Call) -> Reply:
    return attributes_reply(call, assets_of(call), element_of(call))


async def element_attributes(call: Call) -> Reply:
    assets, root = assets_of(call), element_of(call)
    return await call.in_thread(lambda: finder_reply(call, assets, root))


async def analyses(call: Call) -> Reply:
    found = assets_of(call).catalogue.analyses(element_of(call))
    order: dict[str, Any] = {"name": lambda i: i.name.casefold(), "id": lambda i: str(i.guid)}
    return page_reply(call, ordered(call, found, order), ItemPrinter.of_list(call).item)


async def categories(call: Call) -> Reply:
    owner, printer = element_of(call), ItemPrinter.of_list(call)
    found = printer.assets.catalogue.of(Kind.ELEMENT_CATEGORY, owner.database)
    return plain_reply(call, (printer.item(c) for c in found if c.name in owner.categories))


async def paths(call: Call) -> Reply:
    """The primary path first; with ``relativePath`` those below it, shortened."""
    found: list[str | None] = [*assets_of(call).paths(element_of(call))]
    root = call.text("relativePath").rstrip("\\")
    if root:
        below = [p for p in found if p and p.casefold().startswith(f"{root}\\".casefold())]
        found = [p[len(root) + 1 :] for p in below] or [None]
    return call.reply({"Items": found})
