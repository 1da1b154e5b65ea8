"""Tags shared out over pipelines so that each has about the same to read."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def balanced(loads: Mapping[str, float], groups: int) -> list[list[str]]:
    """The keys of ``loads`` in ``groups`` lists, none empty while there are keys enough.

    Heaviest first, each to the lightest group: the heaviest group is at most a third heavier than the
    best possible one (Graham's bound for this rule). The same input gives the same groups.
    """
    if groups < 1:
        raise ValueError(f"{groups} groups")
    lightest = [(0.0, 0, number) for number in range(groups)]
    shared: list[list[str]] = [[] for _ in range(groups)]
    for name in sorted(loads, key=lambda each: (-loads[each], each)):
        load, size, number = heapq.heappop(lightest)
        shared[number].append(name)
        heapq.heappush(lightest, (load + loads[name], size + 1, number))
    return [sorted(group) for group in shared]
