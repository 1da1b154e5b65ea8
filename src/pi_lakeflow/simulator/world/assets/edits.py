"""What people changed in AF: an immutable value, so that a stale cache is a reference to an older one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .layout import Level, Place
from .model import AttributeDef

Spot = tuple[int, Place]  # database number and place


@dataclass(frozen=True, slots=True)
class NewElement:
    """An element that somebody made."""

    parent: Place | None
    name: str
    description: str = ""
    template: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewAttribute:
    """An attribute that somebody made; ``parent`` is the number of the attribute above, if any."""

    parent: int | None
    definition: AttributeDef
    point: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Edits:
    """All changes so far. ``changed`` and ``attributes`` map fields to new values."""

    created: Mapping[Spot, NewElement] = field(default_factory=dict)
    changed: Mapping[Spot, Mapping[str, Any]] = field(default_factory=dict)
    removed: frozenset[Spot] = frozenset()
    new_attributes: Mapping[Spot, tuple[NewAttribute, ...]] = field(default_factory=dict)
    attributes: Mapping[tuple[Spot, int], Mapping[str, Any]] = field(default_factory=dict)
    removed_attributes: frozenset[tuple[Spot, int]] = frozenset()

    def next_place(self, database: int) -> Place:
        """Where the next element of a database goes."""
        return Place(Level.CREATED, sum(number == database for number, _ in self.created))

    def with_element(self, spot: Spot, new: NewElement) -> Edits:
        """One more element."""
        return replace(self, created={**self.created, spot: new})

    def with_change(self, spot: Spot, values: Mapping[str, Any]) -> Edits:
        """Other fields of an element."""
        merged = {**self.changed.get(spot, {}), **values}
        return replace(self, changed={**self.changed, spot: merged})

    def without_element(self, spot: Spot) -> Edits:
        """An element less, and what hangs below it."""
        return replace(self, removed=self.removed | {spot})

    def with_attribute(self, spot: Spot, new: NewAttribute) -> Edits:
        """One more attribute."""
        known = self.new_attributes.get(spot, ())
        return replace(self, new_attributes={**self.new_attributes, spot: (*known, new)})

    def with_attribute_change(self, spot: Spot, number: int, values: Mapping[str, Any]) -> Edits:
        """Other fields of an attribute, ``value`` among them."""
        merged = {**self.attributes.get((spot, number), {}), **values}
        return replace(self, attributes={**self.attributes, (spot, number): merged})

    def without_attribute(self, spot: Spot, number: int) -> Edits:
        """An attribute less, and what hangs below it."""
        return replace(self, removed_attributes=self.removed_attributes | {(spot, number)})
