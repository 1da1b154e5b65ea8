"""Limits of attributes and the state of their values: JSON of PI Web API to rows of ``pi_element_alarms``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pi_lakeflow.historians.pi.decode.frames import Row, clean, value_columns

# From the outside inwards on each side; the trait is ``Limit`` plus the name (topic Attribute Traits)
LIMITS = ("LoLo", "Lo", "Hi", "HiHi")
_TRAITS = {f"Limit{name}": name for name in LIMITS}
_OUTERMOST = ("HiHi", "LoLo", "Hi", "Lo")


def limit_rows(
    element: str, attributes: Sequence[Mapping[str, Any]], values: Mapping[str, object]
) -> list[Row]:
    """One row for each limit of the element's attributes. ``values`` are TimedValues by WebId."""
    by_path = {str(item.get("Path")): item for item in attributes}
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    for item in attributes:
        name = _TRAITS.get(str(item.get("TraitName") or ""))
        above = str(item.get("Path")).rpartition("|")[0]
        if name is not None and above in by_path:
            groups.setdefault(above, {})[name] = item
    rows: list[Row] = []
    for path, limits in groups.items():
        rows += _rows_of(element, by_path[path], limits, values)
    return rows


def _rows_of(
    element: str,
    owner: Mapping[str, Any],
    limits: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, object],
) -> list[Row]:
    current = value_columns(values.get(owner["WebId"]))
    bounds = {name: value_columns(values.get(limits[name]["WebId"]))["value"] for name in limits}
    state = state_of(current["value"] if current["good"] is not False else None, bounds)
    where, _, name = str(owner.get("Path")).partition("|")
    common = {
        "element_id": element,
        "element_path": clean(where),
        "attribute_id": owner["WebId"],
        "attribute_name": name,
        **{key: current[key] for key in ("value", "value_text", "value_time", "good")},
        "units": clean(owner.get("DefaultUnitsNameAbbreviation")) or current["units"],
        "state": state,
    }
    return [
        {
            **common,
            "limit_name": limit,
            "limit_value": bounds[limit],
            "is_exceeded": state != "Unknown" and _beyond(limit, current["value"], bounds[limit]),
        }
        for limit in LIMITS
        if limit in limits
    ]


def state_of(value: float | None, bounds: Mapping[str, float | None]) -> str:
    """The outermost limit that the value is beyond, Normal, or Unknown when there is no value or limit."""
    if value is None or all(bound is None for bound in bounds.values()):
        return "Unknown"
    beyond = [name for name in _OUTERMOST if _beyond(name, value, bounds.get(name))]
    return beyond[0] if beyond else "Normal"


def _beyond(name: str, value: float | None, bound: float | None) -> bool:
    if value is None or bound is None:
        return False
    return value > bound if name.startswith("Hi") else value < bound
