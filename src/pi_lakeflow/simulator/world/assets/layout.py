"""Where equipment stands: sites, areas, units, equipment and components as integers, from the tag names.

Equipment ``k`` has the tags ``8k .. 8k+7``; its unit is block ``k // 40``. Unit labels repeat after 720
blocks, so a unit holds the blocks ``r, r + 720, ...``. Nothing here depends on the number of tags but
what exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from pi_lakeflow.simulator.world import names

UNITS = 720
_UNITS_PER_AREA = 10
_BITS = 36
_EQUIPMENT = re.compile(r"[A-Z]+-(\d{4,})", re.IGNORECASE)
_AREA = re.compile(r"Area (\d+)", re.IGNORECASE)
_UNIT = re.compile(r"U(\d+)", re.IGNORECASE)
CRITICAL = "Critical Equipment"


class Level(IntEnum):
    """How deep an element is, and what it is."""

    GROUP = 0
    SITE = 1
    AREA = 2
    UNIT = 3
    EQUIPMENT = 4
    COMPONENT = 5
    CREATED = 6


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One element: its level, and its number within the level."""

    level: Level
    number: int

    @property
    def ordinal(self) -> int:
        """Both in 40 bits."""
        return self.level << _BITS | self.number


def place_of(ordinal: int) -> Place | None:
    """The place of an ordinal, or None when there is no such level."""
    level = ordinal >> _BITS
    return Place(Level(level), ordinal & (1 << _BITS) - 1) if level in Level._value2member_map_ else None


# Component names of each type of equipment, and which of its eight tags they hold
COMPONENTS: dict[str, dict[str, tuple[int, ...]]] = {
    "PUMP": {"Motor": (3, 4), "Bearings": (5, 6, 7)},
    "TANK": {},
    "REAC": {"Feed System": (4, 5)},
    "COMP": {"Lube Oil": (3, 4)},
}
MAX_COMPONENTS = 4


