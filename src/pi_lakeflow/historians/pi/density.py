"""How dense recorded data is: the server's own counts, over a part of the span and some of the tags.

What comes out sizes work and nothing else. A wrong figure makes a task long or short, never a row
too many or too few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pi_lakeflow.errors import Refused, SourceUnavailable, TooLarge
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
    params += [("selectedFields", "Items.WebId;Items.Items.Type;Items.Items.Value.Value")]
    try:
        answer = await client.get("streamsets/summary", params)
    except (Refused, TooLarge, SourceUnavailable):
        return {}
    counts = {str(item.get("WebId")): _count(item) for item in answer.get("Items") or []}
    return {tag.webid: count for tag in tags if (count := counts.get(tag.webid)) is not None}


def _count(item: Mapping[str, Any]) -> float | None:
    for each in item.get("Items") or []:
        value = (each.get("Value") or {}).get("Value")
        if each.get("Type") == "Count" and isinstance(value, int | float):
            return float(value)
    return None
