"""Messages of channels to rows of the live table. Pure; runs in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.historians.pi.decode.channel import decode_messages
from pi_lakeflow.historians.pi.decode.page import VALUE_KINDS, StreamMeta
from pi_lakeflow.historians.pi.recorded.assemble import Streams, assemble
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.historians.pi.tables.timeseries import TIMESTAMP
from pi_lakeflow.model.live import LiveRows, Message
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag

_ALWAYS = Span(-(1 << 59), 1 << 59)
_SCHEMA = PI_TIMESERIES_LIVE.arrow_schema


class ChannelDigest:
    """Knows the tags by WebId; streams of others are left out."""

    def __init__(self, tags: Mapping[str, Tag], ingested_at: int) -> None:
        self._ingested_at = ingested_at
        self.know(tags)

    def know(self, tags: Mapping[str, Tag]) -> None:
        """These are the tags from now on."""
        self._meta = {webid: StreamMeta(tag.point_type) for webid, tag in tags.items()}
        self.tags = dict(tags)

    def read(self, messages: Sequence[Message]) -> LiveRows:
        """All values, each with the time at which its message came."""
        found = decode_messages([message.body for message in messages], self._meta)
        streams = found.page.streams
        lengths = np.array([stream.length for stream in streams], np.int64)
        known = np.array([stream.webid in self.tags for stream in streams], bool)
        rows = found.page.rows
        of_row = np.repeat(np.arange(len(streams), dtype=np.int32), lengths)
        keep = np.repeat(known, lengths) & rows.column("ticks").is_valid().to_numpy(zero_copy_only=False)
        if not keep.all():
            rows, of_row = rows.filter(pa.array(keep)), of_row[keep]
        tags = [self.tags.get(stream.webid, _NOBODY) for stream in streams]
        whose = Streams(of_row, tags, [stream.units for stream in streams])
        batch = assemble(rows, whose, _ALWAYS, kinds=VALUE_KINDS, ingested_at=self._ingested_at)
        message_of = found.message_of[of_row] if len(of_row) else np.empty(0, np.int64)
        arrived = np.array([message.at for message in messages], np.int64)[message_of]
        return LiveRows(live_rows(batch, arrived, "channel"), message_of, found.broken)


def live_rows(batch: pa.RecordBatch, received_at: npt.NDArray[np.int64], origin: str) -> pa.Table:
    """Rows of the recorded table as rows of the live one."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns["received_at"] = pa.array(received_at).view(TIMESTAMP)
    columns["origin"] = pc.cast(pa.repeat(origin, batch.num_rows), pa.string())
    return pa.Table.from_arrays(
        [pc.cast(columns[field.name], field.type) for field in _SCHEMA], schema=_SCHEMA
    )


_NOBODY = Tag("", "")
