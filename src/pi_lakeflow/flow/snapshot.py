"""Snapshots: a table becomes what was read of the source, by the smallest change, with or without history.

Only a complete reading may be written, since what it lacks is deleted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.flow.difference import STAMPS, difference
from pi_lakeflow.model.ports import Changed, Table
from pi_lakeflow.model.tables import Column, Grain, TableSpec

_TIME = pa.timestamp("us", tz="UTC")
_SUFFIX = "_history"
_FROM, _TO, _CURRENT = "valid_from", "valid_to", "is_current"


def write_snapshot(table: Table, rows: pa.Table) -> Changed:
    """Make the table equal to ``rows``. What is equal already is left alone: no change, no new version."""
    rows = unique(table.spec, rows)
    if not table.exists():
        return Changed(table.replace_all(rows), inserted=rows.num_rows)
    found = difference(table.spec, table.read(), rows)
    if not found:
        return Changed(table.version())
    return table.merge(pa.concat_tables([found.inserted, found.updated]), delete=found.deleted)


def unique(spec: TableSpec, rows: pa.Table) -> pa.Table:
    """Of several rows with one key the last one: lists that change while they are read repeat objects."""
    places = rows.select(spec.key).append_column("_place", pa.array(np.arange(rows.num_rows)))
    last = places.group_by(list(spec.key)).aggregate([("_place", "max")])["_place_max"]
    return rows if len(last) == rows.num_rows else rows.take(pa.array(np.sort(last.to_numpy())))


def history_of(spec: TableSpec) -> TableSpec:
    """The table of a snapshot's history (slowly changing dimension, type 2): each row with the time
    from which and until which it was so.
    """
    return replace(
        spec,
        name=spec.name + _SUFFIX,
        doc=f"History of `{spec.name}`: each row as it was, and when.",
        grain=Grain.ENTITY,
        key=(*spec.key, _FROM),
        columns=(
            *(column for column in spec.columns if column.name not in STAMPS),
            Column(_FROM, _TIME, "When it was first read so, UTC.", nullable=False),
            Column(_TO, _TIME, "When it was read otherwise or not at all any more; null while it is so."),
            Column(_CURRENT, pa.bool_(), "Whether it is so now.", nullable=False),
        ),
    )


def write_history(table: Table, spec: TableSpec, rows: pa.Table, *, now: int) -> Changed:
    """Close what is not so any more and open what is new, as of ``now`` (microseconds since 1970 UTC).

    ``table`` is one of :func:`history_of` ``spec``. Compares with the history itself, so that a kill
    between it and the snapshot does no harm.
    """
    moment = pa.scalar(datetime.fromtimestamp(now / 1e6, UTC), _TIME)
    names = [column.name for column in spec.columns if column.name not in STAMPS]
    wanted = unique(spec, rows).select(names)
    held = table.read() if table.exists() else table.spec.arrow_schema.empty_table()
    current = held.filter(held[_CURRENT])
    old, new = _marked(current.select(names)), _marked(wanted)
    stale = current.filter(pc.invert(pc.is_in(old, value_set=new)))
    fresh = wanted.filter(pc.invert(pc.is_in(new, value_set=old)))
    closed = _ending(stale.select([*names, _FROM]), pa.repeat(moment, stale.num_rows), current=False)
    opened = fresh.append_column(_FROM, pa.repeat(moment, fresh.num_rows))
    opened = _ending(opened, pa.nulls(fresh.num_rows, _TIME), current=True)
    return table.merge(pa.concat_tables(part.cast(table.spec.arrow_schema) for part in (closed, opened)))


def _ending(rows: pa.Table, ends: pa.Array, *, current: bool) -> pa.Table:
    flags = pa.array([current] * rows.num_rows, pa.bool_())
    return rows.append_column(_TO, ends).append_column(_CURRENT, flags)


def _marked(rows: pa.Table) -> pa.Array:
    """One text for each row that is equal for equal rows."""
    return pa.array(
        [repr(row) for row in zip(*(c.to_pylist() for c in rows.columns), strict=True)], pa.string()
    )
