"""AF objects that are not elements or attributes. The few of a database are made once; analyses of
elements are computed when asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from .attributes import lineage
from .definitions import ANALYSES, CATEGORIES, PLUGINS, SETS, TABLES, UNIT_CLASSES, AnalysisDef
from .guids import Key, Kind, number_of
from .layout import place_of
from .model import AttributeDef, Database, Element, Item
from .templates import TEMPLATES

if TYPE_CHECKING:
    from .assets import Assets

_RULES = {Kind.ANALYSIS_RULE: "XRX", Kind.ANALYSIS_TEMPLATE_RULE: "XRT"}
_TIME_RULES = {Kind.TIME_RULE: "TRX", Kind.TEMPLATE_TIME_RULE: "TRT"}


class Catalogue:
    """``assets.catalogue``: lists of :class:`Item` by kind, and lookup by GUID and path."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def of(self, kind: Kind, database: Database | None = None) -> list[Item]:
        """All items of a kind, of one database, in the order of their definitions."""
        return [i for i in self._fixed.values() if i.kind is kind and i.database == database]

    def below(self, kind: Kind, above: Item) -> list[Item]:
        """The items of a kind directly below another: values of a set, units of a class, ..."""
        return [i for i in self._fixed.values() if i.kind is kind and i.above == above]

    def named(self, kind: Kind, database: Database | None, name: str) -> Item | None:
        """The item of that name (case does not matter)."""
        folded = name.casefold()
        return next((i for i in self.of(kind, database) if i.name.casefold() == folded), None)

    def by_guid(self, guid: uuid.UUID) -> Item | None:
        """Any item; analyses and their rules too."""
        return self._fixed.get(guid) or self._analytic(guid)

    def by_path(self, path: str) -> Item | None:
        """Any item; case does not matter."""
        folded = path.casefold()
        if "\\analyses[" in folded:
            at = folded.rindex("\\analyses[")
            for analysis in self.analyses(self._assets.element_by_path(path[:at])):
                for item in self.with_rules(analysis):
                    if item.path.casefold().endswith(folded[at:]):
                        return item
            return None
        return self._paths.get(folded)

    # -- analyses --------------------------------------------------------------------------------

    def analyses(self, element: Element) -> list[Item]:
        """The analyses of an element: one for each analysis template of its templates."""
        chain = lineage(element.template)
        return [self._analysis(element, d) for d in ANALYSES if d.target in chain]

    def with_rules(self, analysis: Item) -> Iterator[Item]:
        """An analysis or analysis template, its rule, the rules below that, and its time rule."""
        yield analysis
        template = analysis.kind is Kind.ANALYSIS_TEMPLATE
        definition: AnalysisDef = analysis.data
        rule = Kind.ANALYSIS_TEMPLATE_RULE if template else Kind.ANALYSIS_RULE
        top = self._rule(analysis, rule, _RULES[rule], definition.rule, "AnalysisRule")
        yield top
        for place, (name, config) in enumerate(definition.sub_rules, 1):
            below = self._rule(analysis, rule, _RULES[rule], name, f"AnalysisRule\\{name}", place)
            changed = replace(definition, rule=name, rule_config=config, sub_rules=())
            yield replace(below, above=top, data=changed)
        time = Kind.TEMPLATE_TIME_RULE if template else Kind.TIME_RULE
        yield self._rule(analysis, time, _TIME_RULES[time], definition.time_rule, "TimeRule")

    def _analysis(self, element: Element, definition: AnalysisDef) -> Item:
        key = Key(Kind.ANALYSIS, element.database.number, element.place.ordinal, number_of(definition.name))
        return Item(
            Kind.ANALYSIS,
            "Xs",
            self._assets.guids.of(key),
            definition.name,
            f"{element.path}\\Analyses[{definition.name}]",
            definition.description,
            element.database,
            data=definition,
        )

    def _rule(self, analysis: Item, kind: Kind, marker: str, name: str, word: str, place: int = 0) -> Item:
        key = self._assets.guids.key(analysis.guid)
        guid = self._assets.guids.of(Key(kind, key.database, key.a, key.b ^ place))
        path = f"{analysis.path}\\{word}"
        texts = {**PLUGINS[Kind.ANALYSIS_PLUGIN][2], **PLUGINS[Kind.TIME_PLUGIN][2]}
        return Item(
            kind, marker, guid, name, path, texts[name], analysis.database, guid, analysis, analysis.data
        )

    def _analytic(self, guid: uuid.UUID) -> Item | None:
        key = self._assets.guids.read(guid)
        if key is None or key.kind not in (Kind.ANALYSIS, Kind.ANALYSIS_RULE, Kind.TIME_RULE):
            return None
        for analysis in self.analyses(self.element_of(guid)):
            for item in self.with_rules(analysis):
                if item.guid == guid:
                    return item
        return None

    def element_of(self, guid: uuid.UUID) -> Element:
        """The element of an analysis, or of one of its rules."""
        key = self._assets.guids.key(guid)
        place = place_of(key.a)
        if place is None:
            raise LookupError(str(guid))
        return self._assets.element(self._assets.databases[key.database], place)

    # -- what a database has once ----------------------------------------------------------------

    @cached_property
    def _fixed(self) -> dict[uuid.UUID, Item]:
        items = [*self._server_wide()]
        for database in self._assets.databases:
            items += self._of_database(database)
        return {item.guid: item for item in items}

    @cached_property
    def _paths(self) -> dict[str, Item]:
        return {item.path.casefold(): item for item in self._fixed.values()}

    def _server_wide(self) -> Iterator[Item]:
        root = self._assets.server.path
        for kind, (marker, word, texts) in PLUGINS.items():
            for name, text in texts.items():
                yield self._item(kind, marker, name, f"{root}\\PlugIns{word}[{name}]", text)
        for class_ in UNIT_CLASSES:
            above = self._item(
                Kind.UNIT_CLASS,
                "UC",
                class_.name,
                f"{root}\\UOMDatabase\\UOMClasses[{class_.name}]",
                f"Units of {class_.name.lower()}",
                data=class_,
            )
            yield above
            for unit in class_.units:
                path = f"{root}\\UOMDatabase\\{unit.name}"
                yield self._item(Kind.UNIT, "Ut", unit.name, path, unit.name, above=above, data=unit)

    def _of_database(self, database: Database) -> Iterator[Item]:
        root = database.path
        for kind, (marker, word, texts) in CATEGORIES.items():
            for name, text in texts.items():
                yield self._item(kind, marker, name, f"{root}\\{word}[{name}]", text, database=database)
        for set_ in SETS:
            above = self._item(
                Kind.ENUMERATION_SET,
                "MSR",
                set_.name,
                f"{root}\\EnumerationSets[{set_.name}]",
                set_.description,
                database=database,
                data=set_,
            )
            yield above
            for value in set_.values:
                path = f"{above.path}\\{value[1]}"
                made = self._item(
                    Kind.ENUMERATION_VALUE, "MVR", value[1], path, set_.name, above=above, data=value
                )
                yield replace(made, owner=above.guid)
        for table in TABLES:
            path = f"{root}\\Tables[{table.name}]"
            yield self._item(
                Kind.TABLE, "Bl", table.name, path, table.description, database=database, data=table
            )
        yield from self._templates(database)

    def _templates(self, database: Database) -> Iterator[Item]:
        for template in TEMPLATES.values():
            path = f"{database.path}\\ElementTemplates[{template.name}]"
            above = self._item(
                Kind.ELEMENT_TEMPLATE,
                "ET",
                template.name,
                path,
                template.description,
                database=database,
                data=template,
            )
            yield above
            for definition in template.attributes:
                yield from self._attribute_templates(above, above, definition)
        for analysis in ANALYSES:
            path = f"{database.path}\\AnalysisTemplates[{analysis.name}]"
            made = self._item(
                Kind.ANALYSIS_TEMPLATE,
                "XT",
                analysis.name,
                path,
                analysis.description,
                database=database,
                data=analysis,
            )
            yield from self.with_rules(made)

    def _attribute_templates(self, template: Item, above: Item, definition: AttributeDef) -> Iterator[Item]:
        made = self._item(
            Kind.ATTRIBUTE_TEMPLATE,
            "ATE",
            definition.name,
            f"{above.path}|{definition.name}",
            definition.description,
            above=above,
            data=definition,
        )
        made = replace(made, owner=template.guid)
        yield made
        for child in definition.children:
            yield from self._attribute_templates(template, made, child)

    def _item(
        self,
        kind: Kind,
        marker: str,
        name: str,
        path: str,
        description: str,
        *,
        database: Database | None = None,
        above: Item | None = None,
        data: object = None,
    ) -> Item:
        owner = database or (above.database if above else None)
        key = Key(
            kind, owner.number if owner else 0, number_of(path.split("\\", 4)[-1]), number_of(kind.name)
        )
        return Item(
            kind, marker, self._assets.guids.of(key), name, path, description, owner, above=above, data=data
        )
