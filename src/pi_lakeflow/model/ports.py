"""What the engine needs of a historian and of a sink, and nothing about either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Mark, Piece, Step, WorkUnit


class UnitReader(Protocol):
    """Reads one unit of one table. Any engine may run it; it keeps no progress."""

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        """All rows of the unit's span, or of a shorter one when they exceed ``row_limit``.

        Failed tags come back in ``Piece.failures``; only what stops everybody is raised.
        """
        ...


class EventCounter(Protocol):
    """Asks the historian how many events it has, without reading them."""

    async def count(
        self, tags: Sequence[Tag], span: Span, *, step: int
    ) -> Mapping[str, Sequence[float | None]]:
        """Events of each tag, by WebId, in each half-open window of ``step`` microseconds from the
        span's start (the last one is cut by its end). None or absent: the historian cannot say."""
        ...


@dataclass(frozen=True, slots=True)
class CommitResult:
    """``version`` of the table, rows written, and the app ids whose step was already there."""

    version: int
    rows: int
    skipped: tuple[str, ...] = ()


class LaneMoved(Exception):
    """Another process moved a lane between our plan and our commit: plan again."""

    def __init__(self, app_ids: Sequence[str]) -> None:
        super().__init__(f"moved by another process: {', '.join(app_ids[:3])}")
        self.app_ids = tuple(app_ids)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a correction did. ``version`` is the table's; all zero means: nothing was written."""

    version: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


class Overtaken(Exception):
    """Others corrected some of the rows after we looked: read ``subjects`` (tags) again, and retry."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self.subjects = frozenset(subjects)
        super().__init__(f"corrected by another process meanwhile: {len(self.subjects)} tags")


class StepWriter(Protocol):
    """Takes the rows of steps as they come, and commits them together later."""

    @property
    def held(self) -> int:
        """Rows taken that are still in memory."""
        ...

    def write(self, steps: Sequence[Step]) -> None:
        """Take these rows; nobody can see them yet."""
        ...

    def commit(self, steps: Sequence[Step]) -> CommitResult:
        """``Table.append`` of steps that were written, all or some of them, which need not hold their rows
        any more; once, unless it raises ``LaneMoved``."""
        ...

    def discard(self) -> None:
        """Forget what was written, unless a commit was tried."""
        ...


class Table(Protocol):
    """One table of the lake."""

    spec: TableSpec

    def exists(self) -> bool: ...

    def version(self) -> int:
        """Grows with every commit."""
        ...

    def positions(self, app_ids: Iterable[str]) -> Mapping[str, int | None]:
        """The committed version of each application id, all of one moment; None where there is none."""
        ...

    def append(self, steps: Sequence[Step]) -> CommitResult:
        """Rows and progress in one commit. A step that the log is already past is skipped, with its
        rows and riders.

        Raises ``LaneMoved`` (nothing written) when a lane stands before its step or inside it.
        """
        ...

    def writer(self, held_rows: int, /) -> StepWriter:
        """For steps that arrive over a while. Where the storage allows, at most ``held_rows`` of
        their rows stay in memory until the commit."""
        ...

    def add(self, rows: pa.Table) -> int:
        """Plain append without progress; returns the table's version."""
        ...

    def replace_all(self, rows: pa.Table) -> int:
        """The table's content becomes these rows."""
        ...

    def merge(self, rows: pa.Table, *, delete: pa.Table | None = None, marks: Sequence[Mark] = ()) -> Changed:
        """Insert or update ``rows`` by the table's key and delete those that ``delete`` names.

        A row is written only when something besides the time of its reading differs; nothing to
        write makes no new version. Of several rows with one key the last one counts. The columns
        that an ``EVENT`` table is partitioned by must follow from its key. ``marks`` travel in the
        same commit; when the log is past one of them, nothing is written at all.

        Raises ``LaneMoved`` (nothing written) when a mark stands elsewhere.
        """
        ...

    def replace(
        self,
        spans: Mapping[str, Sequence[Span]],
        rows: pa.Table,
        *,
        seen: int | None = None,
        marks: Sequence[Mark] = (),
    ) -> Changed:
        """Make the rows of each tag in its spans equal to ``rows``, by the smallest change.

        The first two key columns are the tag and the time. ``seen`` is the table's version before
        the archive was asked for ``rows``; what others corrected after that is newer than they are.

        Raises ``Overtaken`` (nothing written) then, ``LaneMoved`` as ``merge`` does, and
        ``ValueError`` for rows outside the spans.
        """
        ...

    def compare(self, spans: Mapping[str, Sequence[Span]], rows: pa.Table) -> pa.Table:
        """What ``replace`` would change, writing nothing: key columns and ``_change_type``
        (``insert``, ``update`` or ``delete``)."""
        ...

    def tally(self, subjects: Sequence[str], span: Span, *, step: int, flag: str) -> pa.Table:
        """Rows of each tag in each window of ``step`` microseconds from the span's start.

        Columns ``subject``, ``window`` (0, 1, ...), ``rows``, and ``flagged``: those whose Boolean
        column ``flag`` is true. Windows without rows are absent.
        """
        ...

    def held(self, subjects: Sequence[str], span: Span) -> pa.Table:
        """The rows of these tags in a span; the first two key columns are the tag and the time."""
        ...

    def changes(self, first: int, last: int | None = None) -> pa.Table:
        """The change feed of versions ``first`` to ``last`` (inclusive, default: the newest).

        The table's columns plus ``_change_type`` (``insert``, ``update_preimage``,
        ``update_postimage``, ``delete``) and ``_commit_version``.
        """
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table: ...


class Lake(Protocol):
    """Where tables live."""

    def table(self, spec: TableSpec) -> Table: ...
