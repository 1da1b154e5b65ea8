"""All tables that the product knows, from their specs."""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches
from functools import cache

import pyarrow as pa

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.flow.tables import OPERATIONS
from pi_lakeflow.historians.pi import tables as pi_tables
from pi_lakeflow.model.tables import TableSpec

_SQL_TYPES = {
    pa.string(): "STRING",
    pa.large_string(): "STRING",
    pa.binary(): "BINARY",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


@cache
def all_tables() -> tuple[TableSpec, ...]:
    """Each ``TableSpec`` of a module in ``historians/pi/tables``, then those of our own work."""
    found: dict[str, TableSpec] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(pi_tables.__path__)):
        held = vars(importlib.import_module(f"{pi_tables.__name__}.{module}")).values()
        found |= {spec.name: spec for spec in held if isinstance(spec, TableSpec)}
    return (*found.values(), *(spec for spec in OPERATIONS if spec.name not in found))


def table_named(name: str) -> TableSpec:
    """The spec of one table, whatever the case. Raises ``SettingsError`` that suggests the nearest name."""
    found = {spec.name: spec for spec in all_tables()}
    if name.lower() in found:
        return found[name.lower()]
    near = get_close_matches(name.lower(), found, n=1)
    raise SettingsError(
        "there is no such table",
        subject=name,
        hint=f"did you mean {near[0]}?" if near else "`pi-lakeflow tables` lists them",
    )


def sql_type(kind: pa.DataType) -> str:
    """The type in Spark SQL. Raises ``KeyError`` for one that no table should have."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{sql_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"MAP<{sql_type(kind.key_type)}, {sql_type(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"STRUCT<{', '.join(f'{field.name}: {sql_type(field.type)}' for field in kind)}>"
    return _SQL_TYPES[kind]


def ddl(spec: TableSpec, schema: str = "bronze") -> str:
    """The table as Spark SQL."""
    lines = []
    for column in spec.columns:
        null = "" if column.nullable else " NOT NULL"
        lines.append(f"  {column.name} {sql_type(column.type)}{null} COMMENT {_quoted(column.doc)}")
    parts = f"\nPARTITIONED BY ({', '.join(spec.partition_by)})" if spec.partition_by else ""
    feed = "\nTBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')" if spec.changes else ""
    head = f"CREATE TABLE {schema}.{spec.name} (\n" + ",\n".join(lines)
    return f"{head}\n)\nUSING DELTA{parts}\nCOMMENT {_quoted(spec.doc)}{feed};"


def _quoted(text: str) -> str:
    """A literal for Spark, where a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def markdown() -> str:
    """The reference page of all tables."""
    parts = ["# Tables", "", "Generated from the table specs. Times are UTC.", ""]
    for spec in all_tables():
        parts += [
            f"## `{spec.name}`",
            "",
            spec.doc,
            "",
            f"Key: {', '.join(f'`{name}`' for name in spec.key)}.",
        ]
        if spec.partition_by:
            parts += [f"Partitioned by {', '.join(f'`{name}`' for name in spec.partition_by)}."]
        parts += [f"Source: {spec.source}.", "", "| column | type | meaning |", "|---|---|---|"]
        parts += [f"| `{c.name}` | {sql_type(c.type)} | {c.doc} |" for c in spec.columns]
        parts.append("")
    return "\n".join(parts)
