"""Restarts, channels, and what happens to the registrations of Stream Updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pi_lakeflow.simulator.http.control import Actions
from pi_lakeflow.simulator.http.updates import CHANGED, REMOVED

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator


def register(actions: Actions) -> None:
    actions.on("restart")(restart)
    actions.on("channels", method="GET")(channels)
    actions.on("drop-channels")(drop_channels)
    actions.on("updates", method="GET")(registrations)
    actions.on("expire-updates")(expire_updates)
    actions.on("invalidate-updates")(invalidate_updates)


def restart(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"seconds": 1.5}``: the service is down that long, and has lost what it kept for clients."""
    sim.restart(float(body.get("seconds", 0.0)))
    return {}


def channels(sim: Simulator, _body: dict[str, Any]) -> Any:
    """The open channels, and all messages: ``[channel, nanoseconds, values, first WebId, its ticks]``."""
    log = sim.channels.log
    return {
        "open": [
            {"channel": c.number, "path": c.path, "messages": c.messages, "values": c.values}
            for c in sim.channels.instances()
        ],
        "opened": sim.channels.opened,
        "values": log.sent,
        "messages": log.summary(),
    }


def drop_channels(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"count": 1, "how": "close"}``, or ``"abort"``: hang up on the oldest, or on all."""
    how: Literal["close", "abort"] = "abort" if body.get("how") == "abort" else "close"
    return {"dropped": sim.channels.end(how, body.get("count"))}


def registrations(sim: Simulator, _body: dict[str, Any]) -> Any:
    """How many streams are registered."""
    return {"registered": len(sim.updates)}


def expire_updates(sim: Simulator, _body: dict[str, Any]) -> Any:
    """All registrations are over: the next polls find no cache."""
    sim.updates.clear()
    return {}


def invalidate_updates(sim: Simulator, body: dict[str, Any]) -> Any:
    """``{"tag": ..., "removed": false}``: the next poll reports a signup exception."""
    error = REMOVED if body.get("removed") else CHANGED
    return {"invalidated": sim.updates.invalidate(sim.world.find(body["tag"]), error)}
