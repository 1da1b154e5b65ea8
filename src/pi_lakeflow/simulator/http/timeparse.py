"""PI time strings (PI Web API reference, topic Time Strings).

An absolute time or a keyword, then any number of signed offsets: ``*-1d+30m``, ``t+8h``,
``2024-03-31 02:30-15m``. Years, months, weeks and days move the wall clock of the zone;
smaller units move UTC.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pi_lakeflow.simulator.world import ticks as t

from .zones import WINDOWS_ZONES

TimeZone = ZoneInfo

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = tuple(name.lower() for name in calendar.month_name)[1:]
_NEAR_DAYS = {"t": 0, "today": 0, "y": -1, "yesterday": -1, "tomorrow": 1}
_UNITS = {
    "ms": t.SECOND // 1000,
    "millisecond": t.SECOND // 1000,
    "s": t.SECOND,
    "sec": t.SECOND,
    "second": t.SECOND,
    "m": t.MINUTE,
    "min": t.MINUTE,
    "minute": t.MINUTE,
    "h": t.HOUR,
    "hr": t.HOUR,
    "hour": t.HOUR,
}
_DAYS = {"d": 1, "day": 1, "w": 7, "wk": 7, "week": 7}
_MONTH_UNITS = {"mo": 1, "mon": 1, "month": 1, "y": 12, "yr": 12, "year": 12}

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}(?![\d]))?)?",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"(\d{1,2})[- ]([a-z]{3,9})[- ](\d{4}|\d{2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?",
    re.IGNORECASE,
)
_AMERICAN = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(AM|PM)?)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\*|[a-z]+|\d{4}(?![\d:])|\d{1,2}(?![\d:])", re.IGNORECASE)
_STEP = re.compile(
    r"\s*([+-])\s*(?:(\d+):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?|(\d+(?:\.\d+)?)\s*([a-z]+))\s*", re.IGNORECASE
)
_MIXED = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)


class BadTime(ValueError):
    """The text is no time, or names no zone."""


@lru_cache(maxsize=256)
def zone_named(name: str) -> TimeZone:
    """A zone by its Windows id or IANA name."""
    folded = {key.casefold(): value for key, value in WINDOWS_ZONES.items()}
    try:
        return ZoneInfo(folded.get(name.casefold(), name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadTime(f"The specified time zone '{name}' was not found.") from None


def parse_time(text: str, *, now: int, zone: TimeZone) -> int:
    """Ticks since 1970 UTC. An empty text is now; a bare offset counts from now."""
    text = text.strip()
    if not text:
        return now
    moment, rest = _anchor(text, now, zone)
    try:
        return _walk(moment, rest, zone, text)
    except OverflowError:
        raise _bad(text) from None


def parse_interval(text: str) -> tuple[int, int]:
    """A span such as ``1h``, ``15m``, ``1d``, ``00:10:00``: (months, ticks); one of both is 0."""
    text = text.strip()
    match = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?", text)
    if match:
        day, hour, minute, second, fraction = match.groups()
        ticks = int(day or 0) * t.DAY + int(hour) * t.HOUR + int(minute) * t.MINUTE
        return 0, ticks + int(second or 0) * t.SECOND + _fraction(fraction)
    months = ticks = at = 0
    text = text.lstrip("+")
    for part in _MIXED.finditer(text):
        if text[at : part.start()].strip():
            raise _bad(text)
        amount, unit = float(part[1]), _singular(part[2])
        if unit in _MONTH_UNITS:
            months += int(amount * _MONTH_UNITS[unit])
        elif unit in _DAYS:
            ticks += round(amount * _DAYS[unit] * t.DAY)
        elif unit in _UNITS:
            ticks += round(amount * _UNITS[unit])
        else:
            raise _bad(text)
        at = part.end()
    if not at or text[at:].strip():
        raise _bad(text)
    return months, ticks


def add_interval(moment: int, interval: tuple[int, int], zone: TimeZone, times: int = 1) -> int:
    """``moment`` plus ``times`` intervals: whole days and months follow the wall clock of the zone."""
    months, ticks = interval
    if months:
        moment = _add_months(moment, months * times, zone)
    if ticks and ticks % t.DAY == 0:
        return _add_days(moment, ticks // t.DAY * times, zone)
    return moment + ticks * times


def local(moment: int, zone: TimeZone) -> tuple[datetime, int]:
    """Wall-clock time to the second, and the ticks beyond it."""
    seconds, rest = divmod(moment, t.SECOND)
    return t.to_datetime(seconds * t.SECOND).astimezone(zone), rest


def to_ticks(wall: datetime, zone: TimeZone) -> int:
    """Ticks of a naive wall-clock time. An hour that comes twice is taken as standard time, as .NET
    does; an hour that is left out moves forward.
    """
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    gap = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall
    return t.from_datetime((first if gap else second).astimezone(UTC))


def _anchor(text: str, now: int, zone: TimeZone) -> tuple[int, str]:
    for pattern, reader in ((_ISO, _iso), (_ENGLISH, _english), (_AMERICAN, _american)):
        match = pattern.match(text)
        if match:
            try:
                return reader(match, zone), text[match.end() :]
            except (ValueError, KeyError):
                raise _bad(text) from None
    if text[0] in "+-":
        return now, text
    match = _WORD.match(text)
    if match is None:
        raise _bad(text)
    return _keyword(match.group().lower(), now, zone, text), text[match.end() :]


def _keyword(word: str, now: int, zone: TimeZone, text: str) -> int:
    if word == "*":
        return now
    wall, _ = local(now, zone)
    today = wall.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    try:
        return to_ticks(_day_of(word, today), zone)
    except (ValueError, KeyError):
        raise _bad(text) from None


def _day_of(word: str, today: datetime) -> datetime:
    if word in _NEAR_DAYS:
        return today + timedelta(days=_NEAR_DAYS[word])
    if word.isdigit():
        return _numbered_day(int(word), today)
    for number, name in enumerate(_WEEKDAYS):
        if word in (name, name[:3]):
            return today - timedelta(days=(today.weekday() - number) % 7)
    return today.replace(month=_month(word))


def _numbered_day(number: int, today: datetime) -> datetime:
    """A day of this month, or this day in another year."""
    if number < 1970:
        return today.replace(day=number)
    return today.replace(year=number)


def _month(word: str) -> int:
    for number, name in enumerate(_MONTHS, start=1):
        if word in (name, name[:3]):
            return number
    raise KeyError(word)


def _iso(match: re.Match[str], zone: TimeZone) -> int:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    wall = _wall(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    if offset is None:
        return to_ticks(wall, zone) + _fraction(fraction)
    shift = 0
    if offset[0] in "+-":
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        shift = (hours * 60 + minutes) * t.MINUTE * (-1 if offset[0] == "+" else 1)
    return t.from_datetime(wall.replace(tzinfo=UTC)) + shift + _fraction(fraction)


def _english(match: re.Match[str], zone: TimeZone) -> int:
    day, month_name, year, hour, minute, second, fraction = match.groups()
    full = int(year) if len(year) == 4 else 2000 + int(year) - (100 if int(year) >= 70 else 0)
    wall = _wall(
        full, _month(month_name.lower()), int(day), int(hour or 0), int(minute or 0), int(second or 0)
    )
    return to_ticks(wall, zone) + _fraction(fraction)


def _american(match: re.Match[str], zone: TimeZone) -> int:
    month, day, year, hour, minute, second, fraction, half = match.groups()
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half.upper() == "PM" else 0)
    wall = _wall(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0))
    return to_ticks(wall, zone) + _fraction(fraction)


def _wall(*parts: int) -> datetime:
    """Naive on purpose: the zone is applied later, with its rules for hours that come twice."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type,misc]  # six at most


