"""How much happens in a world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Numbers of what raises event frames, as far as the world has them; 0 for none.

    ``alarm_tags`` measurements are watched; each raises some hundred to some thousand alarms a year.
    ``standing`` faults come and stay for weeks (about two thirds of them are open at any time);
    ``downtime_units`` stand still every other week, with a flood of alarms; ``batch_reactors`` make
    one batch after the other.
    """

    alarm_tags: int = 8
    standing: int = 6
    downtime_units: int = 3
    batch_reactors: int = 2

    @classmethod
    def none(cls) -> FramePlan:
        """A plant where nothing ever happens."""
        return cls(0, 0, 0, 0)
