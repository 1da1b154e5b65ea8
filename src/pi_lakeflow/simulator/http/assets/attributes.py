"""Lists of attributes: those of one element or attribute, and those of many elements."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.world.assets import (
    Assets,
    Attribute,
    Database,
    Element,
    Kind,
    Shaped,
    lineage,
    place_of,
)

from .lists import (
    FINDER_NAMES,
    Check,
    check_category,
    descending,
    element_index,
    ordered,
    page_reply,
    text_check,
)
from .objects import Printer
from .traits import TRAITS

ATTRIBUTE_SORT: dict[str, Callable[[Attribute], Any]] = {
    "name": lambda a: a.name.casefold(),
    "description": lambda a: a.definition.description.casefold(),
    "id": lambda a: str(a.guid),
    "type": lambda a: a.definition.type,
    "template": lambda a: a.template.casefold(),
}


def walk(assets: Assets, tops: Iterable[Attribute], *, full: bool) -> Iterator[Attribute]:
    """Attributes and, when ``full``, those below them."""
    for attribute in tops:
        yield attribute
        if full:
            yield from walk(assets, assets.child_attributes(attribute), full=True)


def attributes_below(call: Call, assets: Assets, owner: Element | Attribute) -> list[Attribute]:
    """The attributes of an element or attribute after the filters of the call, unordered."""
    database = owner.database if isinstance(owner, Element) else owner.element.database
    tops = assets.attributes(owner) if isinstance(owner, Element) else assets.child_attributes(owner)
    checks = _checks(call, assets, database)
    found = walk(assets, tops, full=call.flag("searchFullHierarchy"))
    return [attribute for attribute in found if all(check(attribute) for check in checks)]


def attributes_reply(call: Call, assets: Assets, owner: Element | Attribute) -> Reply:
    """A page of :func:`attributes_below`."""
    found = ordered(call, attributes_below(call, assets, owner), ATTRIBUTE_SORT)
    return page_reply(call, found, Printer.of_list(call).attribute)


def _checks(call: Call, assets: Assets, database: Database) -> list[Check[Attribute]]:
    checks: list[Check[Attribute] | None] = [text_check(call.text("nameFilter"), lambda a: a.name)]
    category = check_category(call, assets, database, Kind.ATTRIBUTE_CATEGORY, "categoryName")
    if category:
        checks.append(lambda a: category in {c.casefold() for c in a.definition.categories})
    template = call.text("templateName").casefold()
    if template:
        checks.append(lambda a: template in {t.casefold() for t in lineage(a.template)})
    wanted = call.text("valueType").casefold()
    if wanted:
        checks.append(lambda a: a.definition.type.casefold() == wanted)
    if not call.flag("showExcluded"):
        checks.append(lambda a: not a.excluded)
    if not call.flag("showHidden"):
        checks.append(lambda a: not a.definition.hidden)
    if call.sim.since(1, 11):
        checks.append(_trait_check(call))
    return [check for check in checks if check is not None]


def _trait_check(call: Call) -> Check[Attribute] | None:
    names = {name.casefold() for name in call.texts("trait")}
    groups = {name.casefold() for name in call.texts("traitCategory")}
    known = {trait.name.casefold() for trait in TRAITS}
    if names - known:
        raise ApiError(400, "The specified attribute trait is not valid.", generic=True)
    if "all" in groups:
        names |= known
    names |= {trait.name.casefold() for trait in TRAITS if trait.category.casefold() in groups}
    if not names and not groups:
        return None
    return lambda a: a.trait.casefold() in names


# -- across elements -------------------------------------------------------------------------------


def finder_reply(call: Call, assets: Assets, root: Element | Database) -> Reply:
    """``elementattributes``: the attributes at the top of many elements, sorted and paged."""
    database = root if isinstance(root, Database) else root.database
    keep = _definition_checks(call, assets, database)
    question = tuple(sorted((n.casefold(), v) for n, v in call.query if n.casefold() not in _PAGE))
    elements = element_index(call, assets, root, FINDER_NAMES)
    index = assets.remember(
        ("elementattributes", root, question),
        lambda: attribute_index(call, assets, database, elements, keep),
    )
    return index_reply(call, assets, database, index)


_PAGE = frozenset({"startindex", "maxcount", "selectedfields", "webidtype", "associations"})
Known = dict[int, tuple[object, list[tuple[str, int]]]]
Index = tuple["array[int]", "array[int]"]  # ordinals of elements, numbers of attributes


def attribute_index(
    call: Call,
    assets: Assets,
    database: Database,
    ordinals: Sequence[int],
    keep: Sequence[Check[Shaped]],
) -> Index:
    """The attributes of some elements whose definitions are wanted, sorted by name."""
    if call.text("sortField", "Name").casefold() != "name":
        raise ApiError(400, "Only 'Name' is supported for parameter 'sortField'.")
    reverse = descending(call)
    named: dict[str, Index] = {}
    known: Known = {}
    for ordinal in ordinals:
        for name, number in _wanted(assets, database, ordinal, keep, known):
            places, numbers = named.setdefault(name, (array("q"), array("q")))
            places.append(ordinal)
            numbers.append(number)
    places, numbers = array("q"), array("q")
    for name in sorted(named, reverse=reverse):
        places.extend(named[name][0])
        numbers.extend(named[name][1])
    return places, numbers


def _wanted(
    assets: Assets,
    database: Database,
    ordinal: int,
    keep: Sequence[Check[Shaped]],
    known: Known,
) -> list[tuple[str, int]]:
    """Folded names and numbers; elements of the same make share the answer."""
    place = place_of(ordinal)
    if place is None:
        raise LookupError(ordinal)
    element = assets.element(database, place)
    shape = assets.shape(element)
    if shape is None:
        shape = tuple(
            Shaped(a.number, a.template, a.definition, None, a.excluded) for a in assets.attributes(element)
        )
        return _kept(shape, keep)
    if id(shape) not in known:  # the shape is held, so that its identity is not given to another
        known[id(shape)] = shape, _kept(shape, keep)
    return known[id(shape)][1]


def _kept(shape: Sequence[Shaped], keep: Sequence[Check[Shaped]]) -> list[tuple[str, int]]:
    return [(s.definition.name.casefold(), s.number) for s in shape if all(check(s) for check in keep)]


def index_reply(call: Call, assets: Assets, database: Database, index: Index) -> Reply:
    """A page of an attribute index."""
    places, numbers = index
    printer = Printer.of_list(call)

    def show(at: int) -> dict[str, Any]:
        place = place_of(places[at])
        if place is None:
            raise LookupError(places[at])
        return printer.attribute(assets.attribute(assets.element(database, place), numbers[at]))

    return page_reply(call, range(len(numbers)), show)


def _definition_checks(call: Call, assets: Assets, database: Database) -> list[Check[Shaped]]:
    checks: list[Check[Shaped] | None] = [
        text_check(call.text("attributeNameFilter"), lambda s: s.definition.name),
        text_check(call.text("attributeDescriptionFilter"), lambda s: s.definition.description),
    ]
    category = check_category(call, assets, database, Kind.ATTRIBUTE_CATEGORY, "attributeCategory")
    if category:
        checks.append(lambda s: category in {c.casefold() for c in s.definition.categories})
    wanted = call.text("attributeType").casefold()
    if wanted:
        checks.append(lambda s: s.definition.type.casefold() == wanted)
    return [check for check in checks if check is not None]
