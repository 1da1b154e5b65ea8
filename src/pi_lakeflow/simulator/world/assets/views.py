"""AF as each user sees it: PI Web API answers AF calls from a cache of each user.

The cache is refreshed every five minutes, and when a call asks for it (PI Web API reference, topic
Cache Instances).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pi_lakeflow.simulator.world.ticks import MINUTE

from .assets import Assets, State

if TYPE_CHECKING:
    from pi_lakeflow.simulator.world.world import World

REFRESH = 5 * MINUTE


class Views:
    """``world.part(Views)``: the caches of all users."""

    def __init__(self, world: World) -> None:
        self._live = world.part(Assets)
        self._world = world
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[State, int]] = {}
        self._stale: dict[str, Assets] = {}

    def of(self, user: str, *, fresh: bool = False) -> Assets:
        """The model that a user sees now; ``fresh`` refreshes the cache first."""
        now, live = self._world.clock.now(), self._live.state
        with self._lock:
            state, since = self._seen.get(user, (live, now))
            if fresh or now - since >= REFRESH:
                state, since = live, now
            self._seen[user] = (state, since)
            if state[0] is live[0] and state[1] == live[1]:
                return self._live
            known = self._stale.get(user)
            if known is None or known.state[0] is not state[0] or known.state[1] != state[1]:
                self._stale[user] = known = Assets(self._world, state)
            return known
