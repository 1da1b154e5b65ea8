"""What of a group of lane steps is still to be written: the decision behind exactly-once.

1. A lane that stands where its step expects it: the step is due.
2. A lane that stands at or past the step's end: written before (by us, when the answer to the
   commit was lost, or by another process); rows and riders are dropped.
3. A lane anywhere else was moved by another process: nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pi_lakeflow.model.ports import LaneMoved
from pi_lakeflow.model.work import Step


def select_due(
    steps: Sequence[Step], version_of: Callable[[str], int | None]
) -> tuple[list[Step], tuple[str, ...]]:
    """The steps to write, and the app ids of those already written.

    Several steps of one lane may follow one another in a group. Raises ``LaneMoved``.
    """
    stands: dict[str, int | None] = {}
    due: list[Step] = []
    skipped: list[str] = []
    moved: list[str] = []
    for step in steps:
        mark = step.mark
        if mark.app_id not in stands:
            stands[mark.app_id] = version_of(mark.app_id)
        seen = stands[mark.app_id]
        if seen == mark.expected:
            due.append(step)
            stands[mark.app_id] = mark.version
        elif seen is not None and seen >= mark.version:
            skipped.append(mark.app_id)
        else:
            moved.append(mark.app_id)
    if moved:
        raise LaneMoved(moved)
    return due, tuple(skipped)


def final_versions(steps: Sequence[Step]) -> dict[str, int]:
    """The last version of each application id: Delta wants one transaction per id and commit."""
    final: dict[str, int] = {}
    for step in steps:
        final[step.mark.app_id] = step.mark.version
        final.update((rider.app_id, rider.version) for rider in step.riders)
    return final
