"""Messages as dictionaries, for callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pi_lakeflow.historians.pi.decode.channel import Messages
from pi_lakeflow.historians.pi.decode.page import VALUE_KINDS
from pi_lakeflow.model.tags import Tag

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def records_of(
    messages: Messages, tags: Mapping[str, Tag], ats: Sequence[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The place of its message and a dictionary, for each event of the streams in ``tags``.

    ``ats`` says when each message came (microseconds since 1970 UTC). Events without a time are
    left out.
    """
    columns = _columns(messages.page.rows)
    whose = messages.message_of.tolist()
    for stream, place in zip(messages.page.streams, whose, strict=True):
        tag = tags.get(stream.webid)
        if tag is None:
            continue
        units, received = stream.units or tag.units, _moment(ats[place])
        for row in range(stream.offset, stream.offset + stream.length):
            ticks, value, text, code, kind, good, questionable, substituted, annotated = columns[row]
            if ticks is not None:
                yield (
                    place,
                    {
                        "tag_webid": tag.webid,
                        "tag_name": tag.name,
                        "timestamp": _EPOCH + timedelta(microseconds=ticks // 10),
                        "value": value,
                        "value_text": text,
                        "state_code": code,
                        "value_kind": VALUE_KINDS[kind],
                        "units": units,
                        "good": good,
                        "questionable": questionable,
                        "substituted": substituted,
                        "annotated": annotated,
                        "received_at": received,
                    },
                )


def _columns(rows: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """The rows as tuples."""
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