def _fraction(digits: str | None) -> int:
    return int(digits[:7].ljust(7, "0")) if digits else 0


def _walk(moment: int, rest: str, zone: TimeZone, text: str) -> int:
    at = 0
    while rest[at:].strip():
        step = _STEP.match(rest, at)
        if step is None:
            raise _bad(text)
        moment = _step(moment, step, zone, text)
        at = step.end()
    return moment


def _step(moment: int, step: re.Match[str], zone: TimeZone, text: str) -> int:
    sign, hours, minutes, seconds, fraction, amount, unit = step.groups()
    direction = 1 if sign == "+" else -1
    if amount is None:
        ticks = int(hours) * t.HOUR + int(minutes) * t.MINUTE + int(seconds or 0) * t.SECOND
        return moment + direction * (ticks + _fraction(fraction))
    name = _singular(unit)
    if name in _UNITS:
        return moment + direction * round(float(amount) * _UNITS[name])
    if "." in amount and name in _DAYS:
        return moment + direction * round(float(amount) * _DAYS[name] * t.DAY)
    if name in _DAYS:
        return _add_days(moment, direction * int(amount) * _DAYS[name], zone)
    if name in _MONTH_UNITS:
        return _add_months(moment, direction * int(float(amount) * _MONTH_UNITS[name]), zone)
    raise _bad(text)


def _singular(unit: str) -> str:
    unit = unit.lower()
    known = unit in _UNITS or unit in _DAYS or unit in _MONTH_UNITS
    return unit if known else unit.removesuffix("s")


def _add_days(moment: int, days: int, zone: TimeZone) -> int:
    wall, rest = local(moment, zone)
    return to_ticks(wall.replace(tzinfo=None) + timedelta(days=days), zone) + rest


def _add_months(moment: int, months: int, zone: TimeZone) -> int:
    wall, rest = local(moment, zone)
    place = wall.year * 12 + wall.month - 1 + months
    year, month = place // 12, place % 12 + 1
    day = min(wall.day, calendar.monthrange(year, month)[1])
    return to_ticks(wall.replace(year=year, month=month, day=day, tzinfo=None), zone) + rest


def _bad(text: str) -> BadTime:
    return BadTime(f"The specified time '{text}' is not a valid time string.")
