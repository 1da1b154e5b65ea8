"""From "these tags, this span" and what is covered already to registry changes and lane work.

Pure: no clock, no I/O. What must hold afterwards (and is property-tested): the work and the
coverage together make up each tag's request, and no instant of a tag is read into the lake twice.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from pi_lakeflow.flow.chunks import chunks
from pi_lakeflow.flow.windows import USUAL_PACE, expected_pace
from pi_lakeflow.model.span import DAY, Span, subtract, union
from pi_lakeflow.model.work import Join, Lane, LaneWork, Leave, departure_version


@dataclass(frozen=True, slots=True)
class Sizing:
    """How lanes are cut.

    ``lane_tags``: most tags of a lane. ``parallel``: how many lanes a run should have at least,
    so that one slow answer does not idle the server; but a lane that brings fewer than ``least_rows``
    would only make requests small. ``segment``: the shortest stretch of time
    (microseconds) that is worth a lane of its own when few tags have a long history.
    """

    lane_tags: int = 500
    parallel: int = 8
    least_rows: int = 40_000
    segment: int = 30 * DAY
    merge_above: int = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """Registry changes first (in one commit), then the work. Empty work: all is covered."""

    joins: tuple[Join, ...]
    leaves: tuple[Leave, ...]
    work: tuple[LaneWork, ...]
    tags: int
    tag_micros: int


_NO_CAP = -1


class Stretch(NamedTuple):
    """What a new lane is for, and the place that it must never pass (-1: none)."""

    span: Span
    cap: int


@dataclass(slots=True)
class _Draft:
    """Decisions so far: leaves, wishes per lane, and stretches that need a new lane."""

    leaves: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    wishes: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    fresh: dict[Stretch, list[str]] = field(default_factory=lambda: defaultdict(list))


def coverage(lanes: Iterable[Lane], webid: str) -> list[Span]:
    """What of the tag's history the lake holds, as disjoint sorted spans."""
    spans = [span for lane in lanes if (span := lane.covered(webid)) is not None]
    return union(spans) if len(spans) > 1 else spans


def lanes_by_tag(lanes: Iterable[Lane], among: Container[str] | None = None) -> dict[str, list[Lane]]:
    """The lanes that each tag is in or was in; only of the tags ``among``, when given."""
    found: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        for webid in (*lane.members, *lane.left):
            if among is None or webid in among:
                found[webid].append(lane)
    return found


def plan(
    requests: Mapping[str, Span],
    lanes: Sequence[Lane],
    *,
    sizing: Sizing,
    nonce: str,
    rates: Mapping[str, float] | None = None,
) -> Plan:
    """Decide what to read so that each tag of ``requests`` is covered over its span.

    ``nonce`` (the run id) keeps the ids of new lanes apart from those of earlier ones; ``rates`` are
    expected events per microsecond, where known: tags of like density share a lane.
    """
    draft = _Draft()
    by_tag = lanes_by_tag(lanes, requests)
    for webid, span in requests.items():
        mine = by_tag.get(webid, ())
        if not _wish_simply(draft, webid, span, mine):
            _wish(draft, webid, span, mine)
    by_id = {lane.id: lane for lane in lanes}
    kept = [_settle(draft, by_id[lane_id], wishes) for lane_id, wishes in draft.wishes.items()]
    continued = [item for item in kept if item is not None]
    continued = _merge_small(draft, continued, sizing)
    joins, started = _new_lanes(draft.fresh, sizing, nonce, rates or {})
    leaves = [Leave(lane, webid, at) for lane, group in draft.leaves.items() for webid, at in group.items()]
    work = (*continued, *started)
    tags = len({webid for item in work for webid in item.webids})
    return Plan(
        tuple(joins), tuple(leaves), work, tags, sum(len(item.webids) * item.span.length for item in work)
    )


