"""``/attributes`` and ``/attributetraits``."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.assets.attributes import attributes_reply, index_reply
from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import plain_reply
from pi_lakeflow.simulator.http.assets.lookup import assets_of, attribute_of, by_path
from pi_lakeflow.simulator.http.assets.objects import Printer
from pi_lakeflow.simulator.http.assets.queries import attribute_search, query_of, search_database
from pi_lakeflow.simulator.http.assets.streams import static_value
from pi_lakeflow.simulator.http.assets.traits import CATEGORIES, TRAITS, Trait
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError, not_found
from pi_lakeflow.simulator.http.frames import single
from pi_lakeflow.simulator.http.frames.single import or_of_frame
from pi_lakeflow.simulator.http.multiple import multiple_reply
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Kind


def register(router: Router) -> None:
    router.get("/attributes")(or_of_frame(attribute_at, single.attribute))
    router.get("/attributes/multiple")(multiple)
    router.get("/attributes/search")(search)
    router.get("/attributes/{webId}")(or_of_frame(attribute, single.attribute))
    router.get("/attributes/{webId}/attributes")(or_of_frame(attributes, single.attributes))
    router.get("/attributes/{webId}/categories")(or_of_frame(categories, single.categories))
    router.get("/attributes/{webId}/value")(or_of_frame(value, single.value))
    router.get("/attributetraits")(traits)
    router.get("/attributetraits/{name}")(trait)


async def attribute_at(call: Call) -> Reply:
    """Paths may name a child by its trait: ``|Flow|[@Trait=LoLo]``."""
    found = by_path(call, assets_of(call).attribute_by_path)
    return call.reply(Printer(call, call.fields).attribute(found))


async def multiple(call: Call) -> Reply:
    tree = ((call.fields or {}).get("items") or {}).get("object")
    printer = Printer(call, tree)
    return multiple_reply(
        call,
        lambda text: printer.attribute(attribute_of(call, text)),
        lambda path: printer.attribute(by_path(call, printer.assets.attribute_by_path, path)),
    )


async def search(call: Call) -> Reply:
    """``query`` in the syntax of AFSearch."""
    assets, database = search_database(call)
    query = query_of(call)

    def render() -> Reply:
        return index_reply(call, assets, database, attribute_search(call, assets, database, query))

    return await call.in_thread(render)


async def attribute(call: Call) -> Reply:
    return call.reply(Printer(call, call.fields).attribute(attribute_of(call)))


async def attributes(call: Call) -> Reply:
    """Those below an attribute."""
    return attributes_reply(call, assets_of(call), attribute_of(call))


async def categories(call: Call) -> Reply:
    owner, printer = attribute_of(call), ItemPrinter.of_list(call)
    found = printer.assets.catalogue.of(Kind.ATTRIBUTE_CATEGORY, owner.element.database)
    return plain_reply(call, (printer.item(c) for c in found if c.name in owner.definition.categories))


async def value(call: Call) -> Reply:
    """The value of an attribute without data reference; another one is a 409."""
    found = attribute_of(call)
    if found.definition.reference:
        text = "The operation is not supported by the data reference of the attribute."
        raise ApiError(409, text, generic=True)
    return call.reply(static_value(call, found), events=1)


async def traits(call: Call) -> Reply:
    """Those of each ``category`` (required; ``all``)."""
    wanted = {name.casefold() for name in call.texts("category")}
    if not wanted:
        call.required("category")
    unknown = wanted - {name.casefold() for name in (*CATEGORIES, "all")}
    if unknown:
        raise ApiError(400, f"The value '{unknown.pop()}' is not valid for parameter 'category'.")
    found = [t for t in _known(call) if "all" in wanted or t.category.casefold() in wanted]
    return plain_reply(call, (_trait_object(call, item) for item in found))


async def trait(call: Call) -> Reply:
    for item in _known(call):
        if item.name.casefold() == call.match["name"].casefold():
            return call.reply(_trait_object(call, item))
    raise not_found("Attribute Trait")


def _known(call: Call) -> list[Trait]:
    return [item for item in TRAITS if call.sim.since(1, 11) or not item.since_2018]


def _trait_object(call: Call, item: Trait) -> dict[str, Any]:
    return {
        "Name": item.name,
        "Abbreviation": item.abbreviation,
        "AllowChildAttributes": item.children,
        "AllowDuplicates": item.name == "Forecast",
        "IsAllowedOnRootAttribute": item.root,
        "IsTypeInherited": item.inherits,
        "IsUOMInherited": item.inherits,
        "RequireNumeric": item.numeric,
        "RequireString": item.string,
        "Links": {"Self": call.link(f"/attributetraits/{item.name}")},
    }
