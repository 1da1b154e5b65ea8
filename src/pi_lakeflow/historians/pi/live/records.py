"""Messages as dictionaries, for callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pi_lakeflow.historians.pi.decode.channel import Messages
from pi_lakeflow.historians.pi.decode.page import VALUE_KINDS
from pi_lakeflow.model.tags import Tag

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = ("value", "value_text", "state_code", "good", "questionable", "substituted", "annotated")


def records_of(messages: Messages, tags: Mapping[str, Tag], at: int) -> list[dict[str, Any]]:
    """One dictionary for each event of the streams in ``tags``; ``at`` is when they came
    (microseconds since 1970 UTC). Events without a time are left out.
    """
    rows = messages.page.rows
    ticks = rows.column("ticks").to_pylist()
    kinds = rows.column("value_kind").to_pylist()
    plain = [rows.column(name).to_pylist() for name in _PLAIN]
    received = _EPOCH + timedelta(microseconds=at)
    records = []
    for stream in messages.page.streams:
        tag = tags.get(stream.webid)
        if tag is None:
            continue
        about = {"tag_webid": tag.webid, "tag_name": tag.name, "units": stream.units or tag.units}
        for row in range(stream.offset, stream.offset + stream.length):
            if ticks[row] is not None:
                record = {**about, "timestamp": _EPOCH + timedelta(microseconds=ticks[row] // 10)}
                record |= {name: column[row] for name, column in zip(_PLAIN, plain, strict=True)}
                records.append({**record, "value_kind": VALUE_KINDS[kinds[row]], "received_at": received})
    return records
