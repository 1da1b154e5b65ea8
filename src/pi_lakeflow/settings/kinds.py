"""Kinds of values: how one configuration value is read, said and shown.

A kind takes what YAML, an environment variable or a Python dict holds (YAML and the environment
give text only) and gives the typed value, or raises ``Unfit``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.durations import format_duration, parse_duration
from pi_lakeflow.settings.secrets import Secret
from pi_lakeflow.settings.selection import Selection, parse_selection
from pi_lakeflow.settings.times import check_time


class Unfit(ValueError):
    """The value is not what the kind expects."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its key, and the folder that relative paths count from."""

    key: str
    base: Path


@dataclass(frozen=True, slots=True)
class Kind:
    """``expects`` completes "is not ...". Values of a ``secret`` kind are in no message.

    ``structured`` kinds read lists and mappings; from an environment variable these come as YAML.
    """

    expects: str
    read: Callable[[Any, Place], Any]
    show: Callable[[Any], str] = str
    secret: bool = False
    structured: bool = False


def _text(value: object, _place: Place) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unfit
    return value.strip()


def _boolean(value: object, _place: Place) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if not isinstance(value, str) or value.strip().lower() not in words:
        raise Unfit
    return words[value.strip().lower()]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit
    try:
        number = float(value)
    except ValueError as error:
        raise Unfit from error
    if not math.isfinite(number):
        raise Unfit
    return number


def _duration(value: object, _place: Place) -> timedelta:
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit
    try:
        return parse_duration(str(value))
    except ValueError as error:
        raise Unfit from error


def _moment(value: object, _place: Place) -> str:
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        raise Unfit
    try:
        check_time(value)
    except SettingsError as error:
        raise Unfit from error
    return value.strip()


def _url(value: object, place: Place) -> str:
    text = _text(value, place)
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and url.hostname and (url.port or 1) > 0
    except ValueError as error:
        raise Unfit from error
    if not fits or url.query or url.fragment:
        raise Unfit
    if url.username or url.password:
        raise SettingsError("a URL must not hold credentials", subject=place.key, hint="put them under auth")
    return text.rstrip("/")


def _path(value: object, place: Place) -> str:
    text = str(value) if isinstance(value, Path) else _text(value, place)
    return text if "://" in text else str(place.base / Path(text).expanduser())


def _zone(value: object, place: Place) -> ZoneInfo:
    try:
        return ZoneInfo(_text(value, place))
    except (KeyError, OSError, ValueError) as error:  # unknown, a folder of zones, no relative path
        raise Unfit from error


def _secret(value: object, place: Place) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value:
        raise Unfit
    return Secret.of(value, origin=place.key, base=place.base)


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value, place),)
    if not isinstance(value, Sequence):
        raise Unfit
    return tuple(_text(item, place) for item in value)


def _options(value: object, place: Place) -> Mapping[str, Secret]:
    if not isinstance(value, Mapping):
        raise Unfit
    return {
        str(name): _secret(str(item), Place(f"{place.key}.{name}", place.base))
        for name, item in value.items()
    }


def _show_options(options: Mapping[str, Secret]) -> str:
    return ", ".join(f"{name}={secret}" for name, secret in options.items())


def _selection(value: object, place: Place) -> Selection:
    return parse_selection(value, base=place.base)


TEXT = Kind("a text", _text)
BOOLEAN = Kind("true or false", _boolean, show=lambda value: "true" if value else "false")
DURATION = Kind("a duration such as 5m or 1h30m, or a number of seconds", _duration, show=format_duration)
MOMENT = Kind("a time: ISO 8601, or a PI time such as '*-7d' or 't'", _moment)
URL = Kind("an http or https URL without query", _url)
PATH = Kind("a path", _path)
ZONE = Kind("the name of a time zone such as Europe/Madrid", _zone)
SECRET = Kind("a text, env:NAME, file:PATH or databricks:SCOPE/KEY", _secret, secret=True)
TEXTS = Kind("a list of texts", _texts, show=", ".join, structured=True)
OPTIONS = Kind("a mapping of names to texts", _options, show=_show_options, secret=True, structured=True)
SELECTION = Kind("a selection of tags", _selection, structured=True)


def choice(*names: str) -> Kind:
    """One of ``names``; case does not matter."""

    def read(value: object, place: Place) -> str:
        text = _text(value, place).lower()
        if text not in names:
            raise Unfit
        return text

    return Kind(f"one of {', '.join(names)}", read)


def whole(minimum: int = 1) -> Kind:
    """A whole number of at least ``minimum``."""

    def read(value: object, _place: Place) -> int:
        number = _number(value)
        if number != int(number) or number < minimum:
            raise Unfit
        return int(number)

    return Kind(f"a whole number of at least {minimum}", read)


def whole_or(word: str) -> Kind:
    """``word``, or a whole number of at least 1."""
    number = whole()

    def read(value: object, place: Place) -> int | str:
        return word if value == word else int(number.read(value, place))

    return Kind(f"{word}, or {number.expects}", read)


def positive() -> Kind:
    """A number above zero."""

    def read(value: object, _place: Place) -> float:
        number = _number(value)
        if number <= 0:
            raise Unfit
        return number

    return Kind("a number above 0", read, show=lambda value: re.sub(r"\.0$", "", str(value)))
