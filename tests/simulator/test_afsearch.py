"""AFSearch queries: what is understood, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.simulator.http.afsearch import Condition, Field, Query, flag, mask, matcher, parse_query
from pi_lakeflow.simulator.http.errors import ApiError


def test_pairs_lists_braces_and_bare_masks() -> None:
    query = parse_query("Pump* Template:='Big Pump' Severity:IN(Major; 'Very bad') Element:{ Name:A } X:>=3")
    assert query.conditions == (
        Condition("Name", "=", ("Pump*",)),
        Condition("Template", "=", ("Big Pump",)),
        Condition("Severity", "IN", ("Major", "Very bad")),
        Condition("Element", "=", (), Query((Condition("Name", "=", ("A",)),))),
        Condition("X", ">=", ("3",)),
    )
    assert query.option("template") == "Big Pump"
    assert parse_query("  ").conditions == ()


@pytest.mark.parametrize("text", ["Name:", "Name:='x", "Element:{ Name:=x", "A:IN()", "A:IN b", "} x"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_query(text)
    assert caught.value.status == 400


def test_filters_that_do_not_apply_are_refused() -> None:
    fields = {"name": Field(str), "size": Field(len, read=int)}
    assert [matcher(parse_query("Size:>2 Name:<>abc"), fields)(t) for t in ("abc", "abd", "x")] == [
        False,
        True,
        False,
    ]
    for text in ("Colour:=red", "Name:>a", "Name:{ Name:=x }"):
        with pytest.raises(ApiError):
            matcher(parse_query(text), fields)


def test_masks_and_flags() -> None:
    assert mask("P?mp-[12]*").fullmatch("PUMP-2x")
    assert not mask("[!a]b").fullmatch("Ab")
    assert [flag("TRUE"), flag("false")] == [True, False]


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(ApiError):
        assert isinstance(parse_query(text), Query)
