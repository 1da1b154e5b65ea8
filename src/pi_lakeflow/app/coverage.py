"""``pi_coverage``: what the registry and the log claim, as a table that people can query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pi_lakeflow.flow.plan import coverage, lanes_by_tag
from pi_lakeflow.flow.registry import Registry
from pi_lakeflow.flow.tables import PI_COVERAGE
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Lane


def publish_coverage(lake: Lake, registry: Registry, tags: Mapping[str, Tag], run_id: str) -> None:
    """Rebuild the table. Names of tags that this run did not ask for are kept."""
    names = known_names(lake) | {webid: tag.name for webid, tag in tags.items()}
    lake.table(PI_COVERAGE).replace_all(_rows(registry.load(), names, run_id))


def known_names(lake: Lake) -> dict[str, str | None]:
    """Tag names by WebId, as the last run knew them; empty before the first."""
    table = lake.table(PI_COVERAGE)
    if not table.exists():
        return {}
    rows = table.read(["tag_webid", "tag_name"])
    return dict(zip(rows["tag_webid"].to_pylist(), rows["tag_name"].to_pylist(), strict=True))


def _rows(lanes: Sequence[Lane], names: Mapping[str, str | None], run_id: str) -> pa.Table:
    spans = [(webid, span) for webid, mine in lanes_by_tag(lanes).items() for span in coverage(mine, webid)]
    schema = PI_COVERAGE.arrow_schema
    columns: list[list[object]] = [
        [webid for webid, _ in spans],
        [names.get(webid) for webid, _ in spans],
        [span.start for _, span in spans],
        [span.end for _, span in spans],
        [run_id] * len(spans),
    ]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
