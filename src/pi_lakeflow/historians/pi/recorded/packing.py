"""Which tags share a ``streamsets/recorded`` call, and how many events each may return.

``maxCount`` counts per stream and cuts silently; whether the server's limit (150,000 by default)
holds per stream or for the whole answer is not documented, so a call never allows more than the
limit in total. Tags of like density share a call: a fast tag among slow ones would be cut and
read again alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag


@dataclass(frozen=True, slots=True)
class AnswerSize:
    """What one answer should be.

    ``items``: the server's MaxReturnedItemsPerCall. ``rows``: events wanted in one answer (about
    5 MB of JSON; more makes bodies fall out of the processor's cache). ``tags`` and ``url`` bound
    the query string: HTTP.sys refuses long ones (characters).
    """

    items: int = 150_000
    rows: int = 40_000
    tags: int = 100
    url: int = 6_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request: these tags, at most ``max_count`` events of each."""

    tags: tuple[Tag, ...]
    max_count: int


def pack(tags: Sequence[Tag], span: Span, *, rates: Mapping[str, float], size: AnswerSize) -> list[Call]:
    """Group tags into calls. ``rates`` are expected events per microsecond, where known."""
    expected = {tag.webid: rates[tag.webid] * span.length for tag in tags if tag.webid in rates}
    ordered = sorted(tags, key=lambda tag: -expected.get(tag.webid, -1.0))
    calls: list[Call] = []
    group: list[Tag] = []
    rows = url = 0.0
    for tag in ordered:
        weight = expected.get(tag.webid, size.rows / size.tags)
        length = len(tag.webid) + len("webId=&")
        densest = expected.get(group[0].webid, 0.0) if group else 0.0
        full = group and (
            rows + weight > size.rows
            or len(group) >= size.tags
            or url + length > size.url
            or (len(group) + 1) * _room_for(densest) > size.items
        )
        if full:
            calls.append(_call(group, size))
            group, rows, url = [], 0.0, 0.0
        group.append(tag)
        rows += weight
        url += length
    if group:
        calls.append(_call(group, size))
    return calls


def page_size(size: AnswerSize) -> int:
    """Events to ask of one dense stream at a time."""
    return max(1, min(size.items, size.rows))


def _room_for(expected: float) -> float:
    """Room that makes it unlikely that a stream of so many expected events is cut."""
    return expected * 1.3 + 20


def _call(group: Sequence[Tag], size: AnswerSize) -> Call:
    share = size.items // len(group)
    return Call(tuple(group), max(1, share if len(group) > 1 else page_size(size)))
