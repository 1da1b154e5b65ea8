"""Live values: the archive's events and, between them, those that compression discards."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from naive import HOUR, NOW, config

from pi_lakeflow.simulator import Simulator
from pi_lakeflow.simulator.world.live import LiveValues


@pytest.mark.parametrize("changes", [{}, {"uniform": True, "density": 60.0}])
def test_live_values_hold_the_archive_and_do_not_depend_on_the_steps(changes: dict[str, object]) -> None:
    """Whatever the steps in which a listener asks, it gets the same; all archived events are among it."""
    sim = Simulator(config(**changes))
    live = sim.world.part(LiveValues)
    first, last = (NOW - 6 * HOUR) * 10, NOW * 10
    for tag in sim.world.tags():
        if tag.future:
            continue
        whole = live.between(tag, first, last)
        cuts = [first, first + 1234567, first + 20 * 36_000_000_000 // 9, last]
        parts = [live.between(tag, low, high) for low, high in itertools.pairwise(cuts)]
        assert np.concatenate([p.events.ticks for p in parts]).tolist() == whole.events.ticks.tolist()
        assert whole.events.take(whole.archived).same(sim.world.archive.events(tag, first + 1, last))
        loose = whole.events.ticks[~whole.archived] // 10
        assert not np.isin(loose, whole.events.ticks[whole.archived] // 10).any()
        assert len(np.unique(loose)) == len(loose)


def test_nothing_is_told_before_it_is_due() -> None:
    sim = Simulator(config())
    live = sim.world.part(LiveValues)
    now = NOW * 10 - 36_000_000_000
    for tag in sim.world.tags():
        at = now
        for _ in range(5):
            due = live.due(tag, at)
            assert due > at
            assert not len(live.between(tag, at, due - 1)) or tag.future
            at = due
