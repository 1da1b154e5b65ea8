"""WebID 2.0 against the worked examples of the reference."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.simulator.world import webid

SERVER = uuid.UUID("7f16bd6b-c14c-4e03-822e-457da2f35081")
PATH = "\\\\MyPIServer\\SINUSOID"
ID_ONLY = "I1DPa70Wf0zBA06CLkV9ovNQgQCAAAAA"
FULL = "F1DPa70Wf0zBA06CLkV9ovNQgQCAAAAATVlQSVNFUlZFUlxTSU5VU09JRA"


@pytest.mark.parametrize(("kind", "text"), [("IDOnly", ID_ONLY), ("full", FULL)])
def test_worked_examples_are_minted(kind: str, text: str) -> None:
    assert webid.mint(kind, webid.POINT, server=SERVER, item=8, path=PATH) == text


def test_worked_examples_are_read() -> None:
    full = webid.parse(FULL)
    assert (full.server, full.object, full.path) == (SERVER, 8, PATH.upper())
    short = webid.parse(ID_ONLY)
    assert (short.server, short.object, short.path) == (SERVER, 8, None)
    assert webid.parse(ID_ONLY.replace("I1", "I0", 1)).object == 8


def test_a_data_server_has_no_object() -> None:
    read = webid.parse("F1DSBd9Ab83Y90SNSjy4JtD5fQVk0tVFMtUEk")
    assert (read.marker, read.object, read.path) == ("DS", None, "\\\\VM-TS-PI")


@pytest.mark.parametrize("text", ["", "x", "Z1DP", "F2DPAAAA", "I1QQ", ID_ONLY + "A", ID_ONLY[:-1], "I1Ab"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(webid.BadWebId):
        webid.parse(text)


@given(
    st.sampled_from(sorted(webid.TYPES)), st.integers(-(2**31), 2**31 - 1), st.uuids(), st.text(min_size=1)
)
def test_what_is_minted_is_read_back(kind: str, point: int, server: uuid.UUID, name: str) -> None:
    path = "\\\\S\\" + name.encode(errors="replace").decode().upper()
    read = webid.parse(webid.mint(kind, webid.POINT, server=server, item=point, path=path))
    assert read.server == (server if kind in ("full", "idonly") else None)
    assert read.object == (None if kind == "pathonly" else point)
    assert read.path == (path if kind in ("full", "pathonly") else None)
