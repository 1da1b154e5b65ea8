"""Numbers and times as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.cli import words
from pi_lakeflow.model.span import DAY, SECOND, Span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.0042, "4 ms"),
        (0.9949, "995 ms"),
        (0.9999, "1.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (61, "1 m 01 s"),
        (3_599.6, "1 h 00 m"),
        (7_500, "2 h 05 m"),
        (86_400, "1 d 00 h"),
        (1_234 * 86_400, "1,234 d 00 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (56_300_000, "56.3 MB"),
        (999_600_000, "1.0 GB"),
        (2e15, "2,000 TB"),
    ],
)
def test_sizes_are_decimal(number: float, text: str) -> None:
    assert words.size(number) == text


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_never_shows_sixty_of_anything(seconds: float) -> None:
    """Rounding must not give ``1 m 60 s``, nor ``60 s``."""
    assert not re.search(r"\b60 [smh]\b", words.duration(seconds))


def test_counts_and_nouns_agree() -> None:
    assert words.things(1, "tag") == "1 tag"
    assert words.things(1_234, "tag") == "1,234 tags"


def test_moments_are_cut_and_exact_ones_are_not() -> None:
    micros = 20_000 * DAY + 3_600 * SECOND + 250_000
    assert words.moment(micros) == "2024-10-04 01:00:00"
    assert words.exact(micros) == "2024-10-04 01:00:00.250000"


def test_spans_say_how_long_they_are() -> None:
    told = words.span(20_000 * DAY, 20_003 * DAY)
    assert told == "2024-10-04 00:00:00 to 2024-10-07 00:00:00 UTC (3 d 00 h)"
    assert words.length([Span(0, DAY), Span(2 * DAY, 3 * DAY)]) == "2 d 00 h"


def test_clocks_tick_in_seconds() -> None:
    assert words.clock(3_725.9) == "1:02:05"
