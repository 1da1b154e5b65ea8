"""The loopback-only control route: ``/simulator/...``, beside the base path.

``GET /simulator/stats``, ``POST /simulator/reset-stats``, and one POST for each action that the
modules of ``simulator.actions`` register.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from .reply import Reply, json_reply, message_reply

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator

Action = Callable[["Simulator", dict[str, Any]], Any]


class Actions:
    """Names of control actions and what they do with the JSON object that was posted."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Action] = {}

    def on(self, name: str, *, method: str = "POST") -> Callable[[Action], Action]:
        """Decorate ``def action(sim, body) -> answer``."""

        def register(action: Action) -> Action:
            self._known[method, name] = action
            return action

        return register

    def get(self, method: str, name: str) -> Action | None:
        return self._known.get((method, name))

    def explained(self) -> dict[str, str]:
        """``"POST faults"`` and the like, with the first line of what it does."""
        return {
            f"{method} {name}": (action.__doc__ or "").strip().partition("\n")[0]
            for (method, name), action in sorted(self._known.items(), key=lambda entry: entry[0][1])
        }


@lru_cache(maxsize=1)
def _actions() -> Actions:
    from pi_lakeflow.simulator import actions

    registry = Actions()
    for module in sorted(m.name for m in pkgutil.iter_modules(actions.__path__)):
        importlib.import_module(f"{actions.__name__}.{module}").register(registry)
    return registry


async def control(sim: Simulator, method: str, path: str, body: bytes) -> Reply:
    """Answer one request of the control route."""
    if method == "GET" and path.strip("/").casefold() == "simulator":
        return json_reply(_actions().explained())
    action = _actions().get(method, path.removeprefix("/simulator/").strip("/"))
    if action is None:
        return message_reply(404, f"no action {method} {path}")
    try:
        values = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
        return json_reply(action(sim, values))
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
        return message_reply(400, f"{type(error).__name__}: {error}")
