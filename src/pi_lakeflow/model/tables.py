"""``TableSpec``: the only place that knows a table's columns, key and grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa


class Grain(StrEnum):
    """What one row stands for, and so how new rows meet old ones."""

    EVENT = "event"  # append; corrections replace a span
    ENTITY = "entity"  # keyed merge
    SNAPSHOT = "snapshot"  # replaced as a whole
    LOG = "log"  # append only


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``doc`` says what a reader of the table needs, with units."""

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table of the lake. Arrow and Spark schemas, DDL and documentation derive from it."""

    name: str
    doc: str
    grain: Grain
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    # Where rows come from: a route of the historian, or the part of the product that writes them.
    source: str = ""
    arrow_schema: pa.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        unknown = [name for name in (*self.key, *self.partition_by) if name not in names]
        if unknown or len(set(names)) != len(names):
            raise ValueError(f"{self.name}: unknown or repeated columns {unknown or names}")
        schema = pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])
        object.__setattr__(self, "arrow_schema", schema)

    @property
    def changes(self) -> bool:
        """Whether rows change after they were written, so that a change feed tells something."""
        return self.grain in (Grain.EVENT, Grain.ENTITY)
