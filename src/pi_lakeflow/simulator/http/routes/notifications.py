"""Notification rules, rule templates, subscribers, contact templates and plug-ins (2018 and later)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from pi_lakeflow.simulator.http.afsearch import Field, Query, matcher, parse_query
from pi_lakeflow.simulator.http.assets.lists import page_reply, plain_reply, window
from pi_lakeflow.simulator.http.assets.lookup import assets_of, by_path, element_of, item_of
from pi_lakeflow.simulator.http.assets.queries import search_database
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import not_found
from pi_lakeflow.simulator.http.notifications import NotificationPrinter
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.world.assets import Item, Kind, UnknownAsset
from pi_lakeflow.simulator.world.notifications import Notifications, status_of

_CONTROLLERS = {
    "notificationrules": (Kind.NOTIFICATION_RULE, "Notification Rule"),
    "notificationruletemplates": (Kind.NOTIFICATION_TEMPLATE, "Notification Rule Template"),
    "notificationrulesubscribers": (Kind.SUBSCRIBER, "Notification Rule Subscriber"),
    "notificationcontacttemplates": (Kind.CONTACT_TEMPLATE, "Notification Contact Template"),
    "notificationplugins": (Kind.DELIVERY_PLUGIN, "Notification PlugIn"),
}
_SUBSCRIBERS = "notificationrulesubscribers"


def register(router: Router) -> None:
    for controller, (kind, what) in _CONTROLLERS.items():
        router.add("GET", f"/{controller}", _one_by_path(kind))
        router.add("GET", f"/{controller}/{{webId}}", _one_by_id(kind, what))
    for controller in ("notificationrules", "notificationruletemplates", _SUBSCRIBERS):
        router.add("GET", f"/{controller}/{{webId}}/{_SUBSCRIBERS}", _below(controller))
    router.add("GET", "/notificationcontacttemplates/{webId}/notificationcontacttemplates", members)
    router.add("GET", "/notificationrules/search", search_rules)
    router.add("GET", "/notificationruletemplates/search", search_templates)
    router.add("GET", "/notificationcontacttemplates/search", search_contacts)
    router.add("GET", "/elements/{webId}/notificationrules", rules_of_element)
    router.add("GET", "/elementtemplates/{webId}/notificationruletemplates", templates_of_template)
    router.add("GET", "/assetservers/{webId}/notificationcontacttemplates", contacts)
    router.add("GET", "/assetservers/{webId}/notificationplugins", plugins)


def _known(call: Call) -> Notifications:
    return call.sim.world.part(Notifications)


def _one_by_path(kind: Kind) -> Handler:
    async def handler(call: Call) -> Reply:
        found: Item = by_path(call, lambda path: _of_kind(_known(call).by_path(path), kind))
        return call.reply(NotificationPrinter(call, call.fields).notification(found))

    return handler


def _one_by_id(kind: Kind, what: str) -> Handler:
    async def handler(call: Call) -> Reply:
        return call.reply(NotificationPrinter(call, call.fields).notification(_item(call, kind, what)))

    return handler


def _of_kind(item: Item | None, kind: Kind) -> Item | None:
    return item if item is not None and item.kind is kind else None


def _item(call: Call, kind: Kind, what: str) -> Item:
    """The item of ``webId`` in the path; 400 for a text that is no id, 404 for an id of nothing."""
    item = call.parse_webid(call.match["webId"])
    known = _known(call)
    try:
        if item.object is None and item.path:
            found = known.by_path(item.path)
        else:
            assets = assets_of(call)
            found = known.by_guid(assets.guids.of(assets.key(item)))
    except (UnknownAsset, ValueError):
        raise not_found(what) from None
    if found is None or found.kind is not kind or found.marker != item.marker:
        raise not_found(what)
    return found


def _list(call: Call, items: Iterable[Item]) -> Reply:
    return plain_reply(call, map(NotificationPrinter.of_list(call).notification, items))


def _below(controller: str) -> Handler:
    async def handler(call: Call) -> Reply:
        return _list(call, _known(call).subscribers(_item(call, *_CONTROLLERS[controller])))

    return handler


async def members(call: Call) -> Reply:
    above = _item(call, *_CONTROLLERS["notificationcontacttemplates"])
    return _list(call, _known(call).contacts(above))


async def rules_of_element(call: Call) -> Reply:
    return _list(call, _known(call).rules(element_of(call)))


async def templates_of_template(call: Call) -> Reply:
    template = item_of(call, "Element Template", Kind.ELEMENT_TEMPLATE)
    if template.database is None:
        raise not_found("Element Template")
    return _list(call, _known(call).templates(template.database, template.name))


async def contacts(call: Call) -> Reply:
    _check_asset_server(call, call.match["webId"])
    return _list(call, _known(call).contacts())


async def plugins(call: Call) -> Reply:
    _check_asset_server(call, call.match["webId"])
    return _list(call, _known(call).plugins())


_FIELDS: dict[str, Field[Item]] = {
    "name": Field(lambda item: item.name),
    "description": Field(lambda item: item.description),
    "template": Field(lambda item: item.name),
    "category": Field(lambda item: item.data.categories),
    "status": Field(status_of),
    "element": Field(lambda item: item.path.rpartition("\\")[0].rpartition("\\")[2]),
}


def _fits(call: Call) -> Callable[[Item], bool]:
    query: Query = parse_query(call.text("query"))
    return matcher(query.without("SortField", "SortOrder", "AllDescendants"), _FIELDS)


async def search_rules(call: Call) -> Reply:
    """AFSearch over the rules of a database. Pages are cut without listing what follows them."""
    fits, (start, count) = _fits(call), window(call)
    _, database = search_database(call)

    def render() -> Reply:
        found = (rule for rule in _known(call).all_rules(database) if fits(rule))
        page = list(islice(found, start, start + count + 1))
        show = NotificationPrinter.of_list(call).notification
        more = len(page) > count
        body = call.page(
            [show(rule) for rule in page[:count]],
            start=start,
            count=count,
            more=more,
            total=start + len(page),
        )
        return call.reply(body)

    return await call.in_thread(render)


async def search_templates(call: Call) -> Reply:
    fits = _fits(call)
    _, database = search_database(call)
    found = [template for template in _known(call).templates(database) if fits(template)]
    return page_reply(call, found, NotificationPrinter.of_list(call).notification)


def _check_asset_server(call: Call, text: str) -> None:
    server, item = assets_of(call).server, call.parse_webid(text)
    by_path = item.server is None and (item.path or "").casefold() == server.path.casefold()
    if item.marker != server.marker or not (item.server == server.guid or by_path):
        raise not_found("Asset Server")


async def search_contacts(call: Call) -> Reply:
    """AFSearch over the contacts of the asset server, which ``assetServerWebId`` may name."""
    if call.given("assetServerWebId"):
        _check_asset_server(call, call.text("assetServerWebId"))
    fits = matcher(parse_query(call.text("query")), {n: _FIELDS[n] for n in ("name", "description")})
    found = [contact for contact in _known(call).contacts() if fits(contact)]
    return page_reply(call, found, NotificationPrinter.of_list(call).notification)
