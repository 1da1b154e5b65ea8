"""Lists of AF objects: filters, order, pages, and indices that are kept for the next page."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pi_lakeflow.simulator.http.afsearch import mask
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.world.assets import Assets, Database, Element, Kind, Place, lineage, place_of

from .objects import Printer

T = TypeVar("T")
Check = Callable[[T], bool]
ELEMENT_TYPES = ("Any", "None", "Measurement", "Flow", "Transfer", "Boundary", "Other")


def plain_reply(call: Call, items: Iterable[dict[str, Any]]) -> Reply:
    """A list that is not paged."""
    return call.reply({"Links": {}, "Items": list(items)})


def window(call: Call) -> tuple[int, int]:
    """``startIndex`` and ``maxCount``."""
    limits = call.sim.config.limits
    count = call.integer("maxCount", limits.default_max_count, least=1, limit=limits.max_returned_items)
    return call.integer("startIndex", 0), count


def page_reply(call: Call, found: Sequence[T], show: Callable[[T], dict[str, Any]]) -> Reply:
    """One page of ``found``, with First, Previous, Next and Last."""
    start, count = window(call)
    shown = [show(item) for item in found[start : start + count]]
    body = call.page(shown, start=start, count=count, more=start + count < len(found), total=len(found))
    return call.reply(body)


def cut_reply(call: Call, found: Sequence[T], show: Callable[[T], dict[str, Any]]) -> Reply:
    """A list with ``maxCount`` but no pages."""
    _, count = window(call)
    return plain_reply(call, (show(item) for item in found[:count]))


def descending(call: Call) -> bool:
    """``sortOrder``."""
    return call.choice("sortOrder", ("Ascending", "Descending"), "Ascending") == "Descending"


def ordered(call: Call, items: Iterable[T], fields: dict[str, Callable[[T], Any]]) -> list[T]:
    """Sorted by ``sortField`` (default Name) and ``sortOrder``."""
    name = call.text("sortField", "Name").casefold()
    if name not in fields:
        raise ApiError(400, f"The value '{call.text('sortField')}' is not valid for parameter 'sortField'.")
    return sorted(items, key=fields[name], reverse=descending(call))


def check_category(call: Call, assets: Assets, database: Database, kind: Kind, parameter: str) -> str:
    """The category that a parameter names; one that does not exist is a 400."""
    name = call.text(parameter)
    if name and assets.catalogue.named(kind, database, name) is None:
        what = "element" if kind is Kind.ELEMENT_CATEGORY else "attribute"
        text = f"The specified {what} category was not found in the specified Asset Database."
        raise ApiError(400, text, generic=True)
    return name.casefold()


def text_check(pattern: str, get: Callable[[T], str]) -> Check[T] | None:
    """A mask on a text; None when nothing is asked."""
    if not pattern or pattern == "*":
        return None
    compiled = mask(pattern)
    return lambda item: compiled.fullmatch(get(item)) is not None


def element_checks(
    call: Call, assets: Assets, database: Database, names: dict[str, str]
) -> list[Check[Element]]:
    """The filters of element lists; ``names`` maps name, description, category, template, type to the
    parameters of the route.
    """
    checks: list[Check[Element] | None] = [
        text_check(call.text(names["name"]), lambda e: e.name),
        text_check(call.text(names["description"]), lambda e: e.description),
    ]
    category = check_category(call, assets, database, Kind.ELEMENT_CATEGORY, names["category"])
    if category:
        checks.append(lambda e: category in {c.casefold() for c in e.categories})
    template = call.text(names["template"])
    if template:
        checks.append(lambda e: template.casefold() in {t.casefold() for t in lineage(e.template)})
    kind = call.choice(names["type"], ELEMENT_TYPES, "Any")
    if kind != "Any":
        checks.append(lambda e: e.type == kind)
    return [check for check in checks if check is not None]


LIST_NAMES = {
    "name": "nameFilter",
    "description": "descriptionFilter",
    "category": "categoryName",
    "template": "templateName",
    "type": "elementType",
}
FINDER_NAMES = {
    "name": "elementNameFilter",
    "description": "elementDescriptionFilter",
    "category": "elementCategory",
    "template": "elementTemplate",
    "type": "elementType",
}
ELEMENT_SORT: dict[str, Callable[[Element], Any]] = {
    "name": lambda e: e.name.casefold(),
    "description": lambda e: e.description.casefold(),
    "id": lambda e: str(e.guid),
    "template": lambda e: e.template.casefold(),
    "type": lambda e: e.type,
    "category": lambda e: e.categories,
}


def element_index(
    call: Call, assets: Assets, root: Element | Database, names: dict[str, str] = LIST_NAMES
) -> array[int]:
    """The ordinals of the children or, with ``searchFullHierarchy``, of all elements below, filtered
    and sorted. Kept for the next pages.
    """
    database = root if isinstance(root, Database) else root.database
    checks = element_checks(call, assets, database, names)
    full = call.flag("searchFullHierarchy")
    by_name, reverse = call.text("sortField", "Name").casefold() == "name", descending(call)

    def build() -> array[int]:
        place = None if isinstance(root, Database) else root.place
        if full and not checks and by_name:
            named = [(assets.name(database, p).casefold(), p.ordinal) for p in assets.places(database, place)]
            return array("q", (ordinal for _, ordinal in sorted(named, reverse=reverse)))
        below = assets.descendants(root) if full else assets.children(root)
        kept = (element for element in below if all(check(element) for check in checks))
        return array("q", (e.place.ordinal for e in ordered(call, kept, ELEMENT_SORT)))

    return assets.remember(("elements", root, *_question(call)), build)


def _question(call: Call) -> tuple[object, ...]:
    """What a list depends on, apart from the page."""
    ignored = {"startindex", "maxcount", "selectedfields", "webidtype", "associations"}
    return tuple(sorted((n.casefold(), v) for n, v in call.query if n.casefold() not in ignored))


def elements_reply(
    call: Call, assets: Assets, database: Database, ordinals: Sequence[int], show: Callable[[Element], Any]
) -> Reply:
    """A page of an element index."""

    def shown(ordinal: int) -> Any:
        place = place_of(ordinal)
        if place is None:
            raise LookupError(ordinal)
        return show(assets.element(database, place))

    return page_reply(call, ordinals, shown)


def references_reply(call: Call, assets: Assets, database: Database, place: Place | None) -> Reply:
    """The elements that are referenced at a place (None: the top) but live elsewhere."""
    checks = element_checks(call, assets, database, LIST_NAMES)
    found = (assets.element(database, below) for below in assets.references(database, place))
    kept = [element for element in found if all(check(element) for check in checks)]
    return page_reply(call, ordered(call, kept, ELEMENT_SORT), Printer.of_list(call).element)
