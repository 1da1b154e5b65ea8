"""Answers of Stream Updates: registrations, and what happened since a marker.

Source: PI Web API reference, controllers Stream and StreamSet, actions RegisterStreamUpdates and
RetrieveStreamUpdates. Items stand in the order of the request, but a failed one may not say
whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.failures import first_text, raise_for_envelope
from pi_lakeflow.historians.pi.decode.lenient import parse
from pi_lakeflow.historians.pi.decode.times import ticks_of_all
from pi_lakeflow.model.changes import Change

_TICKS = 10  # per microsecond
_ACTIONS = frozenset({"add", "update", "insert", "delete", "refresh"})


@dataclass(frozen=True, slots=True)
class Registration:
    """One stream of a registration; ``marker`` None when it failed, for the reason ``error``."""

    webid: str
    marker: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """One stream of a poll. ``error``: the registration is over, or cannot be trusted any more.

    ``webid`` is empty when the server does not say whose item it is.
    """

    webid: str
    requested: str
    marker: str
    changes: tuple[Change, ...]
    error: str | None = None


def decode_registrations(body: bytes) -> list[Registration]:
    """The items of ``POST /streamsets/updates``. Raises ``Transient`` for what is no such answer."""
    found = []
    for item in _items(body):
        webid, marker = _text(item, "Source"), _text(item, "LatestMarker")
        error = _error(item) or (None if marker else "the answer has no marker")
        found.append(Registration(webid, marker if error is None else None, error))
    return found


def decode_polls(body: bytes) -> list[Poll]:
    """The items of ``GET /streamsets/updates``. Raises ``Transient`` for what is no such answer."""
    return [
        Poll(
            _text(item, "Source"),
            _text(item, "RequestedMarker"),
            _text(item, "LatestMarker"),
            _changes(item.get("Events")),
            _error(item),
        )
        for item in _items(body)
    ]


def _items(body: bytes) -> list[dict[str, Any]]:
    tree = parse(body)
    if isinstance(tree, dict):
        raise_for_envelope(tree.get("WebException"), tree.get("Errors"), tree.get("Message"))
        items = tree.get("Items")
        if isinstance(items, list) and all(isinstance(item, dict) for item in items):
            return items
    raise Transient("the answer is no list of updates")


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _error(item: dict[str, Any]) -> str | None:
    exception = item.get("Exception")
    errors = exception.get("Errors") if isinstance(exception, dict) else exception
    if errors:
        return first_text(errors)
    return "the registration failed" if item.get("Status") == "Failed" else None


def _changes(events: object) -> tuple[Change, ...]:
    """Events whose time cannot be read count as a refresh: something happened, nobody knows when."""
    if not isinstance(events, list):
        return ()
    known = [event for event in events if isinstance(event, dict)]
    ticks = ticks_of_all([_text(event, "Timestamp") for event in known]) if known else []
    found = []
    for event, at in zip(known, ticks, strict=True):
        action = _text(event, "Action").casefold()
        if at is None or action not in _ACTIONS:
            found.append(Change("refresh", None))
        else:
            found.append(Change(action, int(at) // _TICKS))
    return tuple(found)
