r"""The AF model of the simulated plant: ``assets = world.part(Assets)``.

Nothing is stored for elements nobody asks for: a GUID is an enciphered position, so that objects are
found by GUID, path or name without an index, at any number of tags.

::

    assets.server, assets.databases          AF server PIAF01; databases Plant (tags of the first data
                                             server) and Laboratory (the twins on the second)
    assets.children(database or element)     elements below, weak references included
    assets.descendants(database or element)  all elements below, each once
    assets.equipment(database)               a number n: Place(Level.EQUIPMENT, 0 .. n-1) exist
    assets.element(database, place)          an Element: name, path, guid, template, categories, parent
    assets.element_by_path(r"\\PIAF01\Plant\LYN\Area 1\U100\PUMP-0000")
    assets.element_by_webid(webid.parse(text))
    assets.parent(element), assets.paths(element)
    assets.attributes(element)               Attributes at the top; .point is (server number, tag index)
    assets.child_attributes(attribute)       limits: .trait is LimitLoLo, LimitLo, ...
    assets.tag(attribute)                    its TagDef; UnknownTag when the point is gone
    assets.attribute_of(tag)                 the attribute (and .element) of a TagDef
    limits_of(tag)                           {"Minimum": .., "LoLo": .., ... "Maximum": ..}
    TEMPLATES[name], lineage(name)           templates, event frame templates too (eventtemplates.py)
    assets.webid(anything above, "IDOnly")   its WebId
    assets.catalogue                         Items: categories, sets, tables, units, templates, analyses
    assets.guids                             more kinds of computed GUIDs: Key(Kind, database, a, b)

    assets.changes                           create, change, remove elements and attributes
    assets.snapshot()                        the model as it is now, for stale caches

Sites stand at the top, then areas, units, equipment, components:
``LYN > Area 1 > U100 > PUMP-0000 > Motor``. :class:`UnknownAsset` is raised for what does not exist.
"""

from .assets import Assets, Identified, UnknownAsset
from .attributes import Shaped, lineage, template_attributes
from .changes import BadChange, Changes
from .guids import Guids, Key, Kind, number_of
from .layout import Layout, Level, Place, place_of
from .model import AssetServer, Attribute, AttributeDef, Database, Element, Item, TemplateDef
from .templates import LIMITS, TEMPLATES, limits_of
from .views import Views

__all__ = [
    "LIMITS",
    "TEMPLATES",
    "AssetServer",
    "Assets",
    "Attribute",
    "AttributeDef",
    "BadChange",
    "Changes",
    "Database",
    "Element",
    "Guids",
    "Identified",
    "Item",
    "Key",
    "Kind",
    "Layout",
    "Level",
    "Place",
    "Shaped",
    "TemplateDef",
    "UnknownAsset",
    "Views",
    "limits_of",
    "lineage",
    "number_of",
    "place_of",
    "template_attributes",
]
