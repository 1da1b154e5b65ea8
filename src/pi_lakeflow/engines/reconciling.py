"""Compares what the lake holds with what the archive has, as cheaply as that can be decided.

By counts of events in windows of 24 hours. Servers differ in whether they count bad events; where
that matters, a window of one tag is read to find out which kind this server is. What counts cannot
decide is read and compared event by event.

Equal counts do not prove equal content: an edit changes no count, and a server that counts good
events only does not show a bad one that came late. Reading (``read=True``) proves it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from pi_lakeflow.engines.correcting import Again, Rereading, rows_of
from pi_lakeflow.engines.embedded import EngineSize, Stop
from pi_lakeflow.flow.scope import Spans, tally, together
from pi_lakeflow.model.ports import EventCounter, Table, UnitReader
from pi_lakeflow.model.span import DAY, Span
from pi_lakeflow.model.tags import Tag

WINDOW = DAY
Method = Literal["count", "read"]
_LESSONS = 5  # windows read at most to learn what the server counts


@dataclass(frozen=True, slots=True)
class Finding:
    """One tag over one span: events in the lake and on the server (None: it does not say)."""

    tag: Tag
    span: Span
    lake: int
    server: int | None
    method: Method
    verdict: Literal["equal", "differs", "unread"]


@dataclass(frozen=True, slots=True)
class _Held:
    """Events of the lake: all, and the good ones."""

    rows: int = 0
    good: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """A window of one tag."""

    webid: str
    span: Span


@dataclass(slots=True)
class _Seen:
    """What comparing by reading saw: events in each window that differ, and all of the archive."""

    changed: Counter[_Place] = field(default_factory=Counter)
    archive: Counter[_Place] = field(default_factory=Counter)
    unread: set[str] = field(default_factory=set)


class Reconciler:
    """Finds differences; writes nothing."""

    def __init__(
        self,
        counter: EventCounter,
        reader: UnitReader,
        *,
        data: Table,
        size: EngineSize | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._counter = counter
        self._reader = reader
        self._data = data
        self._size = size
        self._stop = stop
        self._counts: Literal["all", "good"] | None = None  # what the server counts, once known

    async def run(self, spans: Spans, tags: Mapping[str, Tag], *, read: bool = False) -> list[Finding]:
        """A finding for each window that differs, and one for all others of each tag and span."""
        groups = together(spans)
        held: dict[_Place, _Held] = {}
        for mine, webids in groups.items():
            for span in mine:
                held |= await self._held(webids, span)
        if read:
            return _merged(await self._read(held, tags), groups)
        servers: dict[_Place, float | None] = {}
        for mine, webids in groups.items():
            for span in mine:
                servers |= await self._ask([tags[webid] for webid in webids], span)
        await self._learn(held, servers, tags)
        found: list[Finding] = []
        undecided: dict[_Place, _Held] = {}
        for place, mine_held in held.items():
            equal = self._equal(servers[place], mine_held)
            if equal is None:
                undecided[place] = mine_held
            else:
                found.append(_counted(tags[place.webid], place.span, mine_held, servers[place], equal=equal))
        return _merged(found + await self._read(undecided, tags), groups)

    async def _held(self, webids: Sequence[str], span: Span) -> dict[_Place, _Held]:
        table = await asyncio.to_thread(self._data.tally, webids, span, step=WINDOW, flag="good")
        return {_Place(webid, window): _Held() for webid in webids for window in _windows(span)} | _places(
            table, span
        )

    async def _ask(self, tags: Sequence[Tag], span: Span) -> dict[_Place, float | None]:
        counts = await self._counter.count(tags, span, step=WINDOW)
        return {
            _Place(tag.webid, window): count
            for tag in tags
            for window, count in zip(
                _windows(span), counts.get(tag.webid) or [None] * len(_windows(span)), strict=True
            )
        }

    def _equal(self, server: float | None, held: _Held) -> bool | None:
        """None when the counts cannot decide."""
        if server is None:
            return None
        if held.rows == held.good or self._counts == "all":
            return server == held.rows
        if self._counts == "good":
            return server == held.good
        return None if server in (held.rows, held.good) else False

    async def _learn(
        self,
        held: Mapping[_Place, _Held],
        servers: Mapping[_Place, float | None],
        tags: Mapping[str, Tag],
    ) -> None:
        """Read a few small windows with bad events, until one tells whether the server counts those."""
        open_places = [
            (mine.rows, place.webid, place.span)
            for place, mine in held.items()
            if servers[place] is not None and self._equal(servers[place], mine) is None
        ]
        for _, webid, span in sorted(open_places)[:_LESSONS]:
            rows = rows_of(self._data, await self._pieces({webid: [span]}, tags))
            counted = tally(self._data.spec, rows, [webid], span, step=WINDOW, flag="good")
            archive = _places(counted, span).get(_Place(webid, span), _Held())
            server = servers[_Place(webid, span)]
            if archive.rows != archive.good and server in (archive.rows, archive.good):
                self._counts = "all" if server == archive.rows else "good"
                return

    async def _pieces(self, spans: Spans, tags: Mapping[str, Tag]) -> list[Again]:
        rereading = Rereading(self._reader, self._data, size=self._size, stop=self._stop)
        rereading.want(spans)
        found: list[Again] = []
        while some := await rereading.some(tags):
            found += some
        return found

    async def _read(self, held: Mapping[_Place, _Held], tags: Mapping[str, Tag]) -> list[Finding]:
        """Compare event by event."""
        spans: dict[str, list[Span]] = defaultdict(list)
        for place in held:
            spans[place.webid].append(place.span)
        rereading = Rereading(self._reader, self._data, size=self._size, stop=self._stop)
        rereading.want(spans)
        seen = _Seen()
        while pieces := await rereading.some(tags):
            await asyncio.to_thread(self._compare, pieces, spans, seen)
            seen.unread |= {failure.tag.webid for each in pieces for failure in each.piece.failures}
        if rereading.interrupted:
            seen.unread |= spans.keys()
        return [_compared(tags[place.webid], place, mine, seen) for place, mine in held.items()]

    def _compare(self, pieces: Sequence[Again], windows: Spans, seen: _Seen) -> None:
        spans: dict[str, list[Span]] = defaultdict(list)
        for each in pieces:
            for webid in each.webids:
                spans[webid].append(each.piece.span)
        rows = rows_of(self._data, pieces)
        subject, time = self._data.spec.key[:2]
        differing = self._data.compare(spans, rows)
        seen.changed.update(_spread(differing[subject], differing[time], windows))
        seen.archive.update(_spread(rows[subject], rows[time], windows))


def _windows(span: Span) -> list[Span]:
    starts = range(span.start, span.end, WINDOW)
    return [Span(start, min(start + WINDOW, span.end)) for start in starts]


def _places(table: pa.Table, span: Span) -> dict[_Place, _Held]:
    windows = _windows(span)
    return {
        _Place(row["subject"], windows[row["window"]]): _Held(row["rows"], row["flagged"])
        for row in table.to_pylist()
    }


def _spread(subjects: pa.ChunkedArray, times: pa.ChunkedArray, windows: Spans) -> Counter[_Place]:
    """How many rows lie in each window of their tag."""
    names = subjects.combine_chunks().dictionary_encode()
    codes, micros = names.indices.to_numpy(), times.cast(pa.int64()).to_numpy()
    order = np.lexsort((micros, codes))
    codes, micros = codes[order], micros[order]
    found: Counter[_Place] = Counter()
    for code, webid in enumerate(names.dictionary.to_pylist()):
        mine = micros[np.searchsorted(codes, code) : np.searchsorted(codes, code, "right")]
        for span in windows[webid]:
            low, high = np.searchsorted(mine, [span.start, span.end])
            found[_Place(webid, span)] += int(high - low)
    return found


def _counted(tag: Tag, span: Span, held: _Held, server: float | None, *, equal: bool) -> Finding:
    told = None if server is None else int(server)
    lake = held.good if told == held.good else held.rows
    return Finding(tag, span, lake, told, "count", "equal" if equal else "differs")


def _compared(tag: Tag, place: _Place, held: _Held, seen: _Seen) -> Finding:
    if place.webid in seen.unread:
        return Finding(tag, place.span, held.rows, None, "read", "unread")
    verdict: Literal["equal", "differs"] = "differs" if seen.changed[place] else "equal"
    return Finding(tag, place.span, held.rows, seen.archive[place], "read", verdict)


def _merged(findings: Sequence[Finding], groups: Mapping[tuple[Span, ...], Sequence[str]]) -> list[Finding]:
    """Differences as they are; all equal windows of a tag and span as one."""
    whole = {
        _Place(webid, window): span
        for spans, webids in groups.items()
        for span in spans
        for webid in webids
        for window in _windows(span)
    }
    kept = [finding for finding in findings if finding.verdict == "differs"]
    others: dict[tuple[str, Span, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.verdict != "differs":
            span = whole[_Place(finding.tag.webid, finding.span)]
            others[finding.tag.webid, span, finding.verdict].append(finding)
    for (_, span, _), parts in others.items():
        servers = [part.server for part in parts]
        told = None if None in servers else sum(server or 0 for server in servers)
        method: Method = "read" if any(part.method == "read" for part in parts) else "count"
        kept.append(Finding(parts[0].tag, span, sum(p.lake for p in parts), told, method, parts[0].verdict))
    return kept
