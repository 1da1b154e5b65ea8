"""What AF consists of, as plain frozen values. ``marker`` is the two or three letters of its WebId;
``owner`` the GUID in the middle of three-part ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from .guids import Kind
from .layout import Place


@dataclass(frozen=True, slots=True)
class AssetServer:
    """An AF server."""

    marker: ClassVar[str] = "RS"
    owner: ClassVar[None] = None
    name: str
    guid: uuid.UUID
    description: str = "Asset server of the simulated company"

    @property
    def path(self) -> str:
        return f"\\\\{self.name}"


@dataclass(frozen=True, slots=True)
class Database:
    """An AF database; ``number`` is also the number of the data server that its attributes refer to."""

    marker: ClassVar[str] = "RD"
    owner: ClassVar[None] = None
    number: int
    name: str
    guid: uuid.UUID
    description: str
    server: AssetServer

    @property
    def path(self) -> str:
        return f"{self.server.path}\\{self.name}"


@dataclass(frozen=True, slots=True)
class Element:
    """An element; ``parent`` is the place of the element that owns it, None at the top."""

    marker: ClassVar[str] = "Em"
    owner: ClassVar[None] = None
    database: Database
    place: Place
    guid: uuid.UUID
    name: str
    description: str
    path: str
    parent: Place | None
    template: str = ""
    categories: tuple[str, ...] = ()
    type: str = "None"
    key: int = 0  # seeds whatever is particular about it


@dataclass(frozen=True, slots=True)
class AttributeDef:
    """An attribute as templates define it.

    ``reference`` is the data reference: ``""`` (static), ``PI Point``, ``Formula``, ``Table Lookup``,
    ``String Builder``. ``slot`` is the place of the tag within its equipment; ``value`` computes a
    static value from an element's key, or ``default`` is that value.
    """

    name: str
    type: str = "Double"
    units: str = ""
    description: str = ""
    reference: str = ""
    config: str = ""
    slot: int | None = None
    value: Callable[[int], Any] | None = None
    default: Any = None
    qualifier: str = ""  # of type EnumerationValue: its set
    categories: tuple[str, ...] = ()
    trait: str = ""
    children: tuple[AttributeDef, ...] = ()
    hidden: bool = False
    configuration_item: bool = False
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an element, or a child of one.

    ``point`` is (data server number, tag index) of a PI Point reference. ``template`` is the element
    template that defines it, ``""`` for the element's own. ``above`` is the attribute that it belongs to.
    """

    marker: ClassVar[str] = "AbE"
    element: Element
    number: int
    guid: uuid.UUID
    path: str
    template: str
    definition: AttributeDef
    above: Attribute | None = None
    point: tuple[int, int] | None = None
    config: str = ""
    excluded: bool = False
    value: Any = None  # what somebody wrote, for a static one

    @property
    def owner(self) -> uuid.UUID:
        return self.element.guid

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the attributes above it."""
        return (*self.above.parents, self.above.name) if self.above else ()

    @property
    def trait(self) -> str:
        return self.definition.trait


@dataclass(frozen=True, slots=True)
class Item:
    """Any other AF object: category, template, enumeration set or value, table, unit, analysis, ...

    ``data`` is its definition, ``above`` the object that holds it.
    """

    kind: Kind
    marker: str
    guid: uuid.UUID
    name: str
    path: str
    description: str = ""
    database: Database | None = None
    owner: uuid.UUID | None = None
    above: Item | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class TemplateDef:
    """An element template (``instance_type`` Element or EventFrame); ``base`` names what it extends."""

    name: str
    base: str = ""
    description: str = ""
    attributes: tuple[AttributeDef, ...] = ()
    categories: tuple[str, ...] = ()
    instance_type: str = "Element"
    naming_pattern: str = ""
    severity: str = "None"
    can_be_acknowledged: bool = False
    extendable: bool = True
    extended: tuple[tuple[str, Any], ...] = ()
