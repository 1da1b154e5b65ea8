"""Reads one work unit of ``pi_timeseries`` from ``GET /streamsets/recorded``.

The archive cuts an answer at ``maxCount`` events per stream and says nothing. So: an answer as
long as was allowed is continued from its last tick inclusive, without the events held already;
when one tick fills an answer the next one is larger; past the server's limit the tag is left
behind with a message. A unit that turns out too large for memory ends earlier than planned.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pyarrow as pa

from pi_lakeflow.errors import PiLakeflowError, Refused, SourceUnavailable, TooLarge, Transient
from pi_lakeflow.historians.pi.recorded.assemble import TICKS, Carry, trim
from pi_lakeflow.historians.pi.recorded.digest import (
    Border,
    Digest,
    Shifted,
    StreamPage,
    digest_first,
    digest_next,
)
from pi_lakeflow.historians.pi.recorded.packing import AnswerSize, Call, Sizer, pack, page_size
from pi_lakeflow.historians.pi.wire.transport import Transport
from pi_lakeflow.model.events import BatchDecoded, Observer, RequestRetried, ignore
from pi_lakeflow.model.span import Span, iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Piece, TagFailure, WorkUnit

# Everything that decides a row, and nothing else: `Errors` on all levels, because a value that
# failed is null and may still claim to be good.
FIELDS = (
    "Items.WebId;Items.UnitsAbbreviation;Items.Errors;Items.Items.Timestamp;Items.Items.Value;"
    "Items.Items.Good;Items.Items.Questionable;Items.Items.Substituted;Items.Items.Annotated;"
    "Items.Items.Errors;Links.Next;WebException;Errors"
)
_DECODE_ATTEMPTS = 4
_RESTARTS = 3


def iso_ticks(ticks: int) -> str:
    """ISO 8601 with the server's seven digits."""
    seconds, fraction = divmod(ticks, 10_000_000)
    whole = iso(seconds * 1_000_000)[:-1]
    return f"{whole}.{fraction:07d}Z" if fraction else f"{whole}Z"


@dataclass(slots=True)
class _Cursor:
    """How far one tag is within the unit."""

    tag: Tag
    border: Border | None = None
    kept: int = 0
    reach: int = 0  # microseconds of the unit in which `kept` events were counted
    cut: bool = False  # the last page was as long as allowed: more may follow
    page: int = 0  # events asked for at a time
    restarts: int = 0

    def unfinished(self, end: int) -> bool:
        return self.cut and (self.border is None or self.border.ticks < end * TICKS)


