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
# One of each kind of object, as the vendor's description of the API shows them
DOCUMENTED = (
    "I1ACDqD5loBNH0erqeqJodtALAofQgBVRE3E-0dk03Hqa1ng",
    "I1ATEG_auSSsvuECG8ad_p8b25QQkxqWDwIWU6zC4vmgpd4kgtSfQI9VdxUGA8fi1yf9DVg",
    "I1AbEDqD5loBNH0erqeqJodtALA9iLxz4m_5RGAxgAVXYUACw_yrS377vX0uZVHTgkanusw",
    "I1AbEDqD5loBNH0erqeqJodtALAYIKyyz2F5BGAxQAVXYRDBAGyPedZG1sUmxOOclp3Flwg",
    "I1BCDqD5loBNH0erqeqJodtALAwgzHiSFSd06HP4lKPqYefQ",
    "I1BlDqD5loBNH0erqeqJodtALAmLr4X86Jmkeynt3QVwlqXw",
    "F1DCDqD5loBNH0erqeqJodtALA1jVcFNf02UGGrgjlCY06lgUkVTVFVOSVRcUExVR0lOU0RFTElWRVJZQ0hBTk5FTFtXRUJTRVJWSUNFXQ",
    "I1DPa70Wf0zBA06CLkV9ovNQgQCAAAAA",
    "I1DS1km7hQHxB0i6-VfC-9MwAA",
    "I1ECDqD5loBNH0erqeqJodtALAQ_lRME1-QUKrnEUKhMgEUA",
    "I1ETDqD5loBNH0erqeqJodtALAjFPVfUpY-02A8uioGDSgIg",
    "I1ETDqD5loBNH0erqeqJodtALAkpSYp6uykE2Ku0yChDU91g",
    "I1EmDqD5loBNH0erqeqJodtALAYIKyyz2F5BGAxQAVXYRDBA",
    "I1FmDqD5loBNH0erqeqJodtALADqD5loBNH0cAAAAAAASwAg",
    "I1MSRDqD5loBNH0erqeqJodtALAT_x3jpGsKUCB1vtmvQHUMQ",
    "I1MVRDqD5loBNH0erqeqJodtALAT_x3jpGsKUCB1vtmvQHUMQlIYqmOlvs0ygEQnSeGSe7w",
    "I1NCEDqD5loBNH0erqeqJodtALAYIKyyz2F5BGAxQAVXYRDBAGyPedZG1sUmxOOclp3Flwg",
    "I1NRDqD5loBNH0erqeqJodtALA5bYfWno26BGgMQAVXYR0Ag",
    "I1NSLDqD5loBNH0erqeqJodtALA5bYfWno26BGgMQAVXYR0AgPUJJXNlEW1w78rnCXDmcDA",
    "I1NTDqD5loBNH0erqeqJodtALAtdcX5JH_5xGEKAAVXTSaAg",
    "I1RDDqD5loBNH0erqeqJodtALA8fbgUnyQW02v-gLGIxumSg",
    "I1RDDqD5loBNH0erqeqJodtALAquulo6433EKdHra7fsmL0g",
    "I1RSDqD5loBNH0erqeqJodtALA",
    "I1SIDqD5loBNH0erqeqJodtALASe6l8zgYokqdeeFilFI9tw",
    "I1SMDqD5loBNH0erqeqJodtALAgu8UrMAZB0qWp9H7C4TAXQ",
    "I1TPDqD5loBNH0erqeqJodtALAFPRV1lWW1kqmFRgvo4IAwQ",
    "I1TRXDqD5loBNH0erqeqJodtALAROsUFcWU5xGEQwAVXYTCAAROsUFcWU5xGEQwAVXYTCAA",
    "I1UCDqD5loBNH0erqeqJodtALATbkl-fxulEulDQAVw5HySQ",
    "I1UtDqD5loBNH0erqeqJodtALAjqwhgeI8lEeV4xeD1db0_A",
    "I1XCDqD5loBNH0erqeqJodtALAoko2-UoOVEibhTWQCk1MDw",
    "I1XPDqD5loBNH0erqeqJodtALABWwqmmFvekaFShbb-52MAw",
    "I1XRXDqD5loBNH0erqeqJodtALAfyWdysKU5xGEQwAVXYTCAAfyWdysKU5xGEQwAVXYTCAA",
    "I1XTG_auSSsvuECG8ad_p8b25QEZgtYQY_J06YnELl5cALiA",
    "I1XsDqD5loBNH0erqeqJodtALAWDOFEb-U5xGEQwAVXYTCAA",
)


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


def test_a_data_server_is_minted_as_in_the_example() -> None:
    text = "F1DSBd9Ab83Y90SNSjy4JtD5fQVk0tVFMtUEk"
    server = webid.parse(text).server
    assert server is not None
    assert webid.mint("Full", webid.DATA_SERVER, server=server, path="\\\\VM-TS-PI") == text


@pytest.mark.parametrize("text", DOCUMENTED)
def test_documented_examples_are_read_and_minted_again(text: str) -> None:
    """Their bytes tell the server, the owner and the object; the same parts give the same text."""
    read = webid.parse(text)
    assert read.server is not None
    kind = {"I": "IDOnly", "F": "Full"}[read.type]
    parts = {"server": read.server, "owner": read.owner, "item": read.object, "path": read.path or ""}
    assert webid.mint(kind, read.marker, **parts) == text


def test_the_examples_are_of_all_kinds() -> None:
    """All two-letter markers that are known."""
    markers = {webid.parse(text).kind for text in DOCUMENTED}
    assert markers == {*webid._PLAIN, *webid._OWNED}


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
