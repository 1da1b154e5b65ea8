"""``/elements/searchbyattribute``."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.assets.lists import (
    ELEMENT_SORT,
    LIST_NAMES,
    element_checks,
    elements_reply,
    ordered,
)
from pi_lakeflow.simulator.http.assets.lookup import assets_of
from pi_lakeflow.simulator.http.assets.objects import Printer
from pi_lakeflow.simulator.http.assets.valuesearch import Found, Searches, elements_found, read_search
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.assets import Assets, Database, Element, place_of


def register(router: Router) -> None:
    router.post("/elements/searchbyattribute")(create)
    router.get("/elements/searchbyattribute/{searchId}")(results)


async def create(call: Call) -> Reply:
    """201 with the ``Location`` of the results; their first page as content unless ``noResults``."""
    found = read_search(call)
    name = call.sim.world.part(Searches).keep(found)
    silent = call.flag("noResults")
    reply = Reply(201) if silent else await call.in_thread(lambda: _page(call, found))
    reply.status = 201
    reply.headers["Location"] = call.link(f"/elements/searchbyattribute/{name}")
    return reply


async def results(call: Call) -> Reply:
    """A page of what a search finds now; an unknown search is a 400."""
    found = call.sim.world.part(Searches).known.get(call.match["searchId"])
    if found is None:
        raise ApiError(400, "The search identifier is not valid.", generic=True)
    return await call.in_thread(lambda: _page(call, found))


def _page(call: Call, search: Found) -> Reply:
    assets = assets_of(call)
    database = search.root if isinstance(search.root, Database) else search.root.database
    names: dict[str, str] = {**LIST_NAMES, "template": "", "type": ""}
    checks: Any = element_checks(call, assets, database, names)
    call.flag("searchFullHierarchy")
    elements = (_element(assets, database, ordinal) for ordinal in elements_found(assets, search))
    kept = [e for e in elements if all(check(e) for check in checks)]
    ordinals = [e.place.ordinal for e in ordered(call, kept, ELEMENT_SORT)]
    return elements_reply(call, assets, database, ordinals, Printer.of_list(call).element)


def _element(assets: Assets, database: Database, ordinal: int) -> Element:
    place = place_of(ordinal)
    if place is None:
        raise LookupError(ordinal)
    return assets.element(database, place)
