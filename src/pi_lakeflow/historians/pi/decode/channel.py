"""Messages of channels: bytes in, Arrow out, no I/O (PI Web API reference, topic Channels).

Each message is a streamset that holds only the streams with news. Live events come under
``Items[].Items[]``; the vendor's description types some routes as ``Items[].Value``, which is read
as well. Many messages are read at once, since reading them one by one costs more than their values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.lenient import items_of, page_of, parse
from pi_lakeflow.historians.pi.decode.page import RAW_SCHEMA, RecordedPage, StreamMeta, StreamRows
from pi_lakeflow.historians.pi.decode.recorded import decode_recorded
from pi_lakeflow.historians.pi.decode.single import as_recorded

_HEAD, _TAIL = b'{"Links":{},"Items":[', b"]}"
_STREAM = b'"WebId":"'  # cannot occur inside a JSON text, where the quotes would be escaped


@dataclass(frozen=True, slots=True)
class Messages:
    """What some messages hold: ``message_of`` is the place of each stream's message in the list;
    ``broken`` names the messages that cannot be read, by place, and what is wrong with them."""

    page: RecordedPage
    message_of: npt.NDArray[np.int64]
    broken: tuple[tuple[int, str], ...] = ()


def decode_messages(bodies: Sequence[bytes], meta: Mapping[str, StreamMeta]) -> Messages:
    """All events of ``bodies``, in order. A value that failed is a row that is not good; rows whose
    time cannot be read have no ticks. Safe to call from several threads at once.
    """
    joined = _joined(bodies)
    if joined is not None:
        body, counts = joined
        try:
            page = decode_recorded(body, meta)
        except Transient:
            page = None
        if page is not None and len(page.streams) == sum(counts) and not any(s.error for s in page.streams):
            return Messages(page, np.repeat(np.arange(len(counts)), counts))
    return _one_by_one(bodies, meta)


def _joined(bodies: Sequence[bytes]) -> tuple[bytes, list[int]] | None:
    """All messages as one, and how many streams each has; None when one looks unusual."""
    counts, parts = [], []
    for body in bodies:
        if not (body.startswith(_HEAD) and body.endswith(_TAIL)):
            return None
        counts.append(body.count(_STREAM))
        if counts[-1]:
            parts.append(body[len(_HEAD) : -len(_TAIL)])
    return _HEAD + b",".join(parts) + _TAIL, counts


def _one_by_one(bodies: Sequence[bytes], meta: Mapping[str, StreamMeta]) -> Messages:
    pages: list[RecordedPage] = []
    counts: list[int] = []
    broken: list[tuple[int, str]] = []
    for place, body in enumerate(bodies):
        try:
            page = page_of([_as_list(stream) for stream in items_of(parse(body))], meta)
        except Transient as error:
            broken.append((place, error.message))
            counts.append(0)
        else:
            pages.append(page)
            counts.append(len(page.streams))
    return Messages(_together(pages), np.repeat(np.arange(len(counts)), counts), tuple(broken))


def _as_list(stream: dict[str, Any]) -> dict[str, Any]:
    return stream if isinstance(stream.get("Items"), list) else as_recorded(stream)


def _together(pages: Sequence[RecordedPage]) -> RecordedPage:
    streams: list[StreamRows] = []
    offset = 0
    for page in pages:
        streams += [StreamRows(s.webid, s.offset + offset, s.length, s.units, s.error) for s in page.streams]
        offset += page.rows.num_rows
    table = pa.Table.from_batches([page.rows for page in pages], schema=RAW_SCHEMA).combine_chunks()
    batches = table.to_batches()
    rows = batches[0] if batches else pa.RecordBatch.from_pylist([], schema=RAW_SCHEMA)
    return RecordedPage(rows, tuple(streams))
