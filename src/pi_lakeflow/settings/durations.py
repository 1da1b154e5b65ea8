"""Durations as people write them: ``5m``, ``1h30m``, ``250ms``, ``7d``, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[wdhms])\s*")
_SECONDS = re.compile(r"\d+(?:\.\d+)?")


def parse_duration(text: str) -> timedelta:
    """The sum of the parts of ``text``; a bare number is seconds. Raises ``ValueError``."""
    text = text.strip().lower()
    try:
        if _SECONDS.fullmatch(text):
            return timedelta(seconds=float(text))
        parts = _PART.findall(text)
        if not parts or _PART.sub("", text):
            raise ValueError(f"{text!r} is not a duration")
        return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than the calendar") from error


def format_duration(duration: timedelta) -> str:
    """The shortest text that ``parse_duration`` reads as ``duration`` (whole milliseconds)."""
    rest = round(duration / _UNITS["ms"])
    if rest == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, round(_UNITS[unit] / _UNITS["ms"]))
        text += f"{count}{unit}" if count else ""
    return text
