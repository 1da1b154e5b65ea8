"""Messages of channels: all documented forms, many at once, and what is wrong with some of them."""

from __future__ import annotations

import json
from typing import Any

from pi_lakeflow.historians.pi.decode.channel import decode_messages

WHEN = "2026-03-29T12:00:00.1234567Z"


def value(content: Any = 1.5, **more: Any) -> dict[str, Any]:
    flags = {"Good": True, "Questionable": False, "Substituted": False, "Annotated": False}
    return {"Timestamp": WHEN, "Value": content, "UnitsAbbreviation": "", **flags, **more}


def stream(webid: str, *values: dict[str, Any]) -> dict[str, Any]:
    links = {"Source": "https://server/piwebapi/points/x"}
    return {"WebId": webid, "Name": "N", "Path": "\\\\S\\N", "Links": links, "Items": list(values)}


def message(*streams: dict[str, Any]) -> bytes:
    return json.dumps({"Links": {}, "Items": list(streams)}, separators=(",", ":")).encode()


HEARTBEAT = b'{"Links":{},"Items":[]}'
DECOY = '"WebId":"x","Items":[{"Timestamp":"'


def test_many_messages_at_once_and_whose_stream_it_is() -> None:
    bodies = [
        message(stream("A", value(), value(2.5)), stream("B", value(DECOY))),
        HEARTBEAT,
        message(stream("A", value({"Name": "Open", "Value": 1, "IsSystem": False}))),
    ]
    found = decode_messages(bodies, {})
    assert [s.webid for s in found.page.streams] == ["A", "B", "A"]
    assert found.message_of.tolist() == [0, 0, 2]
    assert found.page.rows["value"].to_pylist() == [1.5, 2.5, None, None]
    assert found.page.rows["value_text"].to_pylist() == [None, None, DECOY, "Open"]
    assert found.broken == ()


def test_the_flat_form_and_other_layouts() -> None:
    """``Items[].Value`` instead of nested items, blanks between tokens, links with a Self."""
    flat = {"WebId": "A", "Name": "N", "Value": value(3.5)}
    bodies = [
        json.dumps({"Links": {"Self": "x"}, "Items": [flat]}, indent=1).encode(),
        message(stream("B", value())),
    ]
    found = decode_messages(bodies, {})
    assert found.page.rows["value"].to_pylist() == [3.5, 1.5]
    assert found.message_of.tolist() == [0, 1]


def test_a_broken_message_does_not_take_others_with_it() -> None:
    bodies = [message(stream("A", value())), b'{"Links":{},"Items":[{"WebId"', message(stream("B", value()))]
    found = decode_messages(bodies, {})
    assert [s.webid for s in found.page.streams] == ["A", "B"]
    assert found.message_of.tolist() == [0, 2]
    assert len(found.broken) == 1


def test_a_failed_value_is_not_good_and_the_rest_of_its_stream_stays() -> None:
    bad = value(None, Errors=[{"FieldName": "Value", "Message": ["no"]}])
    found = decode_messages([message(stream("A", value(), bad, value(2.5)))], {})
    assert found.page.rows["good"].to_pylist() == [True, False, True]
    assert found.page.rows["value"].to_pylist() == [1.5, None, 2.5]


def test_nothing_is_nothing() -> None:
    assert decode_messages([], {}).page.rows.num_rows == 0
    assert decode_messages([HEARTBEAT] * 3, {}).page.rows.num_rows == 0
