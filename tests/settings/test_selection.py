"""What ``tags`` takes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.selection import Selection, Selector, SelectorKind, parse_selection

K = SelectorKind


@pytest.mark.parametrize(
    ("given_", "kind", "text", "server"),
    [
        ("SINUSOID", K.NAME, "SINUSOID", None),
        ("Tank 1 & Co #2 + 50%; x", K.NAME, "Tank 1 & Co #2 + 50%; x", None),
        ("SINUS*", K.MASK, "SINUS*", None),
        ("pump-??-flow", K.MASK, "pump-??-flow", None),
        ("all", K.ALL, "all", None),
        ("name:all", K.NAME, "all", None),
        (r"\\PISRV\SINUSOID", K.POINT, r"\\PISRV\SINUSOID", "PISRV"),
        (r"\\PISRV\SIN*", K.MASK, "SIN*", "PISRV"),
        (r"\\AF\Plant\Boiler|Temp", K.ATTRIBUTE, r"\\AF\Plant\Boiler|Temp", None),
        (r"\\AF\Plant\Unit 1\Boiler|Temp|High", K.ATTRIBUTE, r"\\AF\Plant\Unit 1\Boiler|Temp|High", None),
        (r"\\AF\Plant\Boiler", K.ELEMENT, r"\\AF\Plant\Boiler", None),
        ("webid:F1DPabc", K.WEBID, "F1DPabc", None),
        ({"af_query": "Template:=Pump"}, K.AF_QUERY, "Template:=Pump", None),
        ({"af_query": "Name:=X", "database": r"\\AF\Plant"}, K.AF_QUERY, "Name:=X", r"\\AF\Plant"),
        ({"point_query": "PointSource:=R", "data_server": "PISRV"}, K.POINT_QUERY, "PointSource:=R", "PISRV"),
    ],
)
def test_each_form(given_: object, kind: SelectorKind, text: str, server: str | None) -> None:
    assert parse_selection(given_).selectors == (Selector(kind, text, server),)
    assert parse_selection([given_]).selectors == (Selector(kind, text, server),)


@pytest.mark.parametrize(
    ("given_", "subject"),
    [
        (5, "tags"),
        ("", "tags"),
        (["A", 7], "tags[1]"),
        (["A", "B", None], "tags[2]"),
        ([["A"]], "tags[0]"),
        ({"query": "x"}, "tags"),
        ({"af_query": "x", "server": "y"}, "tags"),
        ({"af_query": 5}, "tags.af_query"),
        ({"under": "Plant"}, "tags.under"),
        ({"under": r"\\AF\DB", "name": "x"}, "tags"),
        (r"\\PISRV", "tags"),
        ("\\\\PISRV\\", "tags"),
        (r"Boiler|Temp", "tags"),
        (r"\\AF\Plant\Pump*|Temp", "tags"),
        ({"file": "nowhere.txt"}, "tags"),
        (["@nowhere.txt"], "tags[0]"),
    ],
)
def test_what_is_no_tag_is_refused_by_place(given_: object, subject: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_selection(given_)
    assert caught.value.subject == subject
    assert caught.value.hint is not None


def test_a_file_holds_one_form_a_line(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text(
        "\ufeff# pumps\nSINUSOID\n\n  CDT*  \nTAG#7\nwebid:F1DPx\r\n", encoding="utf-8"
    )
    expected = ["SINUSOID", "CDT*", "TAG#7", "F1DPx"]
    for form in ("@tags.txt", {"file": "tags.txt"}, ["@tags.txt", "SINUSOID"]):
        assert [selector.text for selector in parse_selection(form, base=tmp_path)] == expected


def test_a_bad_line_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("A\n\nB|C\n")
    with pytest.raises(SettingsError) as caught:
        parse_selection("@tags.txt", base=tmp_path)
    assert caught.value.subject == "tags.txt:3"


def test_a_bare_name_that_looks_like_a_webid_says_so() -> None:
    """The spec lists WebIds such as F1DP-TAG-000001 as bare texts."""
    assert [s.may_be_webid for s in parse_selection(["F1DP-TAG-000001", "SINUSOID", "F1DP"])] == [
        True,
        False,
        False,
    ]


def test_entries_count_once_and_keep_their_order() -> None:
    assert [s.text for s in parse_selection(["B", "A", "B"])] == ["B", "A"]


def test_a_long_selection_is_shown_short() -> None:
    assert str(parse_selection([f"T{n}" for n in range(100)])) == "T0, T1, T2 and 97 more"
    assert str(parse_selection("A")) == "A"
    assert not Selection()


@given(st.text() | st.lists(st.text() | st.integers()) | st.dictionaries(st.text(), st.text()))
def test_anything_is_a_selection_or_a_settings_error(given_: object) -> None:
    with suppress(SettingsError):
        assert isinstance(parse_selection(given_), Selection)


def test_a_place_in_the_asset_model_is_narrowed() -> None:
    given = {"under": "\\\\AF\\DB\\Site A", "template": "Pump", "attribute": "Temperature"}
    (found,) = parse_selection([given])
    assert (found.kind, found.text, found.template) == (K.UNDER, "\\\\AF\\DB\\Site A", "Pump")
    assert str(found) == "under: \\\\AF\\DB\\Site A, template: Pump, attribute: Temperature"
