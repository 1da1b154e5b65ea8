"""The simulated plant and its archive."""

from .clock import Clock, FixedClock, RealClock, RunningClock
from .newevents import NewEvent, State
from .oddities import Oddities
from .world import UnknownTag, World

__all__ = [
    "Clock",
    "FixedClock",
    "NewEvent",
    "Oddities",
    "RealClock",
    "RunningClock",
    "State",
    "UnknownTag",
    "World",
]
