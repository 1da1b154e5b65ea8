"""The simplest way to take steps over a while: keep their rows, append them in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.work import Mark, Step


class Appendable(Protocol):
    """The part of a table that is needed."""

    def append(self, steps: Sequence[Step]) -> CommitResult: ...


class Holding:
    """Fulfils ``StepWriter``: for tables whose rows must stay in memory until the commit."""

    def __init__(self, table: Appendable) -> None:
        self._table = table
        self._steps: dict[Mark, Step] = {}

    @property
    def held(self) -> int:
        return sum(batch.num_rows for step in self._steps.values() for batch in step.batches)

    def write(self, steps: Sequence[Step]) -> None:
        self._steps.update((step.mark, step) for step in steps)

    def commit(self, steps: Sequence[Step]) -> CommitResult:
        result = self._table.append([self._steps[step.mark] for step in steps])
        self._steps.clear()
        return result

    def discard(self) -> None:
        self._steps.clear()
