"""PI time expressions and ISO 8601 become microseconds UTC."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import iso, to_micros
from pi_lakeflow.settings.times import parse_time

NOW = datetime(2025, 3, 31, 14, 25, 7, 250_000, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
EXACT = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}

moments = st.datetimes(
    min_value=datetime.fromisoformat("1971-01-02"),
    max_value=datetime.fromisoformat("2199-12-30"),
    timezones=st.sampled_from([UTC, MADRID, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]),
)
zones = st.sampled_from([UTC, MADRID, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])


def at(text: str, now: datetime = NOW, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(
        microseconds=parse_time(text, now=now, zone=zone or UTC)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", "2025-03-31T14:25:07.250000Z"),
        ("t", "2025-03-31T00:00:00Z"),
        ("Today", "2025-03-31T00:00:00Z"),
        ("y", "2025-03-30T00:00:00Z"),
        ("yesterday+6h", "2025-03-30T06:00:00Z"),
        ("*-8h", "2025-03-31T06:25:07.250000Z"),
        ("t+1d", "2025-04-01T00:00:00Z"),
        ("t-1d+30m", "2025-03-30T00:30:00Z"),
        ("t - 1mo", "2025-02-28T00:00:00Z"),
        ("t+1y-1mo", "2026-02-28T00:00:00Z"),
        ("t-2w", "2025-03-17T00:00:00Z"),
        ("*-1.5h", "2025-03-31T12:55:07.250000Z"),
        ("*-250ms", "2025-03-31T14:25:07Z"),
        ("2025-01-31", "2025-01-31T00:00:00Z"),
        ("2025-01-31+1mo", "2025-02-28T00:00:00Z"),
        ("2024-02-29-1y", "2023-02-28T00:00:00Z"),
        ("2025-01-31T08:00:00+01:00", "2025-01-31T07:00:00Z"),
        ("2025-01-31T08:00:00+01:00+1h", "2025-01-31T08:00:00Z"),
        ("2025-01-31 08:00", "2025-01-31T08:00:00Z"),
        ("2025-01-31t08:00:00z", "2025-01-31T08:00:00Z"),
        ("2022-02-18T15:10:08.8757629Z", "2022-02-18T15:10:08.875762Z"),
    ],
)
def test_known_expressions(text: str, expected: str) -> None:
    assert iso(parse_time(text, now=NOW)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-7d",
        "*-7",
        "*-7x",
        "7d",
        "*--1h",
        "*-1.5d",
        "*-99999y",
        "t+",
        "monday",
        "2025-13-01",
        "*5m",
        "*-1dd",
    ],
)
def test_what_is_no_time_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a time") as caught:
        parse_time(text, now=NOW)
    assert caught.value.hint is not None
    assert "*-8h" in caught.value.hint


def test_midnights_are_those_of_the_zone() -> None:
    """At half past midnight in Madrid it is still yesterday in UTC."""
    now = datetime(2025, 7, 1, 22, 30, tzinfo=UTC)
    assert at("t", now, MADRID) == datetime(2025, 7, 1, 22, 0, tzinfo=UTC)
    assert at("t", now) == datetime(2025, 7, 1, tzinfo=UTC)


def test_days_keep_the_clock_and_hours_are_exact_when_summer_time_begins() -> None:
    """30 March 2025 has 23 hours in Madrid."""
    now = datetime(2025, 3, 30, 12, 0, tzinfo=MADRID)
    assert at("t+1d", now, MADRID) - at("t", now, MADRID) == timedelta(hours=23)
    assert at("t+24h", now, MADRID) - at("t", now, MADRID) == timedelta(hours=24)


def test_iso_without_zone_is_utc_whatever_the_zone_of_midnights() -> None:
    assert at("2025-01-31T08:00:00", zone=MADRID) == datetime(2025, 1, 31, 8, tzinfo=UTC)


@given(moments)
def test_iso_round_trip(moment: datetime) -> None:
    assert parse_time(iso(to_micros(moment)), now=NOW) == to_micros(moment)
    assert parse_time(moment.isoformat(), now=NOW) == to_micros(moment)


@given(
    moments,
    zones,
    st.lists(
        st.tuples(st.sampled_from("+-"), st.integers(0, 5000), st.sampled_from(list(EXACT))), max_size=5
    ),
)
def test_exact_offsets_add_up(now: datetime, zone: ZoneInfo, offsets: list[tuple[str, int, str]]) -> None:
    text = "*" + "".join(f"{sign}{count}{unit}" for sign, count, unit in offsets)
    total = sum((1 if sign == "+" else -1) * count * EXACT[unit] for sign, count, unit in offsets)
    assert parse_time(text, now=now, zone=zone) == to_micros(now) + total


@given(moments, zones)
def test_now_lies_between_its_midnights(now: datetime, zone: ZoneInfo) -> None:
    assert at("y", now, zone) < at("t", now, zone) <= now < at("t+1d", now, zone) + timedelta(hours=1)


@given(moments, st.integers(0, 1200))
def test_months_end_on_the_same_day_or_on_the_last(now: datetime, months: int) -> None:
    later = at(f"t+{months}mo", now)
    today = at("t", now)
    assert (later.year * 12 + later.month) - (today.year * 12 + today.month) == months
    assert later.day == today.day or (later.day < today.day and (later + timedelta(days=1)).day == 1)


@given(st.text(max_size=20) | st.text(alphabet="*ty+-0123456789mosdhw.: TZ", max_size=16))
def test_any_text_is_a_time_or_a_settings_error(text: str) -> None:
    with suppress(SettingsError):
        assert isinstance(parse_time(text, now=NOW), int)
