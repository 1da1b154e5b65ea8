"""What the data source needs of a historian. ``app/spark.py`` fulfils it; its objects must pickle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from pi_lakeflow.model.ports import UnitReader
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings import Settings


@dataclass(frozen=True, slots=True)
class Survey:
    """The tags of a selection by WebId, those that were not found, and the historian's time."""

    tags: Mapping[str, Tag]
    missing: Sequence[TagFailure]
    now: int


class Plant(Protocol):
    """A historian as Spark sees it: no open connection, no state."""

    def specs(self) -> Sequence[TableSpec]:
        """All tables that can be read."""
        ...

    def spec(self, table: str) -> TableSpec:
        """The table that can be read by this name. Raises ``SettingsError`` with the nearest one."""
        ...

    def snapshot(self, settings: Settings, spec: TableSpec) -> Iterator[pa.RecordBatch]:
        """All rows of a table that is no time series, as they are now; whole, or an error."""
        ...

    async def survey(self, settings: Settings, names: Collection[str] | None = None) -> Survey:
        """Look up the configured tags; ``names`` are the only ones that the query wants, if known."""
        ...

    async def densities(self, settings: Settings, tags: Sequence[Tag], span: Span) -> Mapping[str, float]:
        """Events per microsecond of each tag that tells, measured on a part of the span."""
        ...

    def reader(
        self, settings: Settings, spec: TableSpec, *, ingested_at: int
    ) -> AbstractAsyncContextManager[UnitReader]:
        """What reads units of the table, open until the context ends."""
        ...
