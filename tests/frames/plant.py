"""A simulated plant for tests of alarms, and its truth as rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pi_lakeflow.simulator import FixedClock, FramePlan, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.frames import Frame, Frames

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = FramePlan(alarm_tags=6, standing=8, downtime_units=2, batch_reactors=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Plant:
    """A running simulator."""

    sim: Simulator

    @property
    def url(self) -> str:
        return self.sim.url

    @property
    def frames(self) -> Frames:
        return self.sim.world.part(Frames)

    @property
    def database(self) -> str:
        """The WebId of the database that has frames."""
        assets = self.frames.assets
        return assets.webid(assets.databases[0], "IDOnly")

    @property
    def now(self) -> datetime:
        return t.to_datetime(self.sim.world.clock.now())

    def advance(self, hours: float) -> None:
        clock = self.sim.world.clock
        assert isinstance(clock, FixedClock)
        clock.advance(int(hours * 3_600_000_000))

    def alarms(self) -> list[Frame]:
        """The frames that are alarms by default: they can be acknowledged, or are severe."""
        return [
            f for f in self.frames.all() if f.can_be_acknowledged or f.severity not in ("None", "Unknown")
        ]

    def id(self, frame: Frame) -> str:
        return self.frames.webid(frame, "IDOnly")

    def requests(self) -> int:
        return self.sim.stats.requests

    def row(self, frame: Frame) -> dict[str, Any]:
        """What ``pi_event_frames`` should hold of a frame, in the columns that can go wrong."""
        frames = self.frames
        parent = frames.parent(frame)
        elements = [frames.assets.webid(e, "IDOnly") for e in frames.elements(frame)]
        return {
            "event_frame_id": self.id(frame),
            "name": frame.name,
            "description": frame.description or None,
            "template_name": frame.template or None,
            "severity_name": frame.severity,
            "start_time": t.to_datetime(frame.start),
            "end_time": None if frame.is_open else t.to_datetime(frame.end),
            "is_active": frame.is_open,
            "acknowledged": frame.acknowledged,
            "acknowledged_by": frame.acknowledged_by or None,
            "acknowledged_at": t.to_datetime(frame.acknowledged_at) if frame.acknowledged else None,
            "annotated": bool(frame.annotations),
            "values_captured": frame.captured,
            "parent_id": self.id(parent) if parent else None,
            "primary_element_id": elements[0] if elements else None,
            "element_count": len(elements),
        }


@contextmanager
def plant(**changes: Any) -> Iterator[Plant]:
    """A plant whose clock stands still until a test moves it."""
    clock = FixedClock(t.from_datetime(NOW) // 10)
    config = SimulatorConfig(
        **{
            "tags": 320,
            "density": 0.3,
            "seed": 5,
            "start": START,
            "clock": clock,
            "frames": PLAN,
            "gzip": False,
            **changes,
        }
    )
    with run_in_thread(config) as sim:
        yield Plant(sim)
