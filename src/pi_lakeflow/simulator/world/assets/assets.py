"""The AF model of a world: everything is computed from GUIDs, paths and positions when asked for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pi_lakeflow.simulator.world import webid
from pi_lakeflow.simulator.world.hashing import scramble
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.webid import WebId

from .attributes import AttributeMaker, Shaped
from .catalogue import Catalogue
from .changes import Changes
from .edits import Edits
from .guids import Guids, Key, Kind
from .layout import Layout, Level, Place, place_of
from .model import AssetServer, Attribute, Database, Element
from .templates import TEMPLATES, equipment_template

if TYPE_CHECKING:
    from pi_lakeflow.simulator.world.world import World

_DATABASES = (("Plant", "Production assets of all sites"), ("Laboratory", "A copy for trials"))
_TEMPLATES = {Level.SITE: "Site", Level.AREA: "Area", Level.UNIT: "Unit"}
R = TypeVar("R")
_ANSWERS = 8
State = tuple[Edits, tuple[int, ...] | None]  # edits, and how many tags each database knows


class UnknownAsset(LookupError):
    """No such AF object."""


class Identified(Protocol):
    """What a WebId can be minted for."""

    @property
    def marker(self) -> str: ...
    @property
    def guid(self) -> uuid.UUID: ...
    @property
    def owner(self) -> uuid.UUID | None: ...
    @property
    def path(self) -> str: ...


class Assets:
    """See the package's docstring. Safe for use by several threads.

    ``world.part(Assets)`` is the live model; :meth:`snapshot` is how it was at a moment.
    """

    def __init__(self, world: World, frozen: State | None = None) -> None:
        self.world = world
        self.edits, self._sizes = frozen or (Edits(), None)
        self.changes = Changes(self)
        self.guids = Guids(world.recipe.seed)
        self.server = AssetServer("PIAF01", self.guids.of(Key(Kind.SERVER)))
        self.databases = tuple(
            Database(number, name, self.guids.of(Key(Kind.DATABASE, number)), text, self.server)
            for number, (name, text) in enumerate(_DATABASES)
        )
        self._lock = threading.RLock()
        self._layouts: dict[int, Layout] = {}
        self._prepare()

    def _prepare(self) -> None:
        self._maker = AttributeMaker(self.world, self.guids, self.edits)
        self.catalogue = Catalogue(self)
        self._answers: dict[object, Any] = {}
        self._elements = lru_cache(maxsize=20_000)(self._make_element)
        self._attributes = lru_cache(maxsize=2_000)(self._make_attributes)

    @property
    def state(self) -> State:
        """What elements and attributes follow from; two models of the same state are the same."""
        return self.edits, self._sizes or tuple(self.world.size(d.number) for d in self.databases)

    def snapshot(self) -> Assets:
        """The model as it is now, which later changes do not touch."""
        return Assets(self.world, self.state)

    def remember(self, key: tuple[object, ...], make: Callable[[], R]) -> R:
        """What ``make`` gave for that question last time, while the model is the same; a few are kept."""
        with self._lock:
            known = (key, self.state[1])
            if known not in self._answers:
                while len(self._answers) >= _ANSWERS:
                    del self._answers[next(iter(self._answers))]
                self._answers[known] = make()
            found: R = self._answers[known]
            return found

    def edit(self, edits: Edits) -> None:
        """Make other edits the present ones."""
        with self._lock:
            self.edits = edits
            self._prepare()

    # -- ids -------------------------------------------------------------------------------------

    def webid(self, item: Identified, web_id_type: str = "IDOnly") -> str:
        """The WebId of any AF object."""
        identity = None if item.marker == webid.ASSET_SERVER else item.guid
        return webid.mint(
            web_id_type, item.marker, server=self.server.guid, path=item.path, item=identity, owner=item.owner
        )

    def key(self, item: WebId) -> Key:
        """What the GUID of a WebId names, or :class:`UnknownAsset`."""
        if item.server not in (None, self.server.guid) or not isinstance(item.object, uuid.UUID):
            raise UnknownAsset(str(item.object))
        found = self.guids.read(item.object)
        if found is None:
            raise UnknownAsset(str(item.object))
        return found

    # -- databases -------------------------------------------------------------------------------

    def database(self, name: str) -> Database:
        """By name (case does not matter)."""
        for database in self.databases:
            if database.name.casefold() == name.casefold():
                return database
        raise UnknownAsset(name)

    def database_by_webid(self, item: WebId) -> Database:
        """By the parts of a WebId."""
        if item.object is None and item.path:
            return self.database(self._inside(item.path)[0])
        key = self.key(item)
        if key.kind is not Kind.DATABASE or key.database >= len(self.databases):
            raise UnknownAsset(str(item.object))
        return self.databases[key.database]

    def layout(self, database: Database) -> Layout:
        """Which elements exist; follows the tags of the world."""
        number = database.number
        size = self._sizes[number] if self._sizes else self.world.size(number)
        with self._lock:
            known = self._layouts.get(database.number)
            if known is None or known.tags != size:
                self._layouts[database.number] = known = Layout(size)
                self._attributes.cache_clear()
            return known

    # -- elements --------------------------------------------------------------------------------

    def element(self, database: Database, place: Place) -> Element:
        """The element at a place, or :class:`UnknownAsset`."""
        if not self._exists(database, place):
            raise UnknownAsset(f"{place}")
        return self._elements(database, place)

    def _exists(self, database: Database, place: Place) -> bool:
        spot = (database.number, place)
        if spot in self.edits.removed:
            return False
        if place.level is Level.CREATED and spot not in self.edits.created:
            return False
        if place.level is not Level.CREATED and not self.layout(database).exists(place):
            return False
        above = self._above(database, place) if self.edits.removed else None
        return above is None or self._exists(database, above)

    def _above(self, database: Database, place: Place) -> Place | None:
        if place.level is Level.CREATED:
            return self.edits.created[database.number, place].parent
        return self.layout(database).parent(place)

    def children(self, parent: Element | Database) -> Iterator[Element]:
        """The elements directly below, weak references included."""
        database = parent if isinstance(parent, Database) else parent.database
        place = None if isinstance(parent, Database) else parent.place
        for below in (*self._below(database, place), *self.references(database, place)):
            if self._exists(database, below):
                yield self._elements(database, below)

    def references(self, database: Database, place: Place | None) -> Iterator[Place]:
        """What is referenced there but lives elsewhere."""
        yield from self.layout(database).weak_children(place)

    def _below(self, database: Database, place: Place | None) -> Iterator[Place]:
        layout = self.layout(database)
        yield from layout.roots() if place is None else layout.children(place)
        for (number, made), new in self.edits.created.items():
            if number == database.number and new.parent == place:
                yield made

    def descendants(self, parent: Element | Database) -> Iterator[Element]:
        """All elements below, parents first, each once."""
        database = parent if isinstance(parent, Database) else parent.database
        place = None if isinstance(parent, Database) else parent.place
        for below in self.places(database, place):
            yield self._elements(database, below)

    def places(self, database: Database, place: Place | None) -> Iterator[Place]:
        """:meth:`descendants` without making the elements."""
        for below in self._below(database, place):
            if (database.number, below) not in self.edits.removed:
                yield below
                yield from self.places(database, below)

    def name(self, database: Database, place: Place) -> str:
        """What an existing element is called."""
        changed = self.edits.changed.get((database.number, place), {})
        if "name" in changed:
            return str(changed["name"])
        if place.level is Level.CREATED:
            return self.edits.created[database.number, place].name
        return self.layout(database).name(place)

    def parent(self, element: Element) -> Element | None:
        """The element that owns it; None at the top of its database."""
        return None if element.parent is None else self.element(element.database, element.parent)

    def paths(self, element: Element) -> list[str]:
        """Its path, then those of its weak references."""
        weak = self.layout(element.database).weak_parents(element.place)
        owners = (self.element(element.database, p).path if p else element.database.path for p in weak)
        return [element.path, *(f"{owner}\\{element.name}" for owner in owners)]

    def equipment(self, database: Database) -> int:
        """How many pieces of equipment there are: ``Place(Level.EQUIPMENT, 0 ...)``."""
        return self.layout(database).equipment

    def element_by_webid(self, item: WebId) -> Element:
        """By the parts of a WebId; GUIDs win over the path of a full id."""
        if item.object is None and item.path:
            return self.element_by_path(item.path)
        key = self.key(item)
        place = place_of(key.a)
        if key.kind is not Kind.ELEMENT or place is None:
            raise UnknownAsset(str(item.object))
        return self.element(self.databases[key.database], place)

    def element_by_path(self, path: str) -> Element:
        r"""By ``\\AF\Database\A\B``; paths through weak references work too."""
        name, *steps = self._inside(path)
        database = self.database(name)
        place: Place | None = None
        for step in steps:
            place = self._child(database, place, step)
            if place is None:
                break
        if place is None:
            raise UnknownAsset(path)
        return self.element(database, place)

    def _inside(self, path: str) -> list[str]:
        server, *steps = path.removeprefix("\\\\").split("\\")
        if server.casefold() != self.server.name.casefold() or not steps:
            raise UnknownAsset(path)
        return steps

    def _child(self, database: Database, place: Place | None, name: str) -> Place | None:
        if self.edits.created or self.edits.changed:
            choices = (*self._below(database, place), *self.references(database, place))
            named = (p for p in choices if self.name(database, p).casefold() == name.casefold())
            return next((p for p in named if self._exists(database, p)), None)
        found = self.layout(database).child(place, name)
        return found if found is not None and self._exists(database, found) else None

    def _make_element(self, database: Database, place: Place) -> Element:
        spot = (database.number, place)
        above = self._above(database, place)
        owner = database.path if above is None else self.element(database, above).path
        name = self.name(database, place)
        new = self.edits.created.get(spot)
        if new is None:
            template = _template(place, self.layout(database).name(place))
            description = f"{template or 'Group'} {name}"
            categories = TEMPLATES[template].categories if template else ("Overview",)
        else:
            template, description, categories = new.template, new.description, new.categories
        made = Element(
            database,
            place,
            self.guids.of(Key(Kind.ELEMENT, database.number, place.ordinal)),
            name,
            description,
            f"{owner}\\{name}",
            above,
            template,
            categories,
            key=scramble(self.world.recipe.seed, database.number, place.ordinal),
        )
        changed = self.edits.changed.get(spot)
        return replace(made, **changed) if changed else made

    # -- attributes ------------------------------------------------------------------------------

    def attributes(self, element: Element) -> tuple[Attribute, ...]:
        """The attributes at the top of an element, sorted by name."""
        self.layout(element.database)  # forgets the attributes when tags were added
        return self._attributes(element)

    def child_attributes(self, attribute: Attribute) -> tuple[Attribute, ...]:
        """The attributes below an attribute: limits, mostly."""
        return self._maker.children(attribute)

    def all_attributes(self, element: Element) -> Iterator[Attribute]:
        """The attributes of an element, each followed by those below it."""
        for attribute in self.attributes(element):
            yield from self._with_children(attribute)

    def _with_children(self, attribute: Attribute) -> Iterator[Attribute]:
        yield attribute
        for child in self.child_attributes(attribute):
            yield from self._with_children(child)

    def attribute_by_webid(self, item: WebId) -> Attribute:
        """By the parts of a WebId."""
        if item.object is None and item.path:
            return self.attribute_by_path(item.path)
        key = self.key(item)
        place = place_of(key.a)
        if key.kind is Kind.ATTRIBUTE and place is not None:
            return self.attribute(self.element(self.databases[key.database], place), key.b)
        raise UnknownAsset(str(item.object))

    def attribute(self, element: Element, number: int) -> Attribute:
        """The attribute of that number, at any depth, without making all others."""
        found = self._maker.numbered(element, self.indices(element), number)
        if found is None:
            raise UnknownAsset(f"{element.path}: {number}")
        return found

    def shape(self, element: Element) -> tuple[Shaped, ...] | None:
        """The attributes at the top, as all elements of the same make have them; None when edited."""
        return self._maker.shape(element, self.indices(element))

    def indices(self, element: Element) -> tuple[int, ...]:
        """The tags that an element's attributes refer to."""
        return self.layout(element.database).tag_indices(element.place)

    def attribute_by_path(self, path: str) -> Attribute:
        r"""By ``\\AF\Database\Element|Attribute|Child``; ``[@Trait=LoLo]`` names a child by its trait."""
        owner, *names = path.split("|")
        choices = self.attributes(self.element_by_path(owner))
        found: Attribute | None = None
        for name in names:
            found = next((a for a in choices if _called(a, name)), None)
            if found is None:
                break
            choices = self.child_attributes(found)
        if found is None:
            raise UnknownAsset(path)
        return found

    def tag(self, attribute: Attribute) -> TagDef:
        """The point of a PI Point reference; :class:`~..directory.UnknownTag` when it is gone."""
        if attribute.point is None:
            raise UnknownAsset(attribute.path)
        server, index = attribute.point
        return self.world.tag(index, server)

    def attribute_of(self, tag: TagDef) -> Attribute:
        """The attribute that refers to a tag."""
        database = self.databases[tag.server.number]
        element = self.element(database, self.layout(database).holder(tag.index))
        return next(a for a in self.attributes(element) if a.point == (tag.server.number, tag.index))

    def _make_attributes(self, element: Element) -> tuple[Attribute, ...]:
        return self._maker.of(element, self.indices(element))


def _template(place: Place, name: str) -> str:
    if place.level is Level.EQUIPMENT:
        return equipment_template(place.number)
    return name if place.level is Level.COMPONENT else _TEMPLATES.get(place.level, "")


def _called(attribute: Attribute, name: str) -> bool:
    if name.casefold().startswith("[@trait="):
        wanted = name[8:].rstrip("]").casefold()
        return attribute.trait.casefold() in (wanted, f"limit{wanted}")
    return attribute.name.casefold() == name.casefold()
