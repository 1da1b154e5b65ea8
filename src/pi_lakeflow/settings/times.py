"""Points in time as people write them: ISO 8601, and the relative forms of PI.

    2025-01-31, 2025-01-31T08:00:00, 2025-01-31T08:00:00+01:00     without a zone: UTC
    *            now                 *-8h         eight hours ago
    t, today     the last midnight   t+6h         six o'clock this morning
    y, yesterday the midnight before y-1mo+12h    offsets add up from left to right

Units: ``y mo w d h m s ms``. Years and months are those of the calendar (31 January + 1mo is the
last of February); years, months, weeks and days keep the clock's time in ``zone``; the others are
exact. Source: PI Web API reference, topic "Time Strings"; unlike there, midnights are those of
``zone`` (UTC by default) and not of the server, so that a run means the same wherever it runs.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, tzinfo

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import from_micros, to_micros

_OFFSET = re.compile(r"\s*([+-])\s*(\d+(?:\.\d+)?)\s*(mo|ms|[ywdhms])\b", re.ASCII)
_OFFSETS = re.compile(rf"(?:{_OFFSET.pattern})+\s*$", re.ASCII)
_EXACT = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_MONTHS = {"y": 12, "mo": 1}
_DAYS = {"w": 7, "d": 1}

HINT = "write ISO 8601 such as 2025-01-31T08:00:00Z, or a PI time such as '*', '*-8h', 't', 'y+6h'"


def parse_time(text: str, *, now: datetime, zone: tzinfo = UTC) -> int:
    """Microseconds since 1970 UTC that ``text`` means at ``now`` (aware).

    Raises ``SettingsError`` when ``text`` is no time.
    """
    cleaned = text.strip().lower()
    tail = _OFFSETS.search(cleaned)
    base = cleaned[: tail.start()].strip() if tail else cleaned
    try:
        moment = _base(base, now.astimezone(zone))
        for sign, number, unit in _OFFSET.findall(tail.group()) if tail else ():
            moment = _shift(moment, number if sign == "+" else f"-{number}", unit)
        return to_micros(moment)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"{text!r} is not a time", hint=HINT) from error


def check_time(text: str) -> None:
    """Raise ``SettingsError`` unless ``parse_time`` can read ``text``."""
    parse_time(text, now=from_micros(1_750_000_000_000_000))


def _base(text: str, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if text == "*":
        return now
    if text in ("t", "today"):
        return midnight
    if text in ("y", "yesterday"):
        return midnight - timedelta(days=1)
    moment = datetime.fromisoformat(text.upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shift(moment: datetime, number: str, unit: str) -> datetime:
    if unit in _EXACT:
        return (moment.astimezone(UTC) + float(number) * _EXACT[unit]).astimezone(moment.tzinfo)
    count = int(number)  # a fraction of a calendar unit means nothing exact: ValueError
    if unit in _DAYS:
        return moment + timedelta(days=count * _DAYS[unit])
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS[unit]
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
