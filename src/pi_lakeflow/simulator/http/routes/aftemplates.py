"""``/elementtemplates`` and ``/attributetemplates``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import cut_reply, page_reply, plain_reply
from pi_lakeflow.simulator.http.assets.lookup import assets_of, item_of
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Assets, Item, Kind, lineage


def register(router: Router) -> None:
    router.get("/elementtemplates/{webId}/attributetemplates")(attribute_templates)
    router.get("/elementtemplates/{webId}/analysistemplates")(analysis_templates)
    router.get("/elementtemplates/{webId}/categories")(template_categories)
    router.get("/elementtemplates/{webId}/baseelementtemplates")(bases)
    router.get("/elementtemplates/{webId}/derivedelementtemplates")(derived)
    router.get("/attributetemplates/{webId}/attributetemplates")(below)
    router.get("/attributetemplates/{webId}/categories")(attribute_categories)


def _template(call: Call) -> Item:
    return item_of(call, "Element Template", Kind.ELEMENT_TEMPLATE)


def _chain(assets: Assets, template: Item) -> list[Item]:
    """The template, then those that it extends."""
    named = (
        assets.catalogue.named(Kind.ELEMENT_TEMPLATE, template.database, name)
        for name in reversed(lineage(template.name))
    )
    return [item for item in named if item is not None]


async def attribute_templates(call: Call) -> Reply:
    """``showInherited``: with those of the base templates; ``showDescendants``: with those below."""
    assets, template = assets_of(call), _template(call)
    chain = _chain(assets, template) if call.flag("showInherited") else [template]
    tops = [a for t in chain for a in assets.catalogue.below(Kind.ATTRIBUTE_TEMPLATE, t)]
    tops.sort(key=lambda item: item.name.casefold())
    depth_first = call.flag("depthFirstTraverse")
    found = list(_walk(assets, tops, depth_first)) if call.flag("showDescendants") else tops
    return page_reply(call, found, ItemPrinter.of_list(call).item)


def _walk(assets: Assets, tops: list[Item], depth_first: bool) -> Iterator[Item]:
    waiting = deque(tops)
    while waiting:
        item = waiting.popleft()
        yield item
        children = assets.catalogue.below(Kind.ATTRIBUTE_TEMPLATE, item)
        if depth_first:
            waiting.extendleft(reversed(children))
        else:
            waiting.extend(children)


async def analysis_templates(call: Call) -> Reply:
    template = _template(call)
    found = assets_of(call).catalogue.of(Kind.ANALYSIS_TEMPLATE, template.database)
    own = [item for item in found if item.data.target == template.name]
    return plain_reply(call, map(ItemPrinter.of_list(call).item, own))


async def template_categories(call: Call) -> Reply:
    """``showInherited``: with those of the base templates."""
    assets, template = assets_of(call), _template(call)
    chain = _chain(assets, template) if call.flag("showInherited") else [template]
    wanted = {name for item in chain for name in item.data.categories}
    found = assets.catalogue.of(Kind.ELEMENT_CATEGORY, template.database)
    kept = (item for item in found if item.name in wanted)
    return plain_reply(call, map(ItemPrinter.of_list(call).item, kept))


async def bases(call: Call) -> Reply:
    """The templates that it extends, nearest first."""
    return cut_reply(call, _chain(assets_of(call), _template(call))[1:], ItemPrinter.of_list(call).item)


async def derived(call: Call) -> Reply:
    """The templates that extend it; ``showDescendants``: indirectly too."""
    template, deep = _template(call), call.flag("showDescendants")
    found = [
        item
        for item in assets_of(call).catalogue.of(Kind.ELEMENT_TEMPLATE, template.database)
        if item.data.base == template.name or (deep and template.name in lineage(item.name)[:-1])
    ]
    return cut_reply(call, found, ItemPrinter.of_list(call).item)


def _attribute_template(call: Call) -> Item:
    return item_of(call, "Attribute Template", Kind.ATTRIBUTE_TEMPLATE)


async def below(call: Call) -> Reply:
    found = assets_of(call).catalogue.below(Kind.ATTRIBUTE_TEMPLATE, _attribute_template(call))
    return plain_reply(call, map(ItemPrinter.of_list(call).item, found))


async def attribute_categories(call: Call) -> Reply:
    owner = _attribute_template(call)
    found = assets_of(call).catalogue.of(Kind.ATTRIBUTE_CATEGORY, owner.database)
    kept = (item for item in found if item.name in owner.data.categories)
    return plain_reply(call, map(ItemPrinter.of_list(call).item, kept))
