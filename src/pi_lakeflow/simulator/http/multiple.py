"""``.../multiple``: several objects in one call, each of which may fail alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .call import Call
from .errors import ApiError
from .reply import Reply

_MODES = ("All", "ItemsWithException", "ItemsWithoutException")


def multiple_reply(
    call: Call, by_id: Callable[[str], dict[str, Any]], by_path: Callable[[str], dict[str, Any]]
) -> Reply:
    """In the order of the query; 207 when an entry has an ``Exception`` instead of its ``Object``."""
    items = [
        _entry(call, value, "Path" if name.casefold() == "path" else "WebId", by_id, by_path)
        for name, value in call.query
        if name.casefold() in ("webid", "path")
    ]
    failed = any("Exception" in item for item in items)
    mode = call.choice("includeMode", _MODES, "All")
    if mode != "All":
        items = [item for item in items if ("Exception" in item) == (mode == "ItemsWithException")]
    return call.reply({"Links": {}, "Items": items}, status=207 if failed else 200)


def _entry(
    call: Call,
    identifier: str,
    kind: str,
    by_id: Callable[[str], dict[str, Any]],
    by_path: Callable[[str], dict[str, Any]],
) -> dict[str, Any]:
    entry: dict[str, Any] = {"Identifier": identifier, "IdentifierType": kind}
    try:
        entry["Object"] = by_path(identifier) if kind == "Path" else by_id(identifier)
    except ApiError as error:
        entry["Exception"] = {"Errors": error.bodies(debug=call.sim.config.debug_mode)}
    return entry