class Layout:
    """The elements that exist for a number of tags."""

    def __init__(self, tags: int) -> None:
        self.tags = tags
        self.equipment = -(-tags // names.TAGS_PER_EQUIPMENT)
        self.blocks = -(-self.equipment // names.EQUIPMENT_PER_UNIT)
        self.units = min(self.blocks, UNITS)

    def exists(self, place: Place) -> bool:
        n = place.number
        match place.level:
            case Level.GROUP:
                found = n == 0 and self.equipment > 0
            case Level.SITE:
                found = n < len(names.SITES) and n * names.UNITS_PER_SITE < self.units
            case Level.AREA:
                found = n * _UNITS_PER_AREA < self.units
            case Level.UNIT:
                found = n < self.units
            case Level.EQUIPMENT:
                found = n < self.equipment
            case Level.COMPONENT:
                k, c = divmod(n, MAX_COMPONENTS)
                found = k < self.equipment and c < len(COMPONENTS[names.prefix(k)])
            case _:
                found = False
        return found

    def parent(self, place: Place) -> Place | None:
        """Where it hangs; None for the roots of a database."""
        n = place.number
        match place.level:
            case Level.AREA:
                return Place(Level.SITE, n * _UNITS_PER_AREA // names.UNITS_PER_SITE % len(names.SITES))
            case Level.UNIT:
                return Place(Level.AREA, n // _UNITS_PER_AREA)
            case Level.EQUIPMENT:
                return Place(Level.UNIT, n // names.EQUIPMENT_PER_UNIT % UNITS)
            case Level.COMPONENT:
                return Place(Level.EQUIPMENT, n // MAX_COMPONENTS)
        return None

    def roots(self) -> Iterator[Place]:
        """The top of a database, sorted by name."""
        sites = [p for n in range(len(names.SITES)) if self.exists(p := Place(Level.SITE, n))]
        groups = [Place(Level.GROUP, 0)] if self.equipment else []
        yield from sorted([*groups, *sites], key=self.name)

    def children(self, place: Place) -> Iterator[Place]:
        """What hangs below, weak references left out."""
        n = place.number
        match place.level:
            case Level.SITE:
                per_site = names.UNITS_PER_SITE // _UNITS_PER_AREA
                for turn in range(UNITS // (names.UNITS_PER_SITE * len(names.SITES))):
                    first = (turn * len(names.SITES) + n) * per_site
                    for area in range(first, first + per_site):
                        if self.exists(Place(Level.AREA, area)):
                            yield Place(Level.AREA, area)
            case Level.AREA:
                for unit in range(n * _UNITS_PER_AREA, (n + 1) * _UNITS_PER_AREA):
                    if self.exists(Place(Level.UNIT, unit)):
                        yield Place(Level.UNIT, unit)
            case Level.UNIT:
                for block in range(n, self.blocks, UNITS):
                    first = block * names.EQUIPMENT_PER_UNIT
                    last = min(first + names.EQUIPMENT_PER_UNIT, self.equipment)
                    yield from (Place(Level.EQUIPMENT, k) for k in range(first, last))
            case Level.EQUIPMENT:
                for c in range(len(COMPONENTS[names.prefix(n)])):
                    yield Place(Level.COMPONENT, n * MAX_COMPONENTS + c)

    def weak_children(self, place: Place | None) -> Iterator[Place]:
        """Elements that are referenced here but live elsewhere: the first of every fourth unit in a
        group, the plant's first tank at the top (None).
        """
        if place is None and self.equipment > 1:
            yield Place(Level.EQUIPMENT, 1)
        if place is not None and place.level is Level.GROUP:
            step = 4 * names.EQUIPMENT_PER_UNIT
            yield from (Place(Level.EQUIPMENT, k) for k in range(0, self.equipment, step))

    def weak_parents(self, place: Place) -> Iterator[Place | None]:
        """Where else an element is referenced; None is the top."""
        if place == Place(Level.EQUIPMENT, 1):
            yield None
        if place.level is Level.EQUIPMENT and place.number % (4 * names.EQUIPMENT_PER_UNIT) == 0:
            yield Place(Level.GROUP, 0)

    def name(self, place: Place) -> str:
        """What the element is called, unless somebody renamed it."""
        n = place.number
        match place.level:
            case Level.SITE:
                return names.SITES[n]
            case Level.AREA:
                per_site = names.UNITS_PER_SITE // _UNITS_PER_AREA
                return f"Area {1 + n % per_site + n // (per_site * len(names.SITES)) * per_site}"
            case Level.UNIT:
                return names.unit_label(n)
            case Level.EQUIPMENT:
                return f"{names.prefix(n)}-{n:04d}"
            case Level.COMPONENT:
                k, c = divmod(n, MAX_COMPONENTS)
                return tuple(COMPONENTS[names.prefix(k)])[c]
        return CRITICAL

    def child(self, parent: Place | None, name: str) -> Place | None:
        """The child of that name (case does not matter), weak references included."""
        wanted = name.casefold()
        if match := _EQUIPMENT.fullmatch(name):
            candidates: Iterator[Place] = iter([Place(Level.EQUIPMENT, int(match[1]))])
        elif parent is None:
            candidates = self.roots()
        else:
            candidates = self.children(parent)
        for place in candidates:
            fits = self.exists(place) and self.name(place).casefold() == wanted
            if fits and (self.parent(place) == parent or parent in tuple(self.weak_parents(place))):
                return place
        return None

    def descendants(self, place: Place | None) -> Iterator[Place]:
        """All below (None: all of the database), parents first; weak references are not followed."""
        for child in self.roots() if place is None else self.children(place):
            yield child
            yield from self.descendants(child)

    def tag_indices(self, place: Place) -> tuple[int, ...]:
        """The tags that the element's own attributes refer to."""
        if place.level is Level.COMPONENT:
            k, c = divmod(place.number, MAX_COMPONENTS)
            slots = tuple(COMPONENTS[names.prefix(k)].values())[c]
        elif place.level is Level.EQUIPMENT:
            k = place.number
            taken = {slot for slots in COMPONENTS[names.prefix(k)].values() for slot in slots}
            slots = tuple(slot for slot in range(names.TAGS_PER_EQUIPMENT) if slot not in taken)
        else:
            return ()
        return tuple(i for slot in slots if (i := k * names.TAGS_PER_EQUIPMENT + slot) < self.tags)

    def holder(self, index: int) -> Place:
        """The element whose attribute refers to tag ``index``."""
        k, slot = divmod(index, names.TAGS_PER_EQUIPMENT)
        for c, slots in enumerate(COMPONENTS[names.prefix(k)].values()):
            if slot in slots:
                return Place(Level.COMPONENT, k * MAX_COMPONENTS + c)
        return Place(Level.EQUIPMENT, k)
