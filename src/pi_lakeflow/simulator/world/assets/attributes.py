"""The attributes of an element: its templates', and its own for tags that the template did not foresee."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pi_lakeflow.simulator.world import names
from pi_lakeflow.simulator.world.tags import NUMERIC, TagDef

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


class AttributeMaker:
    """Makes the attributes of elements; a pure function of the world's tags."""

    def __init__(self, world: World, guids: Guids) -> None:
        self._world = world
        self._guids = guids

    def of(self, element: Element, indices: tuple[int, ...]) -> tuple[Attribute, ...]:
        """The attributes at the top of an element whose tags are ``indices``, sorted by name."""
        tags = {
            index % names.TAGS_PER_EQUIPMENT: self._world.original(index, element.database.number)
            for index in indices
        }
        made = [
            self._from_template(element, source, definition, tags)
            for source, definition in template_attributes(element.template)
        ]
        made += [
            self.make(element, "", _unforeseen(tag, slot), tag=tag)
            for slot, tag in tags.items()
            if tag.kind not in _ANALOG
        ]
        return tuple(sorted(made, key=lambda attribute: attribute.name.casefold()))

    def _from_template(
        self, element: Element, source: str, definition: AttributeDef, tags: dict[int, TagDef]
    ) -> Attribute:
        if definition.slot is None:
            return self.make(element, source, definition)
        tag = tags.get(definition.slot)
        if tag is None or tag.kind not in _ANALOG:  # no such tag here: the attribute is excluded
            return replace(self.make(element, source, definition), excluded=True)
        limits = limits_of(tag)
        children = tuple(
            replace(child, default=limits[child.name], units=tag.units) for child in definition.children
        )
        fitting = replace(definition, type=_TYPES[tag.kind], units=tag.units, children=children)
        return self.make(element, source, fitting, tag=tag)

    def make(
        self,
        element: Element,
        source: str,
        definition: AttributeDef,
        *,
        parent: Attribute | None = None,
        tag: TagDef | None = None,
    ) -> Attribute:
        """One attribute, at the top or below ``parent``."""
        parents = (*parent.parents, parent.name) if parent else ()
        number = number_of(*parents, definition.name)
        key = Key(Kind.ATTRIBUTE, element.database.number, element.place.ordinal, number)
        owner = parent.path if parent else element.path
        return Attribute(
            element,
            number,
            self._guids.of(key),
            f"{owner}|{definition.name}",
            source,
            definition,
            parents,
            None if tag is None else (tag.server.number, tag.index),
            definition.config if tag is None else f"{tag.path}?{tag.point_id}",
        )

    def children(self, parent: Attribute) -> tuple[Attribute, ...]:
        """The attributes below an attribute."""
        return tuple(
            self.make(parent.element, parent.template, definition, parent=parent)
            for definition in parent.definition.children
        )

    def numbered(self, attribute: Attribute, number: int) -> Attribute | None:
        """The attribute or the one below it that has the number."""
        if attribute.number == number:
            return attribute
        above = (*attribute.parents, attribute.name)
        for definition in attribute.definition.children:
            if definition.children or number_of(*above, definition.name) == number:
                below = self.make(attribute.element, attribute.template, definition, parent=attribute)
                if found := self.numbered(below, number):
                    return found
        return None


def _unforeseen(tag: TagDef, slot: int) -> AttributeDef:
    return AttributeDef(
        names.other_name(tag.kind, slot).replace("_", " ").title(),
        type=_TYPES[tag.kind],
        description=tag.descriptor,
        reference="PI Point",
        qualifier=tag.digital_set,
        categories=("Process",),
    )
