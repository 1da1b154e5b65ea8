"""Recorded answers with every oddity that PI Web API is known for, through the public function."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.recorded import VALUE_KINDS, RecordedPage, StreamMeta, decode_recorded

FLAGS = ("Good", "Questionable", "Substituted", "Annotated")
SECOND = 10_000_000


def page_of(value: str, *, point_type: str = "Float64", time: str = "1970-01-01T00:00:01Z") -> RecordedPage:
    body = f'{{"Items":[{{"WebId":"W","Items":[{{"Timestamp":"{time}","Value":{value},"Good":true}}]}}]}}'
    return decode_recorded(body.encode(), {"W": StreamMeta(point_type)})


def only_row(page: RecordedPage) -> tuple[Any, ...]:
    (row,) = page.rows.to_pylist()
    return VALUE_KINDS[row["value_kind"]], row["value"], row["value_text"], row["state_code"]


@pytest.mark.parametrize(
    ("token", "point_type", "expected"),
    [
        ("1.5", "Float64", ("number", 1.5, None, None)),
        ("-1.25E+3", "Float32", ("number", -1250.0, None, None)),
        ("0.30000000000000004", "Float64", ("number", 0.1 + 0.2, None, None)),
        ("9007199254740993", "Int64", ("number", 9007199254740992.0, "9007199254740993", None)),
        ("1E400", "Float64", ("number", math.inf, "1E400", None)),
        ('"Infinity"', "Float32", ("number", math.inf, None, None)),
        ("-Infinity", "Float32", ("number", -math.inf, None, None)),
        ('"NaN"', "String", ("text", None, "NaN", None)),
        ('{"Name":"I/O Timeout","Value":246,"IsSystem":true}', "Float64",
         ("system", None, "I/O Timeout", 246)),
        ('{"Name":"Open","Value":1,"IsSystem":false}', "Digital", ("digital", None, "Open", 1)),
        (r'"a\"},{\"Timestamp\":\"b"', "String", ("text", None, 'a"},{"Timestamp":"b', None)),
        ("true", "", ("boolean", None, "true", None)),
        ("null", "Float64", ("null", None, None, None)),
        ("[1, 2]", "Float64", ("text", None, "[1,2]", None)),
        ('"AAE="', "Blob", ("blob", None, "AAE=", None)),
    ],
)  # fmt: skip
def test_value(token: str, point_type: str, expected: tuple[Any, ...]) -> None:
    assert only_row(page_of(token, point_type=point_type)) == expected


@pytest.mark.parametrize("token", ["-0", "-0.0"])
def test_negative_zero_keeps_its_sign(token: str) -> None:
    assert math.copysign(1, only_row(page_of(token))[1]) == -1


@pytest.mark.parametrize("token", ["NaN", '"NaN"'])
def test_not_a_number(token: str) -> None:
    kind, value, *_ = only_row(page_of(token))
    assert kind == "number"
    assert math.isnan(value)


@pytest.mark.parametrize("digits", range(8))
def test_timestamp_of_any_fraction(digits: int) -> None:
    fraction = "1234567"[:digits]
    page = page_of("1", time=f"1970-01-01T00:00:01{'.' if digits else ''}{fraction}Z")
    assert page.rows["ticks"].to_pylist() == [SECOND + int(fraction.ljust(7, "0"))]


def test_timestamp_with_offset() -> None:
    assert page_of("1", time="1970-01-01T01:00:01+01:00").rows["ticks"].to_pylist() == [SECOND]


def test_missing_flags_are_null() -> None:
    (row,) = page_of("1").rows.to_pylist()
    assert [row[name.lower()] for name in FLAGS] == [True, None, None, None]


def test_errors_in_the_value_set_the_error_of_the_stream() -> None:
    page = page_of('{"Errors":["broken reference"]}')
    assert only_row(page)[0] == "null"
    assert page.rows["good"].to_pylist() == [False]
    assert page.streams[0].error == "broken reference"


def test_errors_beside_the_value_set_the_error_of_the_stream() -> None:
    page = page_of('null,"Errors":[{"FieldName":"Value","Message":["gone"]}]')
    assert page.streams[0].error == "Value: gone"


def test_streams_that_are_empty_null_missing_or_failed() -> None:
    body = (
        b'{"Links":{},"Items":[{"WebId":"a","Items":[],"New":1},{"WebId":"b","Items":null},{"WebId":"c"},'
        b'{"WebId":"d","Errors":["no"]}]}'
    )
    errors = [stream.error for stream in decode_recorded(body, {}).streams]
    assert errors[:2] == [None, None]
    assert errors[2] is not None
    assert errors[3] == "no"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html></html>", b'{"Items":[{"WebId":"W"', b"[]", b'"text"', b"{}",
        b'{"Items":[{"Items":[]}]}',
        b'{"Errors":["no"]}', b'{"Message":"no"}',
        b'{"Items":[],"WebException":{"StatusCode":500,"Errors":["no"]}}',
    ],
)  # fmt: skip
def test_answer_that_failed_is_transient(body: bytes) -> None:
    with pytest.raises(Transient):
        decode_recorded(body, {})


def value_strategy() -> st.SearchStrategy[Any]:
    state = st.fixed_dictionaries(
        {"Name": st.text(max_size=5), "Value": st.integers(0, 400), "IsSystem": st.booleans()}
    )
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
    return numbers | st.booleans() | st.none() | st.text(alphabet='ab"{}é\\', max_size=8) | state


EVENT = st.fixed_dictionaries(
    {"Timestamp": st.integers(0, 2_000_000_000).map(lambda s: f"1970-01-01T00:00:{s % 60:02}Z"),
     "Value": value_strategy()},
    optional={name: st.booleans() for name in FLAGS},
)  # fmt: skip
STREAMS = st.lists(st.lists(EVENT, max_size=6), max_size=4)


def expected_row(event: dict[str, Any]) -> tuple[Any, ...]:
    value = event["Value"]
    row: tuple[Any, ...] = ("null", None, None, None)
    if isinstance(value, dict):
        row = ("system" if value["IsSystem"] else "digital", None, value["Name"], value["Value"])
    elif isinstance(value, bool):
        row = ("boolean", None, str(value).lower(), None)
    elif isinstance(value, str):
        row = ("text", None, value, None)
    elif value is not None:
        exact = isinstance(value, int) and abs(value) > 2**53
        row = ("number", float(value), str(value) if exact else None, None)
    return (int(event["Timestamp"][17:19]) * SECOND, *row, *(event.get(name) for name in FLAGS))


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.sampled_from([(None, (",", ":")), (None, (", ", ": ")), (2, (",", ": "))]), st.randoms())
def test_any_layout_is_read_like_the_reference(streams: Any, layout: Any, random: Any) -> None:
    """Compact, spaced and indented JSON, with keys in any order, means the same rows."""
    shuffled = [[dict(random.sample(list(e.items()), len(e))) for e in events] for events in streams]
    items = [{"WebId": f"W{place}", "Items": events} for place, events in enumerate(shuffled)]
    indent, separators = layout
    text = json.dumps(
        {"Items": items}, indent=indent, separators=separators, ensure_ascii=random.random() < 0.5
    )
    page = decode_recorded(text.encode(), {})
    found = [
        (
            r["ticks"],
            VALUE_KINDS[r["value_kind"]],
            r["value"],
            r["value_text"],
            r["state_code"],
            *tuple(r[name.lower()] for name in FLAGS),
        )
        for r in page.rows.to_pylist()
    ]
    assert list(map(repr, found)) == [repr(expected_row(e)) for events in streams for e in events]
    assert [stream.length for stream in page.streams] == list(map(len, streams))
