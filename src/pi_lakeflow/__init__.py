"""AVEVA PI data in a lakehouse: every recorded event, once.

The public names are loaded when they are first used, so importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi_lakeflow.app.connector import PILakeflowConnector
    from pi_lakeflow.historians.pi.wire.client import PIWebAPIClient

__all__ = ["PILakeflowConnector", "PIWebAPIClient"]

_HOMES = {
    "PILakeflowConnector": "pi_lakeflow.app.connector",
    "PIWebAPIClient": "pi_lakeflow.historians.pi.wire.client",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
