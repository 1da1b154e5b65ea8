"""All tables that the product knows, from their specs."""

from __future__ import annotations

from pi_lakeflow.flow.tables import OPERATIONS
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.tables import TableSpec

TABLES: tuple[TableSpec, ...] = (PI_TIMESERIES, *OPERATIONS)

_SQL_TYPES = {
    "string": "STRING",
    "double": "DOUBLE",
    "int32": "INT",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP",
}


def ddl(spec: TableSpec, schema: str = "bronze") -> str:
    """The table as Spark SQL."""
    lines = []
    for column in spec.columns:
        null = "" if column.nullable else " NOT NULL"
        comment = column.doc.replace("'", "''")
        lines.append(f"  {column.name} {_SQL_TYPES[str(column.type)]}{null} COMMENT '{comment}'")
    parts = f"\nPARTITIONED BY ({', '.join(spec.partition_by)})" if spec.partition_by else ""
    return f"CREATE TABLE {schema}.{spec.name} (\n" + ",\n".join(lines) + f"\n)\nUSING DELTA{parts};"


def markdown() -> str:
    """The reference page of all tables."""
    parts = ["# Tables", "", "Generated from the table specs. Times are UTC.", ""]
    for spec in TABLES:
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
        parts += [f"| `{c.name}` | {_SQL_TYPES[str(c.type)]} | {c.doc} |" for c in spec.columns]
        parts.append("")
    return "\n".join(parts)
