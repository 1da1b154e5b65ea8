"""AF objects that are read alike: by id, by path, and what belongs to tables, units and analyses."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.afsearch import matcher
from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import (
    Check,
    ordered,
    page_reply,
    plain_reply,
    text_check,
)
from pi_lakeflow.simulator.http.assets.lookup import assets_of, by_path, item_of
from pi_lakeflow.simulator.http.assets.queries import (
    analysis_at,
    analysis_fields,
    analysis_index,
    query_of,
    search_database,
)
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import path_not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.world.assets import Item, Kind

_ROUTES: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "elementtemplates": ("Element Template", (Kind.ELEMENT_TEMPLATE,)),
    "attributetemplates": ("Attribute Template", (Kind.ATTRIBUTE_TEMPLATE,)),
    "elementcategories": ("Element Category", (Kind.ELEMENT_CATEGORY,)),
    "attributecategories": ("Attribute Category", (Kind.ATTRIBUTE_CATEGORY,)),
    "analysiscategories": ("Analysis Category", (Kind.ANALYSIS_CATEGORY,)),
    "tablecategories": ("Table Category", (Kind.TABLE_CATEGORY,)),
    "tables": ("Table", (Kind.TABLE,)),
    "unitclasses": ("Unit Class", (Kind.UNIT_CLASS,)),
    "units": ("Unit", (Kind.UNIT,)),
    "analyses": ("Analysis", (Kind.ANALYSIS,)),
    "analysistemplates": ("Analysis Template", (Kind.ANALYSIS_TEMPLATE,)),
    "analysisrules": ("Analysis Rule", (Kind.ANALYSIS_RULE, Kind.ANALYSIS_TEMPLATE_RULE)),
    "timerules": ("Time Rule", (Kind.TIME_RULE, Kind.TEMPLATE_TIME_RULE)),
    "analysisruleplugins": ("Analysis Rule Plug-In", (Kind.ANALYSIS_PLUGIN,)),
    "timeruleplugins": ("Time Rule Plug-In", (Kind.TIME_PLUGIN,)),
}


def register(router: Router) -> None:
    router.get("/analyses/search")(search_analyses)
    router.get("/analysistemplates/search")(search_templates)
    for name, (what, kinds) in _ROUTES.items():
        router.get(f"/{name}")(_at(kinds))
        router.get(f"/{name}/{{webId}}")(_one(what, kinds))
    router.get("/tables/{webId}/data")(data)
    router.get("/tables/{webId}/categories")(_categories("tables", Kind.TABLE_CATEGORY))
    router.get("/analyses/{webId}/categories")(_categories("analyses", Kind.ANALYSIS_CATEGORY))
    router.get("/analysistemplates/{webId}/categories")(
        _categories("analysistemplates", Kind.ANALYSIS_CATEGORY)
    )
    router.get("/analysisrules/{webId}/analysisrules")(sub_rules)
    router.get("/unitclasses/{webId}/units")(units)
    router.get("/unitclasses/{webId}/canonicalunit")(canonical_unit)


def _at(kinds: tuple[Kind, ...]) -> Handler:
    async def handler(call: Call) -> Reply:
        found = by_path(call, assets_of(call).catalogue.by_path)
        if found.kind not in kinds:
            raise path_not_found()
        return call.reply(ItemPrinter(call, call.fields).item(found))

    return handler


def _one(what: str, kinds: tuple[Kind, ...]) -> Handler:
    async def handler(call: Call) -> Reply:
        return call.reply(ItemPrinter(call, call.fields).item(item_of(call, what, *kinds)))

    return handler


def _categories(name: str, kind: Kind) -> Handler:
    what, kinds = _ROUTES[name]

    async def handler(call: Call) -> Reply:
        owner = item_of(call, what, *kinds)
        found = assets_of(call).catalogue.of(kind, owner.database)
        kept = (item for item in found if item.name in owner.data.categories)
        return plain_reply(call, map(ItemPrinter.of_list(call).item, kept))

    return handler


async def data(call: Call) -> Reply:
    """Columns with their types, and rows by name."""
    table = item_of(call, "Table", Kind.TABLE).data
    names = [name for name, _ in table.columns]
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in table.rows]
    return call.reply({"Columns": dict(table.columns), "Rows": rows})


async def sub_rules(call: Call) -> Reply:
    """Rules below a rule, and below those none."""
    rule = item_of(call, "Analysis Rule", Kind.ANALYSIS_RULE, Kind.ANALYSIS_TEMPLATE_RULE)
    catalogue, check = assets_of(call).catalogue, _name_check(call)
    below = [item for item in catalogue.with_rules(rule.above) if item.above == rule] if rule.above else []
    found = [item for item in below if check is None or check(item)]
    call.flag("searchFullHierarchy")
    order: dict[str, Any] = {"name": lambda i: i.name.casefold(), "id": lambda i: str(i.guid)}
    return page_reply(call, ordered(call, found, order), ItemPrinter.of_list(call).item)


def _name_check(call: Call) -> Check[Item] | None:
    return text_check(call.text("nameFilter"), lambda item: item.name)


async def units(call: Call) -> Reply:
    found = assets_of(call).catalogue.below(Kind.UNIT, item_of(call, "Unit Class", Kind.UNIT_CLASS))
    return plain_reply(call, map(ItemPrinter.of_list(call).item, found))


async def canonical_unit(call: Call) -> Reply:
    above = item_of(call, "Unit Class", Kind.UNIT_CLASS)
    found = assets_of(call).catalogue.below(Kind.UNIT, above)[0]
    return call.reply(ItemPrinter(call, call.fields).item(found))


async def search_analyses(call: Call) -> Reply:
    """``query`` in the syntax of AFSearch."""
    assets, database = search_database(call)
    query = query_of(call)

    def render() -> Reply:
        printer = ItemPrinter.of_list(call)
        index = analysis_index(call, assets, database, query)
        return page_reply(call, index, lambda entry: printer.item(analysis_at(assets, database, *entry)))

    return await call.in_thread(render)


async def search_templates(call: Call) -> Reply:
    """``query`` in the syntax of AFSearch."""
    assets, database = search_database(call)
    fields = {n: f for n, f in analysis_fields(assets).items() if n not in ("element", "target")}
    keep = matcher(query_of(call).without("SortField", "SortOrder"), fields)
    found = [item for item in assets.catalogue.of(Kind.ANALYSIS_TEMPLATE, database) if keep(item)]
    found.sort(key=lambda item: item.name.casefold())
    return page_reply(call, found, ItemPrinter.of_list(call).item)
