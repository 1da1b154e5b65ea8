"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.settings.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("250ms", 0.25),
        ("2w", 1_209_600),
        ("1.5h", 5400),
        ("300", 300),
        ("0", 0),
        ("1 h 30 m", 5400),
        ("5M", 300),
        ("0.5", 0.5),
    ],
)
def test_known_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5x", "m", "-5m", "5m!", "1h-30m", "five minutes", "9999999999w", "5m5"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|calendar"):
        parse_duration(text)


@given(st.integers(0, 10**12).map(lambda ms: timedelta(milliseconds=ms)))
def test_format_is_the_inverse_of_parse(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
