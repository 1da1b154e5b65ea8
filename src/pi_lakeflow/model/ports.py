"""What the engine needs of a historian and of a sink, and nothing about either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Piece, Step, WorkUnit


class UnitReader(Protocol):
    """Reads one unit of one table. Any engine may run it; it keeps no progress."""

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        """All rows of the unit's span, or of a shorter one when they exceed ``row_limit``.

        Failed tags come back in ``Piece.failures``; only what stops everybody is raised.
        """
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

    def add(self, rows: pa.Table) -> int:
        """Plain append without progress; returns the table's version."""
        ...

    def replace_all(self, rows: pa.Table) -> int:
        """The table's content becomes these rows."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table: ...


class Lake(Protocol):
    """Where tables live."""

    def table(self, spec: TableSpec) -> Table: ...
