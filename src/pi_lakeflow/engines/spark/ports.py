"""What the data source needs of a historian and of a lake. ``app`` fulfils it; its objects must pickle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Stretch:
    """What starts in ``start <= time < end`` (microseconds), and ``with_earlier`` what lasted into it."""

    start: int
    end: int
    with_earlier: bool = False

    def has(self, time: int) -> bool:
        """Whether what started at this time belongs to it."""
        return time < self.end and (self.with_earlier or time >= self.start)


class Plant(Protocol):
    """A historian as Spark sees it: no open connection, no state."""

    def specs(self) -> Sequence[TableSpec]:
        """All tables that can be read."""
        ...

    def spec(self, table: str) -> TableSpec:
        """The table that can be read by this name. Raises ``SettingsError`` with the nearest one."""
        ...

    def snapshot(
        self, settings: Settings, spec: TableSpec, stretches: Sequence[Stretch] = ()
    ) -> Iterator[pa.RecordBatch]:
        """All rows of a table that is no time series, or those of these stretches, as they are now; whole,
        or an error."""
        ...

    def stretches(self, settings: Settings, spec: TableSpec, count: int) -> Sequence[Stretch]:
        """Up to ``count`` parts of the table that can be read side by side; none when it has no parts."""
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


class Landing(Protocol):
    """A table of the lake that tasks write to; must pickle."""

    @property
    def place(self) -> str:
        """Folder or URL of the table."""
        ...

    def prepare(self) -> None:
        """Make the table if need be. On the driver, first."""
        ...

    def write(self, batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
        """Write files, all or none; their descriptions. In tasks."""
        ...

    def write_own(self, batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
        """The same for rows that have the table's columns already; texts may be dictionaries."""
        ...

    def commit(self, files: Sequence[dict[str, Any]], query: str | None, batch: int) -> None:
        """Make the files part of the table unless this batch of this query is there already."""
        ...

    def discard(self, files: Sequence[dict[str, Any]]) -> None:
        """Delete files that will not be committed."""
        ...
