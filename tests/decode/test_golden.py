"""Answers of ``streamsets/recorded`` as files, one oddity each, with the rows that must come out.

A file of ``tests/golden/recorded`` has a sentence, then sections: ``meta`` (point types by WebId),
``body``, and either ``rows`` with ``streams`` or ``error`` (a part of the message). A row is
``[ticks, value, value_text, state_code, value_kind, good, questionable, substituted, annotated]``, a
stream ``[webid, offset, length, units, error]``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.decode import reference

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.recorded import StreamMeta, decode_recorded

FILES = sorted((Path(__file__).parents[1] / "golden" / "recorded").glob("*.txt"))


def sections(file: Path) -> dict[str, bytes]:
    """The sections of a golden file by name; the sentence at its head is ``about``."""
    head, *parts = file.read_bytes().split(b"\n--- ")
    named = (part.partition(b"\n") for part in parts)
    return {"about": head, **{name.decode(): text for name, _, text in named}}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_golden(file: Path) -> None:
    golden = sections(file)
    body = golden["body"]
    types = json.loads(golden["meta"])
    meta = {webid: StreamMeta(point_type) for webid, point_type in types.items()}
    if "error" in golden:
        with pytest.raises(Transient) as raised:
            decode_recorded(body, meta)
        assert golden["error"].decode().strip() in str(raised.value)
        return
    page = decode_recorded(body, meta)
    rows, _ = reference.plain(page)
    expected = [tuple(json.loads(line)) for line in golden["rows"].splitlines() if line]
    assert reference.same(rows, expected)
    streams = [[s.webid, s.offset, s.length, s.units, s.error] for s in page.streams]
    assert streams == [json.loads(line) for line in golden["streams"].splitlines() if line]
    assert reference.identical(decode_lenient(body.removeprefix(b"\xef\xbb\xbf"), meta), page)


def test_there_are_golden_files() -> None:
    assert len(FILES) > 30
