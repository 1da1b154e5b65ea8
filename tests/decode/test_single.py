"""Answers that hold one value, or one count, for each stream."""

from __future__ import annotations

import pytest

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.recorded import RAW_SCHEMA, VALUE_KINDS, StreamMeta
from pi_lakeflow.historians.pi.decode.single import decode_counts, decode_values

VALUES = b"""{"Links": {}, "Items": [
 {"WebId": "A", "Name": "a", "Value": {"Timestamp": "1970-01-01T00:00:01Z", "Value": 1.5,
   "UnitsAbbreviation": "degC", "Good": true, "Questionable": false, "Substituted": false}},
 {"WebId": "B", "Value": {"Timestamp": "1970-01-01T00:00:00.0000001Z",
   "Value": {"Name": "No Data", "Value": 248, "IsSystem": true}, "Good": false}},
 {"WebId": "C", "Value": {"Timestamp": "1970-01-01T00:00:00Z", "Value": null, "Good": true,
   "Errors": [{"FieldName": "Value", "Message": ["PI Point not found."]}]}},
 {"WebId": "D", "Value": {"Errors": ["No source."]}},
 {"WebId": "E", "Errors": ["Gone."]},
 {"WebId": "F"},
 {"WebId": "G", "Value": {"Timestamp": "1970-01-01T00:00:02Z", "Value": "NaN", "Good": true}}
]}"""


def test_values_are_one_row_for_each_stream() -> None:
    page = decode_values(VALUES, {"G": StreamMeta("Float32")})
    assert page.rows.schema == RAW_SCHEMA
    columns = page.rows.to_pydict()
    assert columns["ticks"] == [10_000_000, 1, 0, 20_000_000]
    assert [VALUE_KINDS[kind] for kind in columns["value_kind"]] == ["number", "system", "null", "number"]
    assert columns["state_code"] == [None, 248, None, None]
    assert columns["good"] == [True, False, False, True]
    assert columns["annotated"] == [None] * 4
    assert [(stream.webid, stream.offset, stream.length) for stream in page.streams] == [
        ("A", 0, 1), ("B", 1, 1), ("C", 2, 1), ("D", 3, 0), ("E", 3, 0), ("F", 3, 0), ("G", 3, 1),
    ]  # fmt: skip


def test_values_that_failed_say_why() -> None:
    errors = {stream.webid: stream.error for stream in decode_values(VALUES).streams}
    assert errors == {
        "A": None,
        "B": None,
        "C": "Value: PI Point not found.",
        "D": "No source.",
        "E": "Gone.",
        "F": "the answer has neither Value nor Errors",
        "G": None,
    }


def test_counts_of_each_interval_where_unknown_is_not_zero() -> None:
    body = b"""{"Items": [
      {"WebId": "A", "Items": [{"Type": "Count", "Value": {"Timestamp": "x", "Value": 3, "Good": true}},
                               {"Type": "Count", "Value": {"Timestamp": "x", "Value": 4.0, "Good": true}}]},
      {"WebId": "B", "Items": [{"Type": "Count", "Value": {"Value": 0, "Good": true}},
                               {"Type": "Average", "Value": {"Value": 9.5, "Good": true}}]},
      {"WebId": "C", "Items": [{"Type": "Count", "Value": {"Value": 1, "Good": true}},
                               {"Type": "Count", "Value": {"Value": null, "Good": true, "Errors": ["x"]}}]},
      {"WebId": "D", "Items": [{"Type": "Count", "Value": {"Value": {"Name": "No Data", "Value": 248,
                               "IsSystem": true}, "Good": false}}]},
      {"WebId": "E", "Errors": ["x"], "Items": [{"Type": "Count", "Value": {"Value": 1}}]},
      {"WebId": "F", "Items": []},
      {"WebId": "G"},
      {"WebId": "H", "Items": [{"Type": "Count", "Value": {"Value": 1E400}}, 5]},
      {"WebId": "I", "Items": [{"Type": "Count", "Value": {"Value": true}}]}
    ]}"""
    assert decode_counts(body) == {
        "A": [3.0, 4.0],
        "B": [0.0],
        "C": [1.0, None],
        "D": [None],
        "H": [None],
        "I": [None],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"Items": [',
        b'{"Errors": ["x"]}',
        b'{"Items": [], "WebException": {"StatusCode": 500, "Errors": ["x"]}}',
        b'{"Items": [{"Value": {}}]}',
    ],
)
def test_what_is_no_answer_is_an_error_of_the_request(body: bytes) -> None:
    for decode in (decode_values, decode_counts):
        with pytest.raises(Transient):
            decode(body)
