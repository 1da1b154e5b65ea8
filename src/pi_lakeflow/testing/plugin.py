"""The pytest plugin: fixtures ``pi_server`` and ``pi_servers``, marker ``pi_server``.

It is loaded into every pytest run of an environment that has this package, so it imports the server only
when a test asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pi_lakeflow.simulator import Simulator

_NOW = "2026-01-01T00:00:00Z"
_HELP = (
    "pi_server(tags=50, seed=1, now='2026-01-01T00:00:00Z', plain=False, auth=['basic'], users=['pi:pi'], "
    "faults=['status:status=429,count=2'], changes=['limits.max_returned_items=100'], ...): what the "
    "simulated PI Web API of this test is like; other names are those of SimulatorConfig"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _HELP)


@pytest.fixture
def pi_servers() -> Iterator[Callable[..., Simulator]]:
    """A function that starts simulated servers; they stop with the test.

    It takes what the marker takes. The clock is held at the start of 2026 unless ``now`` says otherwise:
    an empty text is the computer's clock.
    """
    from pi_lakeflow.simulator import run_in_thread
    from pi_lakeflow.simulator.texts import config_of

    with ExitStack() as stack:

        def start(**given: Any) -> Simulator:
            config = config_of(**{"tags": 50, "now": _NOW, **given})
            return stack.enter_context(run_in_thread(config))

        yield start


@pytest.fixture
def pi_server(request: pytest.FixtureRequest, pi_servers: Callable[..., Simulator]) -> Simulator:
    """A simulated PI Web API as the marker ``pi_server`` describes it: ``url``, ``world``, ``faults``, ..."""
    given: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("pi_server"))):
        given |= mark.kwargs
    return pi_servers(**given)
