"""Answers of Stream Updates, as documented and in the shapes that are not."""

from __future__ import annotations

import pytest

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.updates import Poll, Registration, decode_polls, decode_registrations
from pi_lakeflow.model.changes import Change


def test_registrations_that_succeed_and_fail() -> None:
    body = b"""{"Items": [
      {"Source": "A", "LatestMarker": "m_0", "Status": "Succeeded", "Exception": {"Errors": []}},
      {"Source": "B", "LatestMarker": "m_7", "Status": "AlreadyRegistered"},
      {"Source": "C", "LatestMarker": "", "Status": "Failed", "Exception": {"Errors": ["No point."]}},
      {"Source": "D", "LatestMarker": "x_1", "Status": "Failed"},
      {"Source": "E", "Status": "Succeeded"}]}"""
    assert decode_registrations(body) == [
        Registration("A", "m_0"),
        Registration("B", "m_7"),
        Registration("C", None, "No point."),
        Registration("D", None, "the registration failed"),
        Registration("E", None, "the answer has no marker"),
    ]


def test_polls_tell_where_something_happened() -> None:
    """Ticks are cut to microseconds; what cannot be read counts as a refresh."""
    body = b"""{"Items": [
      {"Source": "A", "RequestedMarker": "m_0", "LatestMarker": "m_4", "Status": "Updated", "Events": [
        {"Action": "Add", "Timestamp": "1970-01-01T00:00:01.0000019Z", "Value": 1},
        {"Action": "Delete", "Timestamp": "1970-01-01T00:00:02Z"},
        {"Action": "Refresh", "Timestamp": "1970-01-01T00:00:02Z"},
        {"Action": "Explode", "Timestamp": "1970-01-01T00:00:02Z"},
        {"Action": "Update", "Timestamp": "yesterday"}]},
      {"Source": "B", "RequestedMarker": "n_0", "LatestMarker": "n_0", "Events": [],
       "Exception": {"Errors": ["The signup was removed because it is no longer valid."]}},
      {"RequestedMarker": "o_0", "LatestMarker": "", "Status": "Failed", "Events": null}]}"""
    assert decode_polls(body) == [
        Poll(
            "A",
            "m_0",
            "m_4",
            (
                Change("add", 1_000_001),
                Change("delete", 2_000_000),
                Change("refresh", 2_000_000),
                Change("refresh", None),
                Change("refresh", None),
            ),
        ),
        Poll("B", "n_0", "n_0", (), "The signup was removed because it is no longer valid."),
        Poll("", "o_0", "", (), "the registration failed"),
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"Items": [5]}', b'{"Errors": ["x"]}', b"{}"])
def test_what_is_no_answer_is_an_error_of_the_request(body: bytes) -> None:
    for decode in (decode_registrations, decode_polls):
        with pytest.raises(Transient):
            decode(body)
