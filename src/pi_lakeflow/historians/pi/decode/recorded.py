"""Recorded events of ``GET /streamsets/recorded``: bytes in, Arrow out, no I/O.

Several routes stand behind one function, each reading all that it accepts in the same way: bytes
that keep to one layout (``compiled``, as soon as it is; ``speculative``), any JSON of the usual types
(``typed``), anything (``lenient``). The first that fits reads the body.

* Number: ``value`` is the correctly rounded double of the token. An integer beyond 2^53 also
  keeps its digits in ``value_text``. A token beyond the doubles (``1E400``) becomes an infinity,
  and ``value_text`` keeps the token.
* ``{"Name","Value","IsSystem"}``: kind ``system`` when ``IsSystem`` is true, else ``digital``;
  never a number. A code that is no 32-bit integer becomes null.
* Boolean: kind ``boolean``, ``value_text`` is ``true`` or ``false``.
* String: kind ``text``, or ``timestamp`` or ``blob`` for points of that type. In numeric points
  the strings ``NaN``, ``Infinity`` and ``-Infinity`` are numbers; as bare tokens everywhere.
* Array, or an object that is no state: kind ``text`` (``blob`` for Blob points), compact JSON.
* Failures (``Errors`` of a stream or an event, ``Value`` with ``Errors``, a time that cannot be
  read) set ``StreamRows.error``; the row then has ``good`` false and kind ``null``, or the value
  that came with the failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import thread_time

from pi_lakeflow.historians.pi.decode.compiled import decode_compiled
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.page import (
    RAW_SCHEMA,
    VALUE_KINDS,
    RecordedPage,
    StreamMeta,
    StreamRows,
)
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import Misfit, decode_typed

__all__ = ["RAW_SCHEMA", "VALUE_KINDS", "RecordedPage", "StreamMeta", "StreamRows", "decode_recorded"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode_recorded(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    """The page that ``body`` holds; ``meta`` is by WebId and may lack streams.

    Raises ``Transient`` when the body is not JSON, is cut, is not a streamset's answer, has a
    stream without WebId, or carries ``WebException`` or ``Errors`` for the answer as a whole.
    Safe to call from several threads at once.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    for route in (_accelerated, _fast, decode_typed):
        try:
            return route(body, meta)
        except Misfit:
            continue
    return decode_lenient(body, meta)


def _accelerated(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    scan = COMPILER.scan
    if scan is None:
        raise Misfit("not compiled")
    return decode_compiled(body, meta, scan)


def _fast(body: bytes, meta: Mapping[str, StreamMeta]) -> RecordedPage:
    began = thread_time()
    page = decode_speculative(body, meta)
    COMPILER.spent(thread_time() - began)
    return page
