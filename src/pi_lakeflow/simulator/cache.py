"""A least-recently-used cache with a bound on its weight, safe between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class WeighedCache(Generic[V]):
    """Keeps at most ``limit`` units of weight; what weighs more than a quarter of it is not kept."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._items: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> V | None:
        with self._lock:
            item = self._items.get(key)
            if item is None:
                return None
            self._items.move_to_end(key)
            return item[0]

    def put(self, key: Hashable, value: V) -> None:
        weight = self._weigh(value)
        if weight * 4 > self._limit:
            return
        with self._lock:
            old = self._items.pop(key, None)
            self._weight += weight - (old[1] if old else 0)
            self._items[key] = (value, weight)
            while self._weight > self._limit:
                _, (_, freed) = self._items.popitem(last=False)
                self._weight -= freed

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            self._weight = 0
