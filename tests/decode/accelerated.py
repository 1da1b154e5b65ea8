"""The accelerated route with the loop that numba compiled, once for all tests of a process."""

from __future__ import annotations

from collections.abc import Mapping

from pi_lakeflow.historians.pi.decode.compiled import decode_compiled
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
from pi_lakeflow.historians.pi.decode.page import RecordedPage, StreamMeta


def decode_accelerated(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    scan = COMPILER.wait()
    assert scan is not None
    return decode_compiled(body, meta, scan)
