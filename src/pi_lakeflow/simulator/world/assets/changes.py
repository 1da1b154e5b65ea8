"""Changing AF, through routes or by a test. Names that AF refuses are a :class:`BadChange`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.world import UnknownTag

from .edits import NewAttribute, NewElement, Spot
from .model import Attribute, AttributeDef, Database, Element
from .templates import TEMPLATES

if TYPE_CHECKING:
    from .assets import Assets

_FORBIDDEN = frozenset('*?;{}[]|\\`"')


class BadChange(ValueError):
    """AF does not accept it."""


class Changes:
    """``assets.changes`` of the live model."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def create_element(
        self,
        parent: Element | Database,
        name: str,
        *,
        description: str = "",
        template: str = "",
        categories: tuple[str, ...] = (),
    ) -> Element:
        """An element below another or at the top."""
        _check_name(name, (child.name for child in self._assets.children(parent)))
        if template and template not in TEMPLATES:
            raise BadChange(f"The specified element template '{template}' was not found.")
        database = parent if isinstance(parent, Database) else parent.database
        above = None if isinstance(parent, Database) else parent.place
        place = self._assets.edits.next_place(database.number)
        new = NewElement(above, name, description, template, categories)
        self._assets.edit(self._assets.edits.with_element((database.number, place), new))
        return self._assets.element(database, place)

    def change_element(self, element: Element, **values: Any) -> Element:
        """``name``, ``description``, ``template`` or ``categories``."""
        if "name" in values and values["name"].casefold() != element.name.casefold():
            above = self._assets.parent(element) or element.database
            _check_name(values["name"], (child.name for child in self._assets.children(above)))
        self._assets.edit(self._assets.edits.with_change(_spot(element), values))
        return self._assets.element(element.database, element.place)

    def remove_element(self, element: Element) -> None:
        """With everything below."""
        self._assets.edit(self._assets.edits.without_element(_spot(element)))

    def create_attribute(self, owner: Element | Attribute, definition: AttributeDef) -> Attribute:
        r"""An attribute; a PI Point reference takes its tag from the configuration, ``\\server\tag``."""
        if isinstance(owner, Attribute):
            element, known = owner.element, self._assets.child_attributes(owner)
        else:
            element, known = owner, self._assets.attributes(owner)
        _check_name(definition.name, (a.name for a in known))
        new = NewAttribute(
            owner.number if isinstance(owner, Attribute) else None, definition, self._point(definition)
        )
        self._assets.edit(self._assets.edits.with_attribute(_spot(element), new))
        path = f"{owner.path}|{definition.name}"
        return self._assets.attribute_by_path(path)

    def change_attribute(self, attribute: Attribute, **values: Any) -> None:
        """``value`` of a static one, ``name``, ``description``, ``config`` or other fields."""
        number = attribute.number
        self._assets.edit(self._assets.edits.with_attribute_change(_spot(attribute.element), number, values))

    def remove_attribute(self, attribute: Attribute) -> None:
        """With those below."""
        spot = _spot(attribute.element)
        self._assets.edit(self._assets.edits.without_attribute(spot, attribute.number))

    def _point(self, definition: AttributeDef) -> tuple[int, int] | None:
        if definition.reference != "PI Point":
            return None
        try:
            tag = self._assets.world.by_path(definition.config.partition("?")[0])
        except UnknownTag:
            return None
        return tag.server.number, tag.index


def _spot(element: Element) -> Spot:
    return element.database.number, element.place


def _check_name(name: str, taken: Any) -> None:
    if not name.strip() or _FORBIDDEN & set(name):
        raise BadChange(f"The name '{name}' is not valid.")
    if name.casefold() in {other.casefold() for other in taken}:
        raise BadChange(f"An object with the name '{name}' already exists.")
