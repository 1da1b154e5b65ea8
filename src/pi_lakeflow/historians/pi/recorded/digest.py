"""One answer to rows, with what the next page of each stream needs. Pure; runs in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pi_lakeflow.historians.pi.decode.recorded import (
    VALUE_KINDS,
    RecordedPage,
    StreamMeta,
    StreamRows,
    decode_recorded,
)
from pi_lakeflow.historians.pi.recorded.assemble import TICKS, Carry, Streams, assemble, ticks_of
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag


class Border(msgspec.Struct, frozen=True, gc=False):
    """Where a page ended: the tick of its last event and how many events of that tick are held."""

    ticks: int
    held: int
    carry: Carry


class StreamPage(msgspec.Struct, frozen=True, gc=False):
    """One stream of a page: ``returned`` events came, ``kept`` of them lie in the span.

    ``border`` is None when nothing new came. ``error`` says why the stream cannot be trusted.
    """

    tag: Tag
    returned: int
    kept: int
    border: Border | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """Rows in the schema of the table, and the streams that they came from."""

    batch: pa.RecordBatch
    streams: tuple[StreamPage, ...]


class Shifted(Exception):
    """The archive changed under a page border: fewer events than before at the border's tick."""


def digest_first(body: bytes, tags: Sequence[Tag], span: Span, *, ingested_at: int) -> Digest:
    """The first page of several streams. Streams that were not asked for are ignored."""
    wanted = {tag.webid: tag for tag in tags}
    page = decode_recorded(body, _meta(tags))
    seen: dict[str, int] = {}
    for stream in page.streams:
        seen[stream.webid] = seen.get(stream.webid, 0) + 1
    disorder = _disordered(page)
    errors: dict[str, str] = {}
    use: list[StreamRows] = []
    for index, stream in enumerate(page.streams):
        if stream.webid not in wanted:
            continue
        error = stream.error or _structural_error(seen[stream.webid], index in disorder)
        if error is not None:
            errors[stream.webid] = error
        else:
            use.append(stream)
    rows, of_row = _rows_of(page, use)
    streams = Streams(of_row, [wanted[s.webid] for s in use], [s.units for s in use])
    batch = assemble(rows, streams, span, kinds=VALUE_KINDS, ingested_at=ingested_at)
    kept = _kept_per_stream(rows, of_row, span, len(use))
    borders = _first_borders(ticks_of(rows), [stream.length for stream in use])
    pages = [
        StreamPage(wanted[s.webid], s.length, count, border)
        for s, count, border in zip(use, kept.tolist(), borders, strict=True)
    ]
    pages += [StreamPage(wanted[webid], 0, 0, None, error) for webid, error in errors.items()]
    missing = wanted.keys() - seen.keys()
    pages += [StreamPage(wanted[w], 0, 0, None, "the answer lacks this stream") for w in sorted(missing)]
    return Digest(batch, tuple(pages))


def digest_next(body: bytes, tag: Tag, span: Span, border: Border, *, ingested_at: int) -> Digest:
    """A further page of one stream, asked from ``border.ticks`` on; held events are dropped.

    Raises ``Shifted`` when events that were held are no longer there.
    """
    page = decode_recorded(body, {tag.webid: StreamMeta(tag.point_type)})
    streams = [stream for stream in page.streams if stream.webid == tag.webid]
    if len(streams) != 1:
        problem = "answered twice" if streams else "missing in the answer"
        return Digest(_nothing(page, tag, span, ingested_at), (StreamPage(tag, 0, 0, None, problem),))
    stream = streams[0]
    error = stream.error or _structural_error(1, bool(_disordered(page)))
    if error is not None:
        return Digest(_nothing(page, tag, span, ingested_at), (StreamPage(tag, 0, 0, None, error),))
    rows = page.rows.slice(stream.offset, stream.length)
    ticks = ticks_of(rows)
    again = int(np.searchsorted(ticks, border.ticks, side="right") - np.searchsorted(ticks, border.ticks))
    if again < border.held:
        raise Shifted
    rows = rows.slice(int(np.searchsorted(ticks, border.ticks)) + border.held)
    of_row = np.zeros(rows.num_rows, np.int32)
    batch = assemble(
        rows,
        Streams(of_row, [tag], [stream.units]),
        span,
        kinds=VALUE_KINDS,
        ingested_at=ingested_at,
        carry=border.carry,
    )
    new_border = _border(ticks_of(rows), border)
    return Digest(batch, (StreamPage(tag, stream.length, batch.num_rows, new_border),))


