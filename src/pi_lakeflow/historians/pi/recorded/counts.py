"""Asks the archive how many events it has, without reading them: ``GET /streamsets/summary``.

The calculation basis leaves out the event at the end of each window, so that neighbours share nothing
(PI Web API reference, topic Calculation Basis). A server may count good events only.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

from pi_lakeflow.errors import Refused, SourceUnavailable, TooLarge, Transient
from pi_lakeflow.historians.pi.decode.single import decode_counts
from pi_lakeflow.historians.pi.recorded.packing import AnswerSize
from pi_lakeflow.historians.pi.wire.transport import Transport
from pi_lakeflow.model.span import SECOND, Span, iso
from pi_lakeflow.model.tags import Tag

_FIELDS = "Items.WebId;Items.Errors;Items.Items.Type;Items.Items.Value;Links.Next;WebException;Errors"
_DECODE_ATTEMPTS = 4
_WINDOWS = 100  # of each tag in one answer

Counts = dict[str, list[float | None]]


class RecordedCounter:
    """Counts recorded events; many tags share a request."""

    def __init__(self, transport: Transport, *, size: AnswerSize | None = None) -> None:
        self._transport = transport
        self._size = size or AnswerSize()

    async def count(self, tags: Sequence[Tag], span: Span, *, step: int) -> Counts:
        """Events of each tag in each window of ``step`` microseconds (whole seconds), by WebId.

        A window is None when the server failed on it. Raises ``SourceUnavailable`` when the server
        does not answer at all, ``AuthRefused`` when it no longer knows us.
        """
        stretch = _WINDOWS * step
        starts = range(span.start, span.end, stretch)
        parts = [Span(start, min(start + stretch, span.end)) for start in starts]
        groups = _chunks(tags, self._size)
        answers = await asyncio.gather(*(self._group(g, part, step) for part in parts for g in groups))
        found: Counts = defaultdict(list)
        for each in answers:
            for webid, counts in each.items():
                found[webid] += counts
        return found

    async def _group(self, tags: Sequence[Tag], span: Span, step: int) -> Counts:
        try:
            return await self._ask(tags, span, step)
        except SourceUnavailable:
            await self._transport.request("GET", "system")  # a server that is away raises here
        except (Refused, TooLarge):
            pass  # one tag spoils the answer of all: find it
        if len(tags) == 1:
            return {tags[0].webid: [None] * _windows(span, step)}
        middle = len(tags) // 2
        halves = (self._group(half, span, step) for half in (tags[:middle], tags[middle:]))
        first, second = await asyncio.gather(*halves)
        return first | second

    async def _ask(self, tags: Sequence[Tag], span: Span, step: int) -> Counts:
        params = [("webId", tag.webid) for tag in tags]
        params += [("startTime", iso(span.start)), ("endTime", iso(span.end)), ("summaryType", "Count")]
        params += [("calculationBasis", "EventWeightedExcludeMostRecentEvent")]
        params += [("summaryDuration", f"{step // SECOND}s")] if span.length > step else []
        params += [("selectedFields", _FIELDS), ("webIdType", "IDOnly")]
        for attempt in range(1, _DECODE_ATTEMPTS + 1):
            response = await self._transport.request("GET", "streamsets/summary", params=params)
            try:
                counts = decode_counts(response.body)
            except Transient:
                await asyncio.sleep(random.uniform(0, 0.25 * 2**attempt))
            else:
                return {tag.webid: _whole(counts.get(tag.webid), _windows(span, step)) for tag in tags}
        raise SourceUnavailable(
            "the answer cannot be used", subject=f"streamsets/summary of {len(tags)} tags"
        )


def _windows(span: Span, step: int) -> int:
    return -(-span.length // step)


def _whole(counts: list[float | None] | None, expected: int) -> list[float | None]:
    """An answer with another number of windows than were asked for says nothing."""
    return counts if counts is not None and len(counts) == expected else [None] * expected


def _chunks(tags: Sequence[Tag], size: AnswerSize) -> list[Sequence[Tag]]:
    longest = max((len(tag.webid) for tag in tags), default=1) + len("webId=&")
    count = max(1, min(size.tags, size.url // longest))
    return [tags[first : first + count] for first in range(0, len(tags), count)]
