"""Search queries: what they say, and what they refuse."""

from __future__ import annotations

import pytest

from pi_lakeflow.simulator.http.afsearch import Condition, parse_query
from pi_lakeflow.simulator.http.errors import ApiError

FIELDS = ("name", "template", "element", "start", "severity", "isacknowledged", "category", "alldescendants")


def test_a_bare_text_is_a_name_mask() -> None:
    (condition,) = parse_query("Pump*", FIELDS).conditions
    assert condition == Condition("name", "=", ("Pump*",))
    assert condition.of_text("pump 7")
    assert not condition.of_text("a pump")


def test_pairs_quotes_lists_nesting_and_sorting() -> None:
    query = parse_query(
        "Name:='My ''big'' Pump*' TemplateName:Boiler Severity:IN(Major;Critical) "
        "Element:{ Name:=X Template:<>Y } Start:>=*-1d SortField:StartTime SortOrder:Descending",
        FIELDS,
    )
    name, template, severity, element, start = query.conditions
    assert name.value == "My 'big' Pump*"
    assert (template.field, template.operator) == ("template", "=")
    assert severity.values == ("Major", "Critical")
    assert element.nested is not None
    assert [c.operator for c in element.nested.conditions] == ["=", "<>"]
    assert (start.operator, start.value) == (">=", "*-1d")
    assert (query.sort_field, query.descending) == ("StartTime", True)


def test_conditions_compare_in_their_own_type() -> None:
    (condition,) = parse_query("Severity:>=2", FIELDS).conditions
    assert condition.of(10, int)
    assert not condition.of(1, int)
    (flag,) = parse_query("IsAcknowledged:=False", FIELDS).conditions
    assert flag.of_flag(flag=False)
    assert not flag.of_flag(flag=True)
    (other,) = parse_query("Category:<>Alarms", FIELDS).conditions
    assert other.of_texts(["Batches"])
    assert not other.of_texts(["Batches", "alarms"])
    assert parse_query("AllDescendants:true", FIELDS).flag("alldescendants", default=False)


@pytest.mark.parametrize(
    "text", ["Name:", "Name:='x", "Element:{ Name:=x", "Voltage:=3", "Severity:IN(1;2", "}"]
)
def test_a_bad_query_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as error:
        parse_query(text, FIELDS)
    assert error.value.status == 400
