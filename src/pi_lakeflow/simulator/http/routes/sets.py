"""``/enumerationsets`` and ``/enumerationvalues``: digital sets of data servers, sets of AF."""

from __future__ import annotations

from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.lists import plain_reply
from pi_lakeflow.simulator.http.assets.lookup import assets_of, by_path, item_of
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.digitalsets import (
    SET,
    VALUE,
    digital_sets,
    set_object,
    set_path,
    value_guid,
    value_object,
)
from pi_lakeflow.simulator.http.errors import not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Kind
from pi_lakeflow.simulator.world.states import StateSet
from pi_lakeflow.simulator.world.tags import DataServer


def register(router: Router) -> None:
    router.get("/enumerationsets")(set_by_path)
    router.get("/enumerationsets/{webId}")(set_by_id)
    router.get("/enumerationsets/{webId}/enumerationvalues")(values)
    router.get("/enumerationvalues")(value_by_path)
    router.get("/enumerationvalues/{webId}")(value)


async def set_by_path(call: Call) -> Reply:
    wanted = call.required("path").casefold()
    for server, states in digital_sets(call):
        if set_path(server, states).casefold() == wanted:
            return call.reply(set_object(call, server, states))
    found = by_path(call, assets_of(call).catalogue.by_path)
    return call.reply(ItemPrinter(call, call.fields).item(found))


async def set_by_id(call: Call) -> Reply:
    if call.parse_webid(call.match["webId"]).marker == SET:
        return call.reply(set_object(call, *_digital_set(call)))
    found = item_of(call, "Enumeration Set", Kind.ENUMERATION_SET)
    return call.reply(ItemPrinter(call, call.fields).item(found))


async def values(call: Call) -> Reply:
    if call.parse_webid(call.match["webId"]).marker == SET:
        server, states = _digital_set(call)
        codes = range(len(states.states))
        return plain_reply(call, (value_object(call, server, states, code) for code in codes))
    above = item_of(call, "Enumeration Set", Kind.ENUMERATION_SET)
    printer = ItemPrinter.of_list(call)
    found = printer.assets.catalogue.below(Kind.ENUMERATION_VALUE, above)
    return plain_reply(call, (printer.item(item) for item in found))


async def value_by_path(call: Call) -> Reply:
    wanted = call.required("path").casefold()
    for server, states in digital_sets(call):
        for code, name in enumerate(states.states):
            if f"{set_path(server, states)}\\{name}".casefold() == wanted:
                return call.reply(value_object(call, server, states, code))
    found = by_path(call, assets_of(call).catalogue.by_path)
    return call.reply(ItemPrinter(call, call.fields).item(found))


async def value(call: Call) -> Reply:
    item = call.parse_webid(call.match["webId"])
    if item.marker != VALUE:
        found = item_of(call, "Enumeration Value", Kind.ENUMERATION_VALUE)
        return call.reply(ItemPrinter(call, call.fields).item(found))
    for server, states in digital_sets(call):
        for code in range(len(states.states)):
            if item.server == server.guid and item.object == value_guid(states, code):
                return call.reply(value_object(call, server, states, code))
    raise not_found("Enumeration Value")


def _digital_set(call: Call) -> tuple[DataServer, StateSet]:
    item = call.parse_webid(call.match["webId"])
    for server, states in digital_sets(call):
        here = item.server in (None, server.guid) and item.object == states.guid
        if here or (item.path or "").casefold() == set_path(server, states).casefold():
            return server, states
    raise not_found("Enumeration Set")