def _wish_simply(draft: _Draft, webid: str, span: Span, lanes: Sequence[Lane]) -> bool:
    """What ``_wish`` does for nearly all tags of a large plant: new ones, and ones whose only lane just goes
    on. False, and nothing done, for the others."""
    if not lanes:
        if span:
            draft.fresh[Stretch(span, _NO_CAP)].append(webid)
        return True
    lane, position = lanes[0], lanes[0].position
    if len(lanes) > 1 or lane.cap is not None or webid not in lane.members:
        return False
    if not lane.start <= span.start <= position:
        return False
    if span.end > position:
        draft.wishes[lane.id][webid] = span.end
    return True


def _wish(draft: _Draft, webid: str, span: Span, lanes: Sequence[Lane]) -> None:
    """Split what the tag misses at the positions of its lanes; the lane that stands there goes on.

    A lane in whose way the tag is already somewhere else (a covered span, another lane, a new
    one) is left: a run with an older plan could otherwise walk on into what others have read.
    """
    standing = _standing(draft, webid, lanes)
    covered = coverage(lanes, webid)
    borders = {*standing, *(lane.cap for lane in standing.values() if lane.cap is not None)}
    pieces: list[Span] = []
    for gap in subtract(span, covered):
        cuts = sorted({gap.start, gap.end, *(p for p in borders if gap.start < p < gap.end)})
        pieces += [Span(start, end) for start, end in pairwise(cuts)]
    occupied = sorted({*standing, *(s.start for s in covered), *(piece.start for piece in pieces)})
    blocked = {p for p, lane in standing.items() if _blocked(lane, occupied)}
    for position in blocked:
        draft.leaves[standing[position].id][webid] = position
    for piece in pieces:
        if piece.start in standing and piece.start not in blocked:
            draft.wishes[standing[piece.start].id][webid] = piece.end
        else:
            cap = next((place for place in occupied if place >= piece.end), _NO_CAP)
            draft.fresh[Stretch(piece, cap)].append(webid)


def _blocked(lane: Lane, occupied: Sequence[int]) -> bool:
    ahead = bisect_right(occupied, lane.position)
    if ahead < len(occupied) and (lane.cap is None or occupied[ahead] < lane.cap):
        return True
    return lane.cap is not None and lane.position >= lane.cap


def _standing(draft: _Draft, webid: str, lanes: Sequence[Lane]) -> dict[int, Lane]:
    """The tag's lanes by position. Where two stand at one place, only the larger may go on."""
    standing: dict[int, Lane] = {}
    for lane in lanes:
        if webid not in lane.members:
            continue
        rival = standing.setdefault(lane.position, lane)
        if rival is not lane:
            keep, lose = sorted((rival, lane), key=lambda each: (-len(each.members), each.id))
            standing[lane.position] = keep
            draft.leaves[lose.id][webid] = lose.position
    return standing


def _settle(draft: _Draft, lane: Lane, wishes: Mapping[str, int]) -> LaneWork | None:
    """One lane, one end: the larger part stays together and the rest leaves.

    When those who go on are the smaller part (one tag asked for out of a lane of hundreds),
    they leave instead, and the lane waits where it is.
    """
    groups: dict[int, list[str]] = defaultdict(list)
    for webid, end in wishes.items():
        groups[end].append(webid)
    end, staying = max(groups.items(), key=lambda item: (len(item[1]), item[0]))
    leaving = draft.leaves[lane.id]
    members = lane.members - leaving.keys()
    lane_moves = 2 * len(staying) >= len(members)
    for other_end, webids in groups.items():
        if lane_moves and other_end == end:
            continue
        stretch = Stretch(Span(lane.position, other_end), _NO_CAP if lane.cap is None else lane.cap)
        draft.fresh[stretch].extend(webids)
        leaving.update(dict.fromkeys(webids, lane.position))
    if not lane_moves:
        return None
    leaving.update(dict.fromkeys(members - wishes.keys(), lane.position))
    version = departure_version(lane) if leaving else lane.version
    return LaneWork(lane.id, lane.cap, version, Span(lane.position, end), tuple(sorted(staying)))


