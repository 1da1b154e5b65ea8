"""A PI Web API server that is not one: deterministic archive, real HTTP, switchable faults.

::

    async with start_simulator(SimulatorConfig(tags=100, seed=7)) as sim:
        sim.url, sim.world.truth(name, start, end), sim.faults.add(Fault("status", status=429))

Where more of PI Web API goes:

- routes: a module in ``http/routes`` with ``register(router)``; it is found by itself. A handler takes
  a :class:`~.http.call.Call`, which parses parameters, and returns ``call.reply(value)``.
- values behind other WebIds: a :class:`~.http.streams.Stream` in ``streams.RESOLVERS`` under the id's
  two-letter marker, and in ``SET_RESOLVERS`` for ``/streamsets/{webId}``; all verbs follow.
- more of the plant: a class that takes the world; ``world.part(ThatClass)`` makes it once.
- live values: ``world.archive.subscribe`` hears edits; ``world.part(LiveValues).between`` has what a
  clock brought, values that compression discards included.
- a control action: a module in ``actions`` with ``register(actions)``.
"""

from .config import Auth, Capacity, Limits, Live, SimulatorConfig
from .faults import Fault
from .launch import run_in_thread, serve, start_simulator
from .simulator import Simulator
from .world import FixedClock, FramePlan, NewEvent, Oddities, RealClock, RunningClock, State, World

__all__ = [
    "Auth",
    "Capacity",
    "Fault",
    "FixedClock",
    "FramePlan",
    "Limits",
    "Live",
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
