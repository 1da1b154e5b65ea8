"""A PI Web API server that is not one: deterministic archive, real HTTP, switchable faults.

::

    async with start_simulator(SimulatorConfig(tags=100, seed=7)) as sim:
        sim.url, sim.world.truth(name, start, end), sim.faults.add(Fault("status", status=429))
"""

from .config import Auth, Capacity, Limits, SimulatorConfig
from .faults import Fault
from .launch import run_in_thread, serve, start_simulator
from .simulator import Simulator
from .world import FixedClock, NewEvent, Oddities, RealClock, RunningClock, State, World

__all__ = [
    "Auth",
    "Capacity",
    "Fault",
    "FixedClock",
    "Limits",
    "NewEvent",
    "Oddities",
    "RealClock",
    "RunningClock",
    "Simulator",
    "SimulatorConfig",
    "State",
    "World",
    "run_in_thread",
    "serve",
    "start_simulator",
]
