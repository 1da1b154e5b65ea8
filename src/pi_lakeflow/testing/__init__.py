"""A PI Web API server for the tests of any project: deterministic data, real HTTP, faults to order.

With pytest nothing needs to be imported; the fixtures come with the package::

    def test_my_client(pi_server):
        tag = pi_server.world.tag(0)
        read = my_client(pi_server.url).recorded(tag.name, "*-1h", "*")
        assert len(read) == len(pi_server.world.truth(tag, start, end))

    @pytest.mark.pi_server(tags=500, faults=["status:status=429,count=2,retry_after=1"])
    def test_that_it_tries_again(pi_server): ...

Elsewhere::

    with run_in_thread(SimulatorConfig(tags=100)) as server:          # code without an event loop
    async with start_simulator(SimulatorConfig(tags=100)) as server:  # code with one

A server has ``url``, ``world`` (tags, truth, edits), ``faults``, ``stats`` and, with TLS, ``ca_file``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi_lakeflow.simulator import (
        Auth,
        Capacity,
        Fault,
        FixedClock,
        Limits,
        Live,
        NewEvent,
        Oddities,
        RealClock,
        RunningClock,
        Simulator,
        SimulatorConfig,
        State,
        World,
        run_in_thread,
        start_simulator,
    )
    from pi_lakeflow.simulator.texts import config_of

__all__ = [
    "Auth",
    "Capacity",
    "Fault",
    "FixedClock",
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
    "config_of",
    "run_in_thread",
    "start_simulator",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: the pytest plugin lives in every run and must cost nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "pi_lakeflow.simulator.texts" if name == "config_of" else "pi_lakeflow.simulator"
    found = globals()[name] = getattr(import_module(home), name)
    return found
