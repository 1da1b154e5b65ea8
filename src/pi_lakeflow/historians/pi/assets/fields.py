"""From the JSON of an object to a row: where each column comes from, said once.

A source is the path of a property (``DataReference.PIPoint.Name``), the id in a link
(``Links.Parent#``), or a property of an object further up in the reading (``@databases.Name``).
``$`` is the element of an exploded list or map, ``$key`` its place or name. Whatever else is a
function of the object, which says what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pyarrow as pa

from pi_lakeflow.historians.pi.assets.listings import BY_NAME
from pi_lakeflow.model.tables import Column, Grain, TableSpec

Item = Mapping[str, Any]
TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Field:
    """A column and its source; ``needs`` are the properties that a function looks at."""

    column: Column
    source: str | Callable[[Item], Any]
    needs: tuple[str, ...] = ()

    def selected(self) -> tuple[str, ...]:
        """The properties to ask the server for."""
        if self.needs or not isinstance(self.source, str):
            return self.needs
        return () if self.source[:1] in "@$" else (self.source.removesuffix("#"),)


def field(
    name: str,
    source: str | Callable[[Item], Any],
    doc: str,
    kind: pa.DataType | None = None,
    *,
    key: bool = False,
    needs: tuple[str, ...] = (),
) -> Field:
    """A field; a text unless ``kind`` says otherwise. ``key`` columns are never null."""
    return Field(Column(name, kind or pa.string(), doc, nullable=not key), source, needs)


@dataclass(frozen=True)
class AssetTable(TableSpec):
    """A table of the asset model: read from ``listings``, one row for each object, or for each element
    of its list or map ``explode`` (or of what ``split`` makes of the object). ``where`` leaves objects
    out.
    """

    listings: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    explode: str = ""
    split: Callable[[Item], Mapping[str, Any]] | None = None
    where: Callable[[Item], bool] | None = None
    where_needs: tuple[str, ...] = ()

    def selected(self) -> set[str]:
        """The properties of the listing's objects that the rows are made of."""
        names = {name for each in self.fields for name in each.selected()} | set(self.where_needs)
        return names | ({self.explode} if self.explode else set())

    def above(self) -> set[tuple[str, str]]:
        """(listing, property) of what comes from objects further up."""
        sources = (each.source for each in self.fields)
        wanted = (s[1:].split(".", 1) for s in sources if isinstance(s, str) and s.startswith("@"))
        return {(listing, path.removesuffix("#")) for listing, path in wanted}

    def rows(self, items: list[Item], ingested_at: int) -> pa.RecordBatch:
        """The rows of some objects; ``ingested_at`` in microseconds."""
        chosen = [item for item in items if self.where is None or self.where(item)]
        if self.explode:
            chosen = [row for item in chosen for row in _exploded(item, self)]
        arrays = [_column(each, chosen) for each in self.fields]
        stamp = pa.array([ingested_at] * len(chosen), pa.int64()).cast(TIMESTAMP)
        return pa.RecordBatch.from_arrays([*arrays, stamp], schema=self.arrow_schema)


_INGESTED = Column("ingested_at", TIMESTAMP, "When the row was read, UTC.", nullable=False)


def asset_table(
    name: str,
    doc: str,
    listings: str,
    *fields: Field,
    key: tuple[str, ...],
    explode: str = "",
    split: Callable[[Item], Mapping[str, Any]] | None = None,
    where: Callable[[Item], bool] | None = None,
    where_needs: tuple[str, ...] = (),
) -> AssetTable:
    """A table; ``listings`` are names separated by spaces. ``ingested_at`` is added."""
    names = tuple(listings.split())
    return AssetTable(
        name=name,
        doc=doc,
        grain=Grain.SNAPSHOT,
        key=key,
        columns=(*(each.column for each in fields), _INGESTED),
        source=", ".join(f"GET /{re.sub(r'[{][^}]+[}]', '{webId}', BY_NAME[n].path)}" for n in names),
        listings=names,
        fields=fields,
        explode=explode,
        split=split,
        where=where,
        where_needs=where_needs,
    )


def _exploded(item: Item, table: AssetTable) -> list[Item]:
    held = (table.split(item) if table.split else look(item, table.explode)) or ()
    pairs = held.items() if isinstance(held, Mapping) else enumerate(held)
    return [{**item, "$": value, "$key": place} for place, value in pairs]


def _column(each: Field, items: list[Item]) -> pa.Array:
    source, kind = each.source, each.column.type
    values = [source(item) if callable(source) else look(item, source) for item in items]
    convert = _CONVERSIONS.get(kind)
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    if kind == TIMESTAMP:
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def look(item: Item, source: str) -> Any:
    """What a source gives for an object; None when there is nothing."""
    names, is_link = _steps(source)
    found: Any = item
    for name in names:
        if not isinstance(found, dict):  # an abstract Mapping would cost more than all the rest
            return None
        found = found.get(name)
    return id_in(found) if is_link else found


@cache
def _steps(source: str) -> tuple[tuple[str, ...], bool]:
    """The properties on the way, and whether the last one is a link."""
    return tuple(source.removesuffix("#").split(".")), source.endswith("#")


def id_in(link: object) -> str | None:
    """The last part of a link: the WebId of what it leads to, or a trait's name."""
    if not isinstance(link, str) or not link:
        return None
    path = urlsplit(link).path if "?" in link or "#" in link else link
    return unquote(path.rstrip("/").rpartition("/")[2]) or None


def micros(text: object) -> int | None:
    """Microseconds since 1970 UTC of a time as PI writes it; None for "never" and for other texts."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if moment.tzinfo is None or moment.year in (1, 1970, 9999):
        return None
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return msgspec.json.encode(value).decode()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


_CONVERSIONS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.string(): _text,
    pa.float64(): _number,
    pa.int32(): _integer,
    pa.int64(): _integer,
    pa.bool_(): bool,
    TIMESTAMP: micros,
    TEXTS: lambda values: [str(value) for value in values],
}
