"""Keyed tables that follow a source: rows come, change and go, and nothing is written twice.

All functions block; callers run them in a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.model.ports import Changed, Table
from pi_lakeflow.model.span import from_micros
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Mark

Row = Mapping[str, Any]


def rows_of(spec: TableSpec, rows: Sequence[Row], *, ingested_at: int) -> pa.Table:
    """Rows as the table wants them; columns that a row lacks are null."""
    stamp = from_micros(ingested_at)
    names = spec.arrow_schema.names
    columns = {name: [row.get(name) for row in rows] for name in names if name != "ingested_at"}
    columns["ingested_at"] = [stamp] * len(rows)
    arrays = [pa.array(columns[field.name], field.type) for field in spec.arrow_schema]
    return pa.Table.from_arrays(arrays, schema=spec.arrow_schema)


def keep(
    table: Table, rows: pa.Table, *, owner: str, owners: Collection[str], marks: Sequence[Mark] = ()
) -> Changed:
    """Make the rows of these owners (values of the column ``owner``) equal to ``rows``."""
    delete = None
    if owners and table.exists():
        key = list(table.spec.key)
        held = table.read([*key, *([] if owner in key else [owner])])
        held = held.filter(pc.is_in(held[owner], value_set=pa.array(list(owners), pa.string())))
        delete = _without(held.select(key), rows.select(key))
    return table.merge(rows, delete=delete, marks=marks)


def keep_all(table: Table, rows: pa.Table, *, marks: Sequence[Mark] = ()) -> Changed:
    """Make the whole table equal to ``rows``, by the smallest change."""
    key = list(table.spec.key)
    delete = _without(table.read(key), rows.select(key)) if table.exists() else None
    return table.merge(rows, delete=delete, marks=marks)


def _without(held: pa.Table, rows: pa.Table) -> pa.Table:
    """The held keys that ``rows`` does not have."""
    wanted = rows.cast(held.schema)
    return held.join(wanted, keys=held.schema.names, join_type="left anti")
