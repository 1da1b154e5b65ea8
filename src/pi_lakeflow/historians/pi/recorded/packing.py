"""Which tags share a ``streamsets/recorded`` call, and how many events each may return.

``maxCount`` counts per stream and cuts silently; whether the server's limit (150,000 by default)
holds per stream or for the whole answer is not documented, so a call never allows more than the
limit in total. Tags of like density share a call: a fast tag among slow ones would be cut and
read again alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pi_lakeflow.flow.batchsize import LONGEST, BatchSize
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


class Sizer:
    """The size of answers, following how long the server takes for them.

    Answers that were full by their number of tags teach that number, those that were full by their
    events teach that: a few dense tags say nothing about hundreds of quiet ones.
    """

    def __init__(
        self, size: AnswerSize, *, fewest_tags: int = 1, most_tags: int | None = None, adaptive: bool = False
    ) -> None:
        self._size = size
        most = max(size.tags, most_tags or size.tags)
        self._tags = BatchSize(size.tags, minimum=min(fewest_tags, most), maximum=most, adaptive=adaptive)
        fewest_rows = max(1, size.rows // 20)
        self._rows = BatchSize(size.rows, minimum=fewest_rows, maximum=size.rows, adaptive=adaptive)

    @property
    def size(self) -> AnswerSize:
        return replace(self._size, tags=self._tags.current, rows=min(self._size.rows, self._rows.current))

    def limit(self, *, items: int | None = None, rows: int | None = None) -> None:
        """The server allows less than was thought."""
        now = self._size
        self._size = replace(
            now, items=min(now.items, items or now.items), rows=min(now.rows, rows or now.rows)
        )

    def learn(self, tags: int, rows: int, seconds: float) -> None:
        """An answer with ``rows`` events of ``tags`` tags took ``seconds``."""
        size = self.size
        if rows >= size.rows // 2:
            self._rows.learn(seconds, min(rows, size.rows))
        elif tags >= size.tags or (seconds > LONGEST and tags >= 0.7 * size.tags):
            self._tags.learn(seconds, tags)


def pack(tags: Sequence[Tag], span: Span, *, rates: Mapping[str, float], size: AnswerSize) -> list[Call]:
    """Group tags into calls. ``rates`` are expected events per microsecond, where known."""
    span_length, unknown = span.length, size.rows / size.tags
    expected = [rates.get(tag.webid, -1.0) * span_length for tag in tags]
    calls: list[Call] = []
    group: list[Tag] = []
    rows = url = room = 0.0
    for place in sorted(range(len(tags)), key=expected.__getitem__, reverse=True):
        tag, weight = tags[place], expected[place]
        length = len(tag.webid) + len("webId=&")
        if group and (
            rows + (weight if weight >= 0 else unknown) > size.rows
            or len(group) >= size.tags
            or url + length > size.url
            or (len(group) + 1) * room > size.items
        ):
            calls.append(_call(group, size))
            group, rows, url = [], 0.0, 0.0
        if not group:
            room = _room_for(max(0.0, weight))  # the densest comes first
        group.append(tag)
        rows += weight if weight >= 0 else unknown
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
