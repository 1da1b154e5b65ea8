"""Time in PI ticks: whole 100-nanosecond steps since 1970 UTC, the resolution of the archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MICRO = 10
SECOND = 10_000_000
MINUTE = 60 * SECOND
HOUR = 3_600 * SECOND
DAY = 86_400 * SECOND
NEVER = 253_402_300_799 * SECOND  # 9999-12-31T23:59:59Z, "no end yet"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> int:
    """Ticks of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * MICRO


def to_datetime(ticks: int) -> datetime:
    """The aware UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=ticks // MICRO)


def to_text(ticks: int) -> str:
    """As PI Web API prints times: UTC, up to 7 fractional digits, trailing zeros dropped."""
    seconds, rest = divmod(ticks, SECOND)
    head = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{head}.{rest:07d}".rstrip("0") + "Z" if rest else f"{head}Z"
