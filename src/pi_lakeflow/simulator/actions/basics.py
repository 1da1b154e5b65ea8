"""Statistics, faults, settings and the clock."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.http.control import Actions
from pi_lakeflow.simulator.texts import changed_while_running, fault_from, shown
from pi_lakeflow.simulator.world.clock import FixedClock, RunningClock

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator


def register(actions: Actions) -> None:
    actions.on("stats", method="GET")(stats)
    actions.on("reset-stats")(reset_stats)
    actions.on("faults", method="GET")(list_faults)
    actions.on("faults")(change_faults)
    actions.on("settings", method="GET")(settings)
    actions.on("settings")(change_settings)
    actions.on("clock", method="GET")(read_clock)
    actions.on("clock")(move_clock)


def stats(sim: Simulator, _body: dict[str, Any]) -> Any:
    """The counters."""
    return sim.stats.as_dict()


def reset_stats(sim: Simulator, _body: dict[str, Any]) -> Any:
    """Back to zero."""
    sim.stats.reset()
    return sim.stats.as_dict()


def list_faults(sim: Simulator, _body: dict[str, Any]) -> Any:
    """The faults that are on: number, how often each struck, its fields."""
    return [
        {"number": number, "struck": struck, "fault": asdict(fault)}
        for number, fault, struck in sim.faults.active()
    ]


def change_faults(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"clear": true, "remove": [1], "add": [{"kind": "status", "status": 429}]}``."""
    if body.get("clear"):
        sim.faults.clear()
    for number in body.get("remove", ()):
        sim.faults.remove(int(number))
    return {"added": [sim.faults.add(fault_from(dict(values))) for values in body.get("add", ())]}


def settings(sim: Simulator, _body: dict[str, Any]) -> Any:
    """What can be changed while the server runs."""
    return shown(sim.config)


def change_settings(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"limits.max_returned_items": 100, "capacity": "laptop", "capacity.workers": 1}``."""
    sim.reconfigure(changed_while_running(sim.config, body))
    return settings(sim, {})


def read_clock(sim: Simulator, _body: dict[str, Any]) -> Any:
    """Microseconds since 1970 UTC."""
    return {"now": sim.world.clock.now() // 10}


def move_clock(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"advance": microseconds}`` or ``{"set": microseconds}``; not for the real clock."""
    clock = sim.world.clock
    if "advance" in body and isinstance(clock, FixedClock | RunningClock):
        clock.advance(int(body["advance"]))
    elif "set" in body and isinstance(clock, FixedClock):
        clock.set(int(body["set"]))
    else:
        raise ValueError("this clock cannot be moved so")
    return read_clock(sim, body)
