"""The simplest way to take steps over a while: keep their rows, append them in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.work import Step


class Appendable(Protocol):
    """The part of a table that is needed."""

    def append(self, steps: Sequence[Step]) -> CommitResult: ...


class Holding:
    """Fulfils ``StepWriter``: for tables whose rows must stay in memory until the commit."""

    def __init__(self, table: Appendable) -> None:
        self._table = table
        self._held = 0

    @property
    def held(self) -> int:
        return self._held

    def write(self, steps: Sequence[Step]) -> None:
        self._held += sum(batch.num_rows for step in steps for batch in step.batches)

    def commit(self, steps: Sequence[Step]) -> CommitResult:
        result = self._table.append(steps)
        self._held = 0
        return result

    def discard(self) -> None:
        self._held = 0
