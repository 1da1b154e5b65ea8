"""AVEVA PI data in a lakehouse: every recorded event, once.

The public names are loaded when they are first used, so importing the package costs nothing. A new one
is a line in each of the three lists.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi_lakeflow.app.connector import PILakeflowConnector
    from pi_lakeflow.app.optimizer import PerformanceOptimizer, calculate_optimal_batch_size
    from pi_lakeflow.app.spark import register
    from pi_lakeflow.app.writer import DeltaLakeWriter
    from pi_lakeflow.flow.buffer import StreamingBuffer
    from pi_lakeflow.flow.chunks import MemoryEfficientIterator
    from pi_lakeflow.flow.ratelimiter import RateLimiter
    from pi_lakeflow.historians.pi.frames.criteria import AlarmCriteria
    from pi_lakeflow.historians.pi.frames.extractor import AlarmExtractor
    from pi_lakeflow.historians.pi.live.client import PIWebSocketClient
    from pi_lakeflow.historians.pi.wire.client import PIWebAPIClient

__all__ = [
    "AlarmCriteria",
    "AlarmExtractor",
    "DeltaLakeWriter",
    "MemoryEfficientIterator",
    "PILakeflowConnector",
    "PIWebAPIClient",
    "PIWebSocketClient",
    "PerformanceOptimizer",
    "RateLimiter",
    "StreamingBuffer",
    "calculate_optimal_batch_size",
    "register",
]

_HOMES = {
    "AlarmCriteria": "pi_lakeflow.historians.pi.frames.criteria",
    "AlarmExtractor": "pi_lakeflow.historians.pi.frames.extractor",
    "MemoryEfficientIterator": "pi_lakeflow.flow.chunks",
    "PerformanceOptimizer": "pi_lakeflow.app.optimizer",
    "DeltaLakeWriter": "pi_lakeflow.app.writer",
    "PIWebSocketClient": "pi_lakeflow.historians.pi.live.client",
    "StreamingBuffer": "pi_lakeflow.flow.buffer",
    "RateLimiter": "pi_lakeflow.flow.ratelimiter",
    "calculate_optimal_batch_size": "pi_lakeflow.app.optimizer",
    "PILakeflowConnector": "pi_lakeflow.app.connector",
    "PIWebAPIClient": "pi_lakeflow.historians.pi.wire.client",
    "register": "pi_lakeflow.app.spark",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
