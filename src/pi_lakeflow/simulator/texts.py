"""Settings and faults as texts: what flags and the control route say.

``limits.max_returned_items=100`` changes one field of a :class:`~.config.SimulatorConfig`, dotted into its
parts; ``capacity=plant`` takes a preset. ``status:status=429,count=3,route=/streams/*`` is a fault.
Lists are joined by ``|``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass, replace
from datetime import datetime
from typing import Any, get_args, get_type_hints

import msgspec

from .config import Auth, Capacity, SimulatorConfig
from .faults import Fault, Kind
from .http.versions import number_of
from .world import FixedClock, Oddities
from .world.ticks import MICRO, from_datetime

_ALIASES = {"kerberos": "negotiate", "ntlm": "negotiate"}
PRESETS = {"laptop": Capacity.laptop, "plant": Capacity.plant, "enterprise": Capacity.enterprise}
# What a server that runs can take on; the rest makes another world or another socket.
_FIXED = ("live.discarded", "live.channel_log")
LIVE_PARTS = ("limits", "capacity", "live")
LIVE_FIELDS = (
    *("time_zone", "web_id_type", "version", "debug_mode", "csrf_defense", "gzip", "gzip_level"),
    *("batch_counts_against_rate", "summary_counts_bad"),
)


def fault_of(text: str) -> Fault:
    """A fault from ``KIND`` or ``KIND:field=value,...``; :class:`ValueError` says what is wrong."""
    kind, _, rest = text.partition(":")
    pairs = [part.partition("=") for part in rest.split(",") if part]
    if any(not middle for _, middle, _ in pairs):
        raise ValueError(f"{text!r}: behind the kind comes field=value, more of them after commas")
    return fault_from({"kind": kind, **{name.strip(): value for name, _, value in pairs}})


def fault_from(values: Mapping[str, Any]) -> Fault:
    """A fault from its fields, as JSON or as texts; :class:`ValueError` says what is wrong."""
    kinds = get_args(Kind)
    if values.get("kind") not in kinds:
        raise ValueError(f"unknown fault {values.get('kind')!r}{_near(str(values.get('kind')), kinds)}")
    fault: Fault = _changed(Fault(values["kind"]), values, "")
    return fault


def changed(config: SimulatorConfig, changes: Mapping[str, Any]) -> SimulatorConfig:
    """The configuration with other values; :class:`ValueError` names what is unknown or does not fit."""
    for name, value in changes.items():
        config = _set(config, name, value)
    return config


def pairs_of(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping."""
    found = {}
    for text in texts:
        name, middle, value = text.partition("=")
        if not middle:
            raise ValueError(f"{text!r}: KEY=VALUE expected, such as limits.max_returned_items=1000")
        found[name.strip()] = value
    return found


def changed_while_running(config: SimulatorConfig, changes: Mapping[str, Any]) -> SimulatorConfig:
    """The same, for what a running server can take on."""
    for name in changes:
        if name.partition(".")[0] not in (*LIVE_PARTS, *LIVE_FIELDS) or name in _FIXED:
            raise ValueError(f"{name} cannot be changed while the server runs")
    return changed(config, changes)


def shown(config: SimulatorConfig) -> dict[str, Any]:
    """What can be changed while the server runs, under the names that change it."""
    parts = {
        f"{part}.{field.name}": getattr(getattr(config, part), field.name)
        for part in LIVE_PARTS
        for field in fields(getattr(config, part))
        if f"{part}.{field.name}" not in _FIXED
    }
    return {name: getattr(config, name) for name in LIVE_FIELDS} | parts


def config_of(
    *,
    auth: Sequence[str] = (),
    users: Sequence[str] = (),
    now: str = "",
    plain: bool = False,
    faults: Sequence[str] = (),
    changes: Sequence[str] = (),
    shorthands: Mapping[str, Any] = {},
    **fields: Any,
) -> SimulatorConfig:
    """What the flags of a command describe. ``users`` are ``NAME:PASSWORD``; ``now`` holds the clock;
    ``shorthands`` are settings that have flags of their own.

    :class:`ValueError` says what does not fit.
    """
    config = SimulatorConfig(**fields, faults=tuple(fault_of(text) for text in faults))
    if plain:
        config = replace(config, oddities=Oddities.none())
    if now:
        config = replace(config, clock=FixedClock(_micros(now)))
    if auth or users:
        methods = tuple(_ALIASES.get(method, method) for method in auth) or ("basic",)
        config = replace(config, auth=Auth(methods=methods, users=_users(users) or Auth().users))
    return changed(config, {**shorthands, **pairs_of(changes)})


def _micros(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 2026-03-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC, such as Z")
    return from_datetime(moment) // MICRO


def _users(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition(":") for text in texts]
    if any(not name or not middle for name, middle, _ in pairs):
        raise ValueError("a user is NAME:PASSWORD")
    return {name: password for name, _, password in pairs}


def _set(config: SimulatorConfig, name: str, value: Any) -> SimulatorConfig:
    part, _, field = name.partition(".")
    if name == "capacity":
        if value not in PRESETS:
            raise ValueError(f"unknown preset {value!r}: {', '.join(PRESETS)}")
        return replace(config, capacity=PRESETS[value]())
    if field and is_dataclass(getattr(config, part, None)):
        return replace(config, **{part: _changed(getattr(config, part), {field: value}, f"{part}.")})
    if name == "version":
        number_of(str(value))
    found: SimulatorConfig = _changed(config, {name: value}, "")
    return found


def _changed(item: Any, values: Mapping[str, Any], prefix: str) -> Any:
    known: dict[str, Field[Any]] = {field.name: field for field in fields(item)}
    hints = get_type_hints(type(item))
    converted = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown setting {prefix}{name}{_near(name, known, prefix)}")
        converted[name] = _converted(value, hints[name], f"{prefix}{name}")
    return replace(item, **converted)


def _converted(value: Any, hint: Any, name: str) -> Any:
    if isinstance(value, str) and str(hint).startswith("tuple"):
        value = [part for part in value.split("|") if part]
    if value == "" and type(None) in get_args(hint):
        return None
    try:
        return msgspec.convert(value, hint, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ValueError(f"{name} cannot be {value!r}: {error}") from None


def _near(name: str, known: Iterable[str], prefix: str = "") -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; do you mean {prefix}{close[0]}?" if close else f"; known are {', '.join(sorted(known))}"
