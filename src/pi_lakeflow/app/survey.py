"""What is expected of each tag before a run: from earlier runs, else from a few counts of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pi_lakeflow.app.source import Source
from pi_lakeflow.flow.density import Rates, alike, load_rates, sample_of
from pi_lakeflow.flow.tables import PI_TAG_DENSITY
from pi_lakeflow.flow.windows import USUAL_PACE
from pi_lakeflow.historians.pi.recorded.counts import RecordedCounter
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import DAY, SECOND, Span
from pi_lakeflow.model.tags import Tag

WORTH_A_LOOK = 200_000  # expected rows below which a survey costs more than it saves


async def survey(source: Source, lake: Lake, wanted: Mapping[str, Span], tags: Mapping[str, Tag]) -> Rates:
    """Expected events per microsecond of the tags of ``wanted``, where there is reason to expect something.

    Tags that no run has read are looked at when there is much to read of them: first a sample; when that is
    mixed, all of them, over the last day of their span at most.
    """
    known, new, length = await asyncio.to_thread(_known, lake, wanted)
    if length * USUAL_PACE < WORTH_A_LOOK:
        return known
    span = await asyncio.to_thread(_lately, wanted, new)
    counter = RecordedCounter(source.client.transport)
    rates = await _rates(counter, [tags[webid] for webid in sample_of(new)], span)
    if len(rates) < len(new) and (one := alike(rates)) is not None:
        rates = {**dict.fromkeys(new, one), **rates}
    elif len(rates) < len(new) and rates:
        rates |= await _rates(counter, [tags[webid] for webid in new if webid not in rates], span)
    return {**known, **rates}


def _known(lake: Lake, wanted: Mapping[str, Span]) -> tuple[Rates, list[str], int]:
    """The rates of earlier runs, the tags without one, and the microseconds that are wanted of these."""
    known = load_rates(lake.table(PI_TAG_DENSITY))
    new = [webid for webid in wanted if webid not in known]
    return known, new, sum(wanted[webid].length for webid in new)


async def _rates(counter: RecordedCounter, tags: Sequence[Tag], span: Span) -> Rates:
    counts = await counter.count(tags, span, step=-(-span.length // SECOND) * SECOND)
    return {webid: each[0] / span.length for webid, each in counts.items() if each and each[0] is not None}


def _lately(wanted: Mapping[str, Span], webids: Sequence[str]) -> Span:
    """The last day of what is wanted of most."""
    end = max(wanted[webid].end for webid in webids)
    start = max(min(wanted[webid].start for webid in webids), end - DAY)
    return Span(start, end)
