"""How dense recorded data is: the server's own counts, over a part of the span and some of the tags.

What comes out sizes work and nothing else. A wrong figure makes a task long or short, never a row
too many or too few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pi_lakeflow.errors import Refused, SourceUnavailable, TooLarge, Transient
from pi_lakeflow.historians.pi.decode.single import decode_counts
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.span import DAY, Span, iso
from pi_lakeflow.model.tags import Tag

_TAGS_PER_CALL = 50
_MOST_TAGS = 300  # more are not measured, others stand for them
_WHOLE = 2 * DAY  # spans up to this are counted whole, longer ones in three slices
_SLICE = DAY // 3


async def densities(client: AsyncPIWebAPIClient, tags: Sequence[Tag], span: Span) -> Mapping[str, float]:
    """Events per microsecond of the tags that were measured; empty when the server does not count.

    PI Web API reference, topic GetSummary (StreamSet): ``Count`` counts good events.
    """
    chosen = tags[:: -(-len(tags) // _MOST_TAGS)] if tags else []
    groups = [chosen[i : i + _TAGS_PER_CALL] for i in range(0, len(chosen), _TAGS_PER_CALL)]
    slices = _slices(span)
    answers = await asyncio.gather(*(_counts(client, group, part) for group in groups for part in slices))
    counts: dict[str, float] = {}
    for answer in answers:
        for webid, count in answer.items():
            counts[webid] = counts.get(webid, 0.0) + count
    length = sum(part.length for part in slices)
    return {webid: count / length for webid, count in counts.items()} if length else {}


def _slices(span: Span) -> list[Span]:
    if span.length <= _WHOLE:
        return [span]
    starts = (span.start, span.start + (span.length - _SLICE) // 2, span.end - _SLICE)
    return [Span(start, start + _SLICE) for start in starts]


async def _counts(client: AsyncPIWebAPIClient, tags: Sequence[Tag], span: Span) -> dict[str, float]:
    params = [("webId", tag.webid) for tag in tags]
    params += [("startTime", iso(span.start)), ("endTime", iso(span.end))]
    params += [("summaryType", "Count"), ("calculationBasis", "EventWeighted"), ("webIdType", "IDOnly")]
    params += [("selectedFields", "Items.WebId;Items.Errors;Items.Items.Type;Items.Items.Value")]
    try:
        response = await client.transport.request("GET", "streamsets/summary", params=params)
        counts = decode_counts(response.body)
    except (Refused, TooLarge, SourceUnavailable, Transient):
        return {}
    found = {tag.webid: counts.get(tag.webid) or [None] for tag in tags}
    return {webid: each[0] for webid, each in found.items() if each[0] is not None}
