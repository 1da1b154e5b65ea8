"""PI time strings: keywords, offsets, zones, and the two odd hours of the year."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pi_lakeflow.simulator.http.timeparse import BadTime, parse_interval, parse_time, zone_named
from pi_lakeflow.simulator.world import ticks as t

NOW = t.from_datetime(datetime(2026, 3, 29, 12, 30, tzinfo=UTC))  # a Sunday; DST began that night


def read(text: str, zone: str = "UTC") -> str:
    return t.to_text(parse_time(text, now=NOW, zone=zone_named(zone)))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "2026-03-29T12:30:00Z"),
        ("*", "2026-03-29T12:30:00Z"),
        ("*-8h", "2026-03-29T04:30:00Z"),
        ("*-1d+30m", "2026-03-28T13:00:00Z"),
        ("-1d", "2026-03-28T12:30:00Z"),
        ("t", "2026-03-29T00:00:00Z"),
        ("Today + 8h", "2026-03-29T08:00:00Z"),
        ("y", "2026-03-28T00:00:00Z"),
        ("t+1:30:15.5", "2026-03-29T01:30:15.5Z"),
        ("*-1mo", "2026-02-28T12:30:00Z"),
        ("*-1y", "2025-03-29T12:30:00Z"),
        ("*-2w", "2026-03-15T12:30:00Z"),
        ("monday", "2026-03-23T00:00:00Z"),
        ("15", "2026-03-15T00:00:00Z"),
        ("2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.1234567Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("02-Jan-2026 03:04:05", "2026-01-02T03:04:05Z"),
        ("1/2/2026 3:04:05 PM", "2026-01-02T15:04:05Z"),
    ],
)
def test_times_in_utc(text: str, wanted: str) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("t", "2026-03-28T23:00:00Z"),
        ("t+1d", "2026-03-29T22:00:00Z"),  # a day of 23 hours
        ("t+24h", "2026-03-29T23:00:00Z"),
        ("2026-03-29 01:30", "2026-03-29T00:30:00Z"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),  # left out: moves forward
        ("2025-10-26 02:30", "2025-10-26T01:30:00Z"),  # comes twice: standard time
    ],
)
def test_times_follow_the_zone(text: str, wanted: str) -> None:
    assert read(text, "W. Europe Standard Time") == read(text, "Europe/Berlin") == wanted


@pytest.mark.parametrize(
    "text", ["yesterdayish", "*-", "*-5parsecs", "2026-13-01", "2026-01-02T25:00Z", "**"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadTime):
        read(text)


def test_unknown_zones_are_refused() -> None:
    with pytest.raises(BadTime, match="Mars"):
        zone_named("Mars Standard Time")


def test_intervals() -> None:
    assert parse_interval("1h") == parse_interval("01:00:00") == parse_interval("60m") == (0, t.HOUR)
    assert parse_interval("1mo") == (1, 0)