@dataclass(slots=True)
class _Job:
    """A unit being read. ``end`` may come down while pages arrive; it never goes up."""

    unit: WorkUnit
    end: int
    cursors: dict[str, _Cursor]
    batches: list[pa.RecordBatch] = field(default_factory=list)
    failures: dict[str, TagFailure] = field(default_factory=dict)

    @property
    def span(self) -> Span:
        return Span(self.unit.span.start, self.end)

    def unfinished(self) -> list[_Cursor]:
        return [
            c for c in self.cursors.values() if c.unfinished(self.end) and c.tag.webid not in self.failures
        ]

    def fail(self, tag: Tag, error: PiLakeflowError | str) -> None:
        if isinstance(error, str):
            self.failures[tag.webid] = TagFailure(tag, error)
        else:
            status = error.status if isinstance(error, Refused) else None
            self.failures[tag.webid] = TagFailure(tag, _told(error), status, error.hint)

    def absorb(self, digest: Digest, allowed: int) -> None:
        self.batches.append(digest.batch)
        for page in digest.streams:
            self._advance(page, allowed)

    def _advance(self, page: StreamPage, allowed: int) -> None:
        if page.error is not None:
            self.fail(page.tag, page.error)
            return
        cursor = self.cursors[page.tag.webid]
        stuck = (
            page.border is not None and cursor.border is not None and page.border.ticks == cursor.border.ticks
        )
        cursor.cut = page.returned >= allowed
        cursor.page = allowed * 4 if cursor.cut and stuck else max(cursor.page, allowed)
        cursor.border = page.border or cursor.border
        cursor.kept += page.kept
        last = self.end
        if cursor.cut and cursor.border is not None:
            last = min(last, cursor.border.ticks // TICKS)
        cursor.reach = max(1, last - self.unit.span.start)

    def shorten(self, row_limit: int) -> None:
        """End the unit earlier when its events at the pace seen so far exceed ``row_limit``."""
        length = self.end - self.unit.span.start
        pace = sum(cursor.kept / max(1, cursor.reach) for cursor in self.cursors.values())
        if pace * length > row_limit and length > 1:
            self.end = self.unit.span.start + max(1, min(length // 2, int(row_limit / pace)))

    def piece(self) -> Piece:
        """The rows of what was read whole, in order of arrival."""
        failed = tuple(self.failures)
        if failed or self.end < self.unit.span.end:
            self.batches = [trim(batch, self.end, failed) for batch in self.batches]
        batches = [batch for batch in self.batches if batch.num_rows]
        rows = sum(batch.num_rows for batch in batches)
        return Piece(self.unit, self.span, batches, rows, tuple(self.failures.values()))


class RecordedReader:
    """Reads units of recorded events; remembers each tag's density to pack the next calls.

    ``ingested_at`` (microseconds) stamps every row; ``pool`` runs decoding off the event loop;
    ``rates`` are expected events per microsecond by WebId, where known.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        ingested_at: int,
        pool: Executor,
        size: AnswerSize | Sizer | None = None,
        rates: Mapping[str, float] | None = None,
        observer: Observer = ignore,
    ) -> None:
        self._transport = transport
        self._ingested_at = ingested_at
        self._pool = pool
        self._sizer = size if isinstance(size, Sizer) else Sizer(size or AnswerSize())
        self._observer = observer
        self._rates: dict[str, float] = dict(rates or {})
        self._seen: set[str] = set()

    @property
    def rates(self) -> dict[str, float]:
        """Events per microsecond of the tags that were read, as seen lately."""
        return {webid: self._rates[webid] for webid in self._seen}

    @property
    def _size(self) -> AnswerSize:
        return self._sizer.size

    async def read(self, unit: WorkUnit, *, row_limit: int) -> Piece:
        """All events of the unit's tags in its span, or in its first part if they are too many.

        Raises ``SourceUnavailable`` when the server does not answer at all, ``AuthRefused`` when
        it no longer knows us; everything else ends up in ``Piece.failures``.
        """
        job = _Job(unit, unit.span.end, {tag.webid: _Cursor(tag) for tag in unit.tags})
        calls = pack(unit.tags, unit.span, rates=self._rates, size=self._size)
        await _all([self._first(job, call) for call in calls])
        while job.unfinished():
            job.shorten(row_limit)
            await _all([self._next(job, cursor) for cursor in job.unfinished()])
        self._remember(job)
        return job.piece()

    async def _first(self, job: _Job, call: Call) -> None:
        span = job.unit.span

        def digest(body: bytes) -> Digest:
            return digest_first(body, call.tags, span, ingested_at=self._ingested_at)

        try:
            answer = await self._ask(call.tags, iso(span.start), iso(span.end), call.max_count, digest)
        except TooLarge as error:
            await self._ask_less(job, call, error)
        except Refused as error:
            await self._halve(job, call, error)
        except SourceUnavailable as error:
            await self._require_server()
            await self._halve(job, call, error)
        else:
            job.absorb(answer, call.max_count)

    async def _ask_less(self, job: _Job, call: Call, error: TooLarge) -> None:
        """The server named a lower limit, or the answer was too long."""
        if error.limit is not None and error.limit < len(call.tags) * call.max_count:
            self._sizer.limit(items=max(1, error.limit))
            calls = pack(call.tags, job.unit.span, rates=self._rates, size=self._size)
            await _all([self._first(job, each) for each in calls])
        elif len(call.tags) > 1:
            await self._halve(job, call, error)
        elif call.max_count > 1:
            await self._first(job, Call(call.tags, call.max_count // 2))
        else:
            job.fail(call.tags[0], error)

    async def _halve(self, job: _Job, call: Call, error: PiLakeflowError) -> None:
        """One tag spoils the answer of all: find it."""
        if len(call.tags) == 1:
            job.fail(call.tags[0], error)
            return
        middle = len(call.tags) // 2
        halves = [Call(call.tags[:middle], call.max_count), Call(call.tags[middle:], call.max_count)]
        await _all([self._first(job, half) for half in halves])

    async def _next(self, job: _Job, cursor: _Cursor) -> None:
        border, tag = cursor.border, cursor.tag
        if border is None:
            job.fail(tag, "the answer is as long as allowed, but holds no event")
            return
        allowed = min(max(page_size(self._size), cursor.page, border.held * 2), self._size.items)
        if border.held >= allowed:
            moment = iso_ticks(border.ticks)
            job.fail(tag, f"more than {allowed:,} events at {moment}, the most that one answer may hold")
            return
        span = job.span

        def digest(body: bytes) -> Digest:
            return digest_next(body, tag, span, border, ingested_at=self._ingested_at)

        try:
            answer = await self._ask((tag,), iso_ticks(border.ticks), iso(span.end), allowed, digest)
        except Shifted:
            self._restart(job, cursor)
        except TooLarge as error:
            self._shrink(job, cursor, error, allowed)
        except Refused as error:
            job.fail(tag, error)
        except SourceUnavailable as error:
            await self._require_server()
            job.fail(tag, error)
        else:
            job.absorb(answer, allowed)

    def _restart(self, job: _Job, cursor: _Cursor) -> None:
        """An event at the page border was deleted meanwhile: read this tag again from the start."""
        cursor.restarts += 1
        if cursor.restarts > _RESTARTS:
            job.fail(cursor.tag, "the archive changes faster than it can be read")
            return
        job.batches = [trim(batch, job.end, [cursor.tag.webid]) for batch in job.batches]
        cursor.border = Border(job.unit.span.start * TICKS - 1, 0, Carry(-1, 0))
        cursor.kept, cursor.cut = 0, True

    def _shrink(self, job: _Job, cursor: _Cursor, error: TooLarge, asked: int) -> None:
        """Ask for fewer than the ``asked`` events; others may have learned the limit meanwhile."""
        limit = asked // 2 if error.limit is None else error.limit
        if not 1 <= limit < asked:
            job.fail(cursor.tag, error)
            return
        self._sizer.limit(items=limit, rows=limit)
        cursor.page = 0

    async def _ask(
        self, tags: Sequence[Tag], start: str, end: str, max_count: int, digest: Callable[[bytes], Digest]
    ) -> Digest:
        """One answer, decoded off the loop; asked again when what arrived cannot be trusted."""
        params = [("webId", tag.webid) for tag in tags]
        params += [("startTime", start), ("endTime", end), ("boundaryType", "Inside")]
        params += [("maxCount", str(max_count)), ("selectedFields", FIELDS), ("webIdType", "IDOnly")]
        last: Transient | None = None
        for attempt in range(1, _DECODE_ATTEMPTS + 1):
            response = await self._transport.request("GET", "streamsets/recorded", params=params)
            try:
                answer = await self._decoded(response.body, digest)
                self._sizer.learn(len(tags), answer.batch.num_rows, response.elapsed_s)
                return answer
            except Transient as error:
                last = error
                wait = random.uniform(0, 0.25 * 2**attempt)
                self._observer(RequestRetried("streamsets/recorded", attempt, wait, error.message))
                await asyncio.sleep(wait)
        raise SourceUnavailable(
            "the answer cannot be used", subject=f"streamsets/recorded of {len(tags)} tags", hint=None
        ) from last

    async def _decoded(self, body: bytes, digest: Callable[[bytes], Digest]) -> Digest:
        def timed() -> tuple[Digest, float, float]:
            began = perf_counter()
            return digest(body), began, perf_counter()

        queued = perf_counter()
        answer, began, ended = await asyncio.get_running_loop().run_in_executor(self._pool, timed)
        self._observer(BatchDecoded(answer.batch.num_rows, len(body), ended - began, began - queued))
        return answer

    async def _require_server(self) -> None:
        """Tell a tag that breaks its answers from a server that is away: the latter raises."""
        await self._transport.request("GET", "system")

    def _remember(self, job: _Job) -> None:
        for webid, cursor in job.cursors.items():
            seen = cursor.kept / max(1, cursor.reach)
            known = self._rates.get(webid)
            self._rates[webid] = seen if known is None else (known + seen) / 2
            self._seen.add(webid)


def _told(error: BaseException) -> str:
    """The message with its causes: what the quarantine row should say."""
    parts: list[str] = []
    at: BaseException | None = error
    while at is not None and len(parts) < 4:
        text = str(at)
        if text and text not in parts:
            parts.append(text)
        at = at.__cause__
    return ": ".join(parts)


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all; the first error cancels the rest and comes out as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(call)
    except BaseExceptionGroup as errors:
        raise _first_of(errors) from None


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