def _merge_small(draft: _Draft, work: list[LaneWork], sizing: Sizing) -> list[LaneWork]:
    """Many small lanes that stand at one place and want the same become few large ones."""
    small: dict[Stretch, list[LaneWork]] = defaultdict(list)
    for item in work:
        if len(item.webids) <= sizing.lane_tags // 8:
            small[Stretch(item.span, _NO_CAP if item.cap is None else item.cap)].append(item)
    merged: set[str] = set()
    for stretch, items in small.items():
        if len(items) <= max(sizing.merge_above, sizing.parallel):
            continue
        for item in items:
            draft.leaves[item.lane].update(dict.fromkeys(item.webids, stretch.span.start))
            draft.fresh[stretch].extend(item.webids)
            merged.add(item.lane)
    return [item for item in work if item.lane not in merged]


def _new_lanes(
    fresh: Mapping[Stretch, Sequence[str]], sizing: Sizing, nonce: str, rates: Mapping[str, float]
) -> tuple[list[Join], list[LaneWork]]:
    joins, work = [], []
    for stretch, webids in sorted(fresh.items()):
        stretches = max(1, min(sizing.parallel, stretch.span.length // sizing.segment))
        groups = _groups(
            webids, stretch.span.length, sizing, rates, parallel=-(-sizing.parallel // stretches)
        )
        last = None if stretch.cap == _NO_CAP else stretch.cap
        for segment in _segments(stretch.span, len(groups), sizing):
            cap = last if segment.end == stretch.span.end else segment.end
            for group in groups:
                lane = _lane_id(segment.start, group, nonce)
                joins.append(Join(lane, segment.start, cap, group))
                work.append(LaneWork(lane, cap, None, segment, group))
    return joins, work


def _groups(
    webids: Sequence[str], length: int, sizing: Sizing, rates: Mapping[str, float], *, parallel: int
) -> list[tuple[str, ...]]:
    """Like to like, and no group with more than its share of the rows: a lane is read step by step, so one
    with all the dense tags would go on alone when the others are done."""
    rows = expected_pace(webids, rates) * length
    least = math.ceil(sizing.least_rows * len(webids) / max(1.0, rows))
    size = max(1, min(sizing.lane_tags, max(least, -(-len(webids) // parallel))))
    share = max(sizing.least_rows, rows / parallel)
    ordered = sorted(webids, key=lambda webid: (-_magnitude(rates.get(webid, USUAL_PACE)), webid))
    groups: list[tuple[str, ...]] = []
    for group in chunks(ordered, size):
        expected = expected_pace(group, rates) * length
        parts = max(1, min(len(group), round(expected / share)))
        groups += [tuple(part) for part in chunks(group, -(-len(group) // parts))]
    return groups


def _magnitude(rate: float) -> int:
    """Like to like, but no finer: among tags of about one density the order is that of their WebIds,
    so that each file and row group holds neighbours, and readers can skip the others."""
    return math.frexp(rate)[1] if rate > 0 else -1_000


def _segments(span: Span, groups: int, sizing: Sizing) -> list[Span]:
    """Cut a long history of few tags into stretches that can be read side by side. Where time can be cut,
    tags are not: each day of a lane then has all tags, and its file is written once."""
    count = min(-(-sizing.parallel // groups), max(1, span.length // sizing.segment))
    days = -(-span.length // count // DAY) * DAY if count > 1 else 0
    if not days:
        return [span]
    first = span.start // DAY * DAY
    borders = [span.start, *range(first + days, span.end, days), span.end]
    return [Span(a, b) for a, b in pairwise(borders) if b > a]


def _lane_id(start: int, webids: Sequence[str], nonce: str) -> str:
    text = "\n".join((nonce, str(start), *webids))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
