"""Corrections of a Delta table: find out what differs, and MERGE exactly that.

The difference is computed on one table handle, and the MERGE is committed through that same
handle. Each correction carries a transaction of its own, so delta-rs rejects a commit when another
correction came between: look again, then commit. Appends of other rows only make delta-rs ask
for a second attempt. A kill leaves files that no commit names, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, QueryBuilder, WriterProperties

from pi_lakeflow.flow.difference import Difference, difference
from pi_lakeflow.flow.scope import TALLY, Spans, together, within
from pi_lakeflow.model.ports import Overtaken
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tables import Grain, TableSpec
from pi_lakeflow.model.work import APP_ID_PREFIX

FEED = "delta.enableChangeDataFeed"
CORRECTIONS = APP_ID_PREFIX + "corrections"

# Below this many changed rows delta-rs prunes by the source's own statistics, which is up to 30
# times faster; above it would hold all files that it touches in memory.
_IN_MEMORY = 100_000
_MOST_NAMED = 2_000  # values in an IN list
_MOST_GROUPS = 64  # alternatives in one WHERE
_CHANGING = ("MERGE", "UPDATE", "DELETE")
_FEED = ("_change_type", "_commit_version")


def difference_by_key(
    table: DeltaTable, spec: TableSpec, rows: pa.Table, delete: pa.Table | None
) -> Difference:
    """What ``merge`` has to change."""
    parts = [rows.select(spec.key)] + ([delete.select(spec.key)] if delete is not None else [])
    key_schema = pa.schema([spec.arrow_schema.field(name) for name in spec.key])
    keys = pa.concat_tables([part.cast(key_schema) for part in parts])
    if not keys.num_rows:
        return difference(spec, rows, rows)
    held = _held(table, spec, _bounds(keys, spec.key) + _partition_bounds(spec, keys))
    nothing = keys.slice(0, 0)
    return difference(spec, held, rows, unwanted=delete if delete is not None else nothing)


def difference_in_spans(table: DeltaTable, spec: TableSpec, spans: Spans, rows: pa.Table) -> Difference:
    """What ``replace`` has to change."""
    if not together(spans):
        return difference(spec, rows, rows)
    return difference(spec, held_in(table, spec, spans), rows)


def held_in(table: DeltaTable, spec: TableSpec, spans: Spans) -> pa.Table:
    """The rows of each tag in its spans."""
    groups = together(spans)
    if not groups:
        return spec.arrow_schema.empty_table()
    held = _held(table, spec, [_where(spec, groups)])
    return held.filter(pa.array(within(spec, held, spans)))


def refuse_overtaken(table: DeltaTable, spec: TableSpec, spans: Spans, seen: int) -> None:
    """Raise ``Overtaken`` when rows in the spans were corrected after version ``seen``."""
    newer = table.version() - seen
    if newer <= 0:
        return
    since = [e["version"] for e in table.history(limit=newer) if e["operation"] in _CHANGING]
    versions = [version for version in since if version > seen]
    if versions and table.metadata().configuration.get(FEED) != "true":
        raise Overtaken(spans)  # a table made by others: nobody knows which rows
    subjects: set[str] = set()
    for version in versions:
        feed = pa.table(table.load_cdf(version, version, columns=[*spec.key[:2], *_FEED]))
        inside = pa.array(within(spec, feed, spans))
        subjects.update(feed[spec.key[0]].cast(pa.string()).filter(inside).to_pylist())
    if subjects:
        raise Overtaken(subjects)


def merge(
    table: DeltaTable,
    spec: TableSpec,
    found: Difference,
    *,
    properties: CommitProperties,
    writer: WriterProperties,
) -> None:
    """Commit a difference that is not empty. ``table`` stands at the new version afterwards."""
    names = spec.arrow_schema.names
    source = pa.concat_tables(
        part.append_column("_op", pa.array([op] * part.num_rows, pa.string()))
        for op, part in (("insert", found.inserted), ("update", found.updated), ("delete", found.deleted))
    )
    on = [f"t.{name} = s.{name}" for name in spec.key]
    if found.rows > _IN_MEMORY:  # else delta-rs derives these by itself
        on += [f"t.{bound}" for bound in _ranges(source, spec.key)]
    on += [f"t.{bound}" for bound in _partition_bounds(spec, source)]
    merger = table.merge(
        source,
        " AND ".join(on),
        source_alias="s",
        target_alias="t",
        streamed_exec=found.rows > _IN_MEMORY,
        writer_properties=writer,
        commit_properties=properties,
    )
    values = {name: f"s.{name}" for name in names}
    if found.deleted.num_rows:
        merger = merger.when_matched_delete("s._op = 'delete'")
    if found.updated.num_rows:
        merger = merger.when_matched_update(values, "s._op = 'update'")
    if found.inserted.num_rows:
        merger = merger.when_not_matched_insert(values, "s._op = 'insert'")
    merger.execute()


def change_feed(table: DeltaTable, spec: TableSpec, first: int, last: int | None) -> pa.Table:
    """The rows of the feed, with its two columns that mean something everywhere."""
    columns = [*spec.arrow_schema.names, *_FEED]
    feed = pa.table(table.load_cdf(max(0, first), last, allow_out_of_range=True)).select(columns)
    fields = [pa.field(name, spec.arrow_schema.field(name).type) for name in spec.arrow_schema.names]
    fields += [pa.field("_change_type", pa.string()), pa.field("_commit_version", pa.int64())]
    return feed.cast(pa.schema(fields))


def tally(
    table: DeltaTable, spec: TableSpec, subjects: Sequence[str], span: Span, *, step: int, flag: str
) -> pa.Table:
    """``Table.tally``."""
    if not subjects or not span:
        return TALLY.empty_table()
    subject, time = spec.key[:2]
    words = ["SELECT", f"{subject} AS subject, (CAST({time} AS BIGINT) - {span.start}) / {step} AS window_,"]
    words += [f"count(*) AS rows, sum(CASE WHEN {flag} THEN 1 ELSE 0 END) AS flagged FROM held"]
    words += ["WHERE", _where(spec, {(span,): list(subjects)}), "GROUP BY 1, 2"]
    found = pa.table(QueryBuilder().register("held", table).execute(" ".join(words)))
    found = found.rename_columns(TALLY.names).cast(TALLY)
    return found.filter(pc.is_in(found["subject"], value_set=pa.array(subjects, pa.string())))


def _held(table: DeltaTable, spec: TableSpec, where: Sequence[str]) -> pa.Table:
    builder = QueryBuilder().register("held", table)
    words = ["SELECT", ", ".join(spec.arrow_schema.names), "FROM held"]
    if where:
        words += ["WHERE", " AND ".join(where)]
    found = pa.table(builder.execute(" ".join(words)))
    return found.cast(spec.arrow_schema)


def _where(spec: TableSpec, groups: dict[tuple[Span, ...], list[str]]) -> str:
    """The places as a condition; a wider one when they are too many to be spelt out."""
    if len(groups) > _MOST_GROUPS:
        spans = [span for mine in groups for span in mine]
        whole = (Span(min(s.start for s in spans), max(s.end for s in spans)),)
        groups = {whole: [subject for members in groups.values() for subject in members]}
    subject, time = spec.key[:2]
    parts = []
    for mine, members in groups.items():
        start, end = mine[0].start, mine[-1].end
        kind = spec.arrow_schema.field(time).type
        terms = [f"{time} >= {_literal(start, kind)}", f"{time} < {_literal(end, kind)}"]
        first, last = (_literal(day, pa.date32()) for day in (start // DAY, (end - 1) // DAY))
        terms += [f"{name} BETWEEN {first} AND {last}" for name in _dated(spec)]
        if len(members) <= _MOST_NAMED:
            terms.append(f"{subject} IN ({', '.join(_literal(m, pa.string()) for m in members)})")
        parts.append(" AND ".join(terms))
    return f"({' OR '.join(f'({part})' for part in parts)})"


def _bounds(keys: pa.Table, names: Sequence[str]) -> list[str]:
    """Conditions that all rows with these keys meet: names where they are few, else a range."""
    bounds = []
    for name in names:
        kind = keys.schema.field(name).type
        few = pc.unique(keys[name]) if pa.types.is_string(kind) else None
        if few is not None and len(few) <= _MOST_NAMED:
            bounds.append(f"{name} IN ({', '.join(_literal(v, kind) for v in few.to_pylist())})")
        else:
            bounds += _ranges(keys, [name])
    return bounds


def _ranges(rows: pa.Table, names: Sequence[str]) -> list[str]:
    bounds = []
    for name in names:
        kind = rows.schema.field(name).type
        ends = pc.min_max(rows[name].cast(pa.int64()) if pa.types.is_timestamp(kind) else rows[name])
        low, high = ends["min"].as_py(), ends["max"].as_py()
        bounds += [f"{name} >= {_literal(low, kind)}", f"{name} <= {_literal(high, kind)}"]
    return bounds


def _partition_bounds(spec: TableSpec, rows: pa.Table) -> list[str]:
    """Literal days between which the rows lie, which keep other days out of reading and conflicts."""
    if not _dated(spec) or not rows.num_rows:
        return []
    ends = pc.min_max(rows[spec.key[1]].cast(pa.int64()))
    low, high = (_literal(ends[end].as_py() // DAY, pa.date32()) for end in ("min", "max"))
    return [bound for name in _dated(spec) for bound in (f"{name} >= {low}", f"{name} <= {high}")]


def _dated(spec: TableSpec) -> list[str]:
    """Partition columns that hold the day of an event's time."""
    if spec.grain is not Grain.EVENT or len(spec.key) < 2:
        return []
    if not pa.types.is_timestamp(spec.arrow_schema.field(spec.key[1]).type):
        return []
    return [name for name in spec.partition_by if spec.arrow_schema.field(name).type == pa.date32()]


def _literal(value: Any, kind: pa.DataType) -> str:
    """The value in DataFusion's SQL."""
    if pa.types.is_timestamp(kind):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
        text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
        return f"arrow_cast('{text}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    if pa.types.is_date(kind):
        day = date(1970, 1, 1) + timedelta(days=value) if isinstance(value, int) else value
        return f"DATE '{day.isoformat()}'"
    if pa.types.is_string(kind):
        return "'" + str(value).replace("'", "''") + "'"
    return repr(value)