def _meta(tags: Sequence[Tag]) -> Mapping[str, StreamMeta]:
    return {tag.webid: StreamMeta(tag.point_type) for tag in tags}


def _structural_error(times: int, disordered: bool) -> str | None:
    if times > 1:
        return "the answer holds this stream twice"
    return "the events are not in time order" if disordered else None


def _disordered(page: RecordedPage) -> set[int]:
    """Places of the streams whose events go back in time; paging by timestamp would lose some."""
    ticks = _ticks_or_zero(page.rows)
    back = np.flatnonzero(ticks[1:] < ticks[:-1]) + 1
    if not len(back):
        return set()
    starts = np.array([stream.offset for stream in page.streams if stream.length])
    places = [i for i, stream in enumerate(page.streams) if stream.length]
    inner = back[~np.isin(back, starts)]
    return {places[int(i)] for i in np.searchsorted(starts, inner, side="right") - 1}


def _ticks_or_zero(rows: pa.RecordBatch) -> NDArray[np.int64]:
    column = rows.column("ticks")
    ticks: NDArray[np.int64] = (column.fill_null(0) if column.null_count else column).to_numpy()
    return ticks


def _rows_of(page: RecordedPage, use: Sequence[StreamRows]) -> tuple[pa.RecordBatch, NDArray[np.int32]]:
    lengths = np.array([stream.length for stream in use], np.int64)
    of_row = np.repeat(np.arange(len(use), dtype=np.int32), lengths)
    if len(of_row) == page.rows.num_rows:
        return page.rows, of_row
    places = [np.arange(s.offset, s.offset + s.length) for s in use]
    picked = np.concatenate(places) if places else np.empty(0, np.int64)
    return page.rows.take(pa.array(picked, pa.int64())), of_row


def _kept_per_stream(
    rows: pa.RecordBatch, of_row: NDArray[np.int32], span: Span, streams: int
) -> NDArray[np.int64]:
    ticks = ticks_of(rows)
    inside = (ticks >= span.start * TICKS) & (ticks < span.end * TICKS)
    return np.bincount(of_row[inside], minlength=streams)


def _first_borders(ticks: NDArray[np.int64], lengths: Sequence[int]) -> list[Border | None]:
    """The borders of streams that follow one another in ``ticks``, which nothing was held of before.

    Nearly always the last event is alone in its microsecond; only the others are looked at one by one.
    """
    ends = np.cumsum(lengths, dtype=np.int64)
    some = np.array(lengths, np.int64) > 0
    last = ticks[ends[some] - 1]
    before = np.where(np.array(lengths, np.int64)[some] > 1, ticks[np.maximum(ends[some] - 2, 0)], -TICKS)
    alone = iter((before // TICKS != last // TICKS).tolist())
    lasts = iter(last.tolist())
    borders: list[Border | None] = []
    for end, length in zip(ends.tolist(), lengths, strict=True):
        if length == 0:
            borders.append(None)
            continue
        tick = next(lasts)
        if next(alone):
            borders.append(Border(tick, 1, Carry(tick // TICKS, 1)))
        else:
            borders.append(_border(ticks[end - length : end], None))
    return borders


def _border(ticks: NDArray[np.int64], before: Border | None) -> Border | None:
    """The border after these events (which exclude what ``before`` holds)."""
    if len(ticks) == 0:
        return before
    last = int(ticks[-1])
    held = len(ticks) - int(np.searchsorted(ticks, last))
    micros = last // TICKS
    count = len(ticks) - int(np.searchsorted(ticks, micros * TICKS))
    if before is not None:
        held += before.held if before.ticks == last else 0
        count += before.carry.count if before.carry.micros == micros else 0
    return Border(last, held, Carry(micros, count))


def _nothing(page: RecordedPage, tag: Tag, span: Span, ingested_at: int) -> pa.RecordBatch:
    streams = Streams(np.empty(0, np.int32), [tag], [None])
    return assemble(page.rows.slice(0, 0), streams, span, kinds=VALUE_KINDS, ingested_at=ingested_at)
