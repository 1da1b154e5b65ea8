"""The simulated plant and its archive."""

from .clock import Clock, FixedClock, RealClock, RunningClock
from .directory import UnknownTag
from .frameplan import FramePlan
from .newevents import NewEvent, State
from .oddities import Oddities
from .world import World

__all__ = [
    "Clock",
    "FixedClock",
    "FramePlan",
    "NewEvent",
    "Oddities",
    "RealClock",
    "RunningClock",
    "State",
    "UnknownTag",
    "World",
]
