"""The attributes of an element: its templates', its own for tags that no template foresaw, and edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.world import names
from pi_lakeflow.simulator.world.tags import NUMERIC, TagDef, kind_at

from .edits import Edits
from .guids import Guids, Key, Kind, number_of
from .model import Attribute, AttributeDef, Element
from .templates import TEMPLATES, limits_of

if TYPE_CHECKING:
    from pi_lakeflow.simulator.world.world import World

_ANALOG = NUMERIC - {"integer", "biginteger"}
_TYPES = {
    "number": "Double",
    "double17": "Double",
    "float32": "Single",
    "integer": "Int32",
    "biginteger": "Int64",
    "digital": "EnumerationValue",
    "string": "String",
    "boolean": "Boolean",
    "timestamp": "DateTime",
    "blob": "Byte[]",
}
_OUTSIDE = frozenset({"value", "point", "config"})  # fields of an attribute, not of its definition


def lineage(template: str) -> list[str]:
    """A template and those that it extends, the basic one first."""
    chain: list[str] = []
    while template in TEMPLATES:
        chain.append(template)
        template = TEMPLATES[template].base
    return chain[::-1]


def template_attributes(template: str) -> Iterator[tuple[str, AttributeDef]]:
    """(defining template, attribute) of a template, inherited ones first."""
    for name in lineage(template):
        yield from ((name, definition) for definition in TEMPLATES[name].attributes)


@dataclass(frozen=True, slots=True)
class Shaped:
    """An attribute but for its element: ``slot`` is the place of its tag; ``source`` its template."""

    number: int
    source: str
    definition: AttributeDef
    slot: int | None = None
    excluded: bool = False


@lru_cache(maxsize=10_000)
def _shape(template: str, kinds: tuple[tuple[int, str], ...]) -> tuple[Shaped, ...]:
    """The attributes of elements of a template whose slots hold such tags, sorted by name."""
    known = dict(kinds)
    made = []
    for source, definition in template_attributes(template):
        number, slot = number_of(definition.name), definition.slot
        if slot is None:
            made.append(Shaped(number, source, definition))
        elif known.get(slot) in _ANALOG:
            typed = replace(definition, type=_TYPES[known[slot]])
            made.append(Shaped(number, source, typed, slot))
        else:  # no such tag here: the attribute is excluded
            made.append(Shaped(number, source, definition, excluded=True))
    for slot, kind in kinds:
        if kind not in _ANALOG:
            definition = _unforeseen(kind, slot)
            made.append(Shaped(number_of(definition.name), "", definition, slot))
    return tuple(sorted(made, key=lambda shaped: shaped.definition.name.casefold()))


@lru_cache(maxsize=10_000)
def _tops(template: str, kinds: tuple[tuple[int, str], ...]) -> dict[int, Shaped]:
    """Which attribute at the top each number belongs to, those of nested ones included."""
    found = {}
    for shaped in _shape(template, kinds):
        for number in (shaped.number, *_numbers_below(shaped.number, shaped.definition)):
            found[number] = shaped
    return found


class AttributeMaker:
    """Makes the attributes of elements from the world's tags and some edits."""

    def __init__(self, world: World, guids: Guids, edits: Edits) -> None:
        self._world = world
        self._guids = guids
        self._edits = edits

    def shape(self, element: Element, indices: tuple[int, ...]) -> tuple[Shaped, ...] | None:
        """What :meth:`of` makes, but for the element; None when somebody edited its attributes."""
        return None if self._is_edited(element) else self._shape_of(element, indices)

    def of(self, element: Element, indices: tuple[int, ...]) -> tuple[Attribute, ...]:
        """The attributes at the top of an element whose tags are ``indices``, sorted by name."""
        made = [self._realise(element, shaped, indices) for shaped in self._shape_of(element, indices)]
        return self._edited(element, None, made)

    def numbered(self, element: Element, indices: tuple[int, ...], number: int) -> Attribute | None:
        """The attribute of that number, at any depth."""
        if self._is_edited(element):
            return _find(self.of(element, indices), number, self.children)
        shaped = _tops(element.template, self._kinds(indices)).get(number)
        if shaped is None:
            return None
        top = self._realise(element, shaped, indices)
        return top if shaped.number == number else _find(self.children(top), number, self.children)

    def _is_edited(self, element: Element) -> bool:
        edits, spot = self._edits, (element.database.number, element.place)
        return (
            spot in edits.new_attributes
            or any(key[0] == spot for key in edits.attributes)
            or any(key[0] == spot for key in edits.removed_attributes)
        )

    def _shape_of(self, element: Element, indices: tuple[int, ...]) -> tuple[Shaped, ...]:
        return _shape(element.template, self._kinds(indices))

    def _kinds(self, indices: tuple[int, ...]) -> tuple[tuple[int, str], ...]:
        recipe = self._world.recipe
        return tuple((index % names.TAGS_PER_EQUIPMENT, kind_at(recipe, index)) for index in indices)

    def _realise(self, element: Element, shaped: Shaped, indices: tuple[int, ...]) -> Attribute:
        definition = shaped.definition
        if shaped.slot is None:
            made = self._make(element, shaped.source, definition)
            return replace(made, excluded=True) if shaped.excluded else made
        index = next(i for i in indices if i % names.TAGS_PER_EQUIPMENT == shaped.slot)
        tag = self._world.original(index, element.database.number)
        if shaped.source:
            limits = limits_of(tag)
            children = tuple(
                replace(child, default=limits[child.name], units=tag.units) for child in definition.children
            )
            definition = replace(definition, units=tag.units, children=children)
        else:
            definition = replace(definition, description=tag.descriptor, qualifier=tag.digital_set)
        return self._make(element, shaped.source, definition, tag=tag)

    def children(self, parent: Attribute) -> tuple[Attribute, ...]:
        """The attributes below an attribute."""
        made = [
            self._make(parent.element, parent.template, definition, parent=parent)
            for definition in parent.definition.children
        ]
        return self._edited(parent.element, parent, made)

    def _make(
        self,
        element: Element,
        source: str,
        definition: AttributeDef,
        *,
        parent: Attribute | None = None,
        tag: TagDef | None = None,
    ) -> Attribute:
        number = number_of(f"{parent.number}", definition.name) if parent else number_of(definition.name)
        key = Key(Kind.ATTRIBUTE, element.database.number, element.place.ordinal, number)
        owner = parent.path if parent else element.path
        return Attribute(
            element,
            number,
            self._guids.of(key),
            f"{owner}|{definition.name}",
            source,
            definition,
            parent,
            None if tag is None else (tag.server.number, tag.index),
            definition.config if tag is None else f"{tag.path}?{tag.point_id}",
        )

    def _edited(
        self, element: Element, parent: Attribute | None, made: list[Attribute]
    ) -> tuple[Attribute, ...]:
        spot = (element.database.number, element.place)
        above = parent.number if parent else None
        for new in self._edits.new_attributes.get(spot, ()):
            if new.parent == above:
                fresh = self._make(element, "", new.definition, parent=parent)
                made.append(replace(fresh, point=new.point))
        kept = [a for a in made if (spot, a.number) not in self._edits.removed_attributes]
        if self._edits.attributes:
            kept = [_changed(a, self._edits.attributes.get((spot, a.number), {})) for a in kept]
        return tuple(sorted(kept, key=lambda attribute: attribute.name.casefold()))


def _changed(attribute: Attribute, values: Mapping[str, Any]) -> Attribute:
    if not values:
        return attribute
    inner = {name: value for name, value in values.items() if name not in _OUTSIDE}
    outer = {name: value for name, value in values.items() if name in _OUTSIDE}
    definition = replace(attribute.definition, **inner)
    path = f"{attribute.path.rpartition('|')[0]}|{definition.name}"
    return replace(attribute, definition=definition, path=path, **outer)


def _find(
    attributes: tuple[Attribute, ...], number: int, children: Callable[[Attribute], tuple[Attribute, ...]]
) -> Attribute | None:
    for attribute in attributes:
        if attribute.number == number:
            return attribute
        if found := _find(children(attribute), number, children):
            return found
    return None


def _numbers_below(number: int, definition: AttributeDef) -> Iterator[int]:
    for child in definition.children:
        below = number_of(f"{number}", child.name)
        yield below
        yield from _numbers_below(below, child)


def _unforeseen(kind: str, slot: int) -> AttributeDef:
    return AttributeDef(
        names.other_name(kind, slot).replace("_", " ").title(),
        type=_TYPES[kind],
        reference="PI Point",
        categories=("Process",),
    )
