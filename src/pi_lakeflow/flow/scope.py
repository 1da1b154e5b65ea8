"""Which rows of an event table a correction is about: spans of time for each tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pi_lakeflow.model.span import Span, union
from pi_lakeflow.model.tables import TableSpec

Spans = Mapping[str, Sequence[Span]]


def together(spans: Spans) -> dict[tuple[Span, ...], list[str]]:
    """Tags that share the same spans, the spans made disjoint; tags without any are left out."""
    groups: dict[tuple[Span, ...], list[str]] = defaultdict(list)
    for subject, mine in spans.items():
        if whole := tuple(union(mine)):
            groups[whole].append(subject)
    return groups


def within(spec: TableSpec, rows: pa.Table, spans: Spans) -> NDArray[np.bool_]:
    """For each row, whether it lies in a span of its tag. Needs the first two key columns only."""
    subjects = rows[spec.key[0]].cast(pa.string())
    times = rows[spec.key[1]].cast(pa.int64()).to_numpy()
    inside = np.zeros(rows.num_rows, bool)
    for mine, members in together(spans).items():
        in_time = np.zeros(rows.num_rows, bool)
        for span in mine:
            in_time |= (times >= span.start) & (times < span.end)
        inside |= in_time & pc.is_in(subjects, value_set=pa.array(members, pa.string())).to_numpy()
    return inside


def check_inside(spec: TableSpec, rows: pa.Table, spans: Spans) -> None:
    """Raise ``ValueError`` when a row lies outside the spans that it is to replace."""
    outside = int((~within(spec, rows, spans)).sum())
    if outside:
        raise ValueError(f"{spec.name}: {outside} rows lie outside the spans to replace")


TALLY = pa.schema([("subject", pa.string()), *((n, pa.int64()) for n in ("window", "rows", "flagged"))])


def tally(
    spec: TableSpec, rows: pa.Table, subjects: Sequence[str], span: Span, *, step: int, flag: str
) -> pa.Table:
    """``Table.tally`` of rows in memory."""
    inside = rows.filter(pa.array(within(spec, rows, {each: [span] for each in subjects})))
    windows = (inside[spec.key[1]].cast(pa.int64()).to_numpy() - span.start) // step
    flags = pc.fill_null(inside[flag], fill_value=False).cast(pa.int64())
    counted = pa.table({"subject": inside[spec.key[0]].cast(pa.string()), "window": windows, "flag": flags})
    grouped = counted.group_by(["subject", "window"]).aggregate([([], "count_all"), ("flag", "sum")])
    return grouped.select(["subject", "window", "count_all", "flag_sum"]).rename_columns(TALLY.names)
