"""Packing tags into calls: nothing lost, nothing too large, like with like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.historians.pi.recorded.packing import AnswerSize, pack
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag

HOUR = Span(0, 3_600_000_000)

sizes = st.builds(
    AnswerSize,
    items=st.integers(1, 200_000),
    rows=st.integers(1, 50_000),
    tags=st.integers(1, 200),
    url=st.integers(50, 8000),
)
events_per_hour = st.one_of(st.none(), st.floats(0, 1e6))


@given(st.lists(events_per_hour, max_size=300), sizes)
def test_every_tag_is_asked_once_within_the_limits(densities: list[float | None], size: AnswerSize) -> None:
    """A call never allows more items than the server's limit, however that limit is counted."""
    tags = [Tag(f"I1DP{i:028d}", f"T{i}") for i in range(len(densities))]
    rates = {t.webid: d / HOUR.length for t, d in zip(tags, densities, strict=True) if d is not None}
    calls = pack(tags, HOUR, rates=rates, size=size)
    assert sorted(t.webid for call in calls for t in call.tags) == sorted(t.webid for t in tags)
    for call in calls:
        assert call.max_count >= 1
        assert len(call.tags) * call.max_count <= max(size.items, len(call.tags))
        assert len(call.tags) <= size.tags
        assert len(call.tags) == 1 or sum(len(t.webid) + 7 for t in call.tags) <= size.url


def test_a_fast_tag_is_not_cut_because_of_slow_company() -> None:
    """One tag at ten events a second among a hundred at one an hour: it has room for a third more."""
    tags = [Tag(f"I1DP{i:028d}", f"T{i}") for i in range(101)]
    rates = {tag.webid: 1 / HOUR.length for tag in tags} | {tags[50].webid: 36_000 / HOUR.length}
    calls = pack(tags, HOUR, rates=rates, size=AnswerSize())
    (fast,) = [call for call in calls if tags[50] in call.tags]
    assert fast.max_count >= 36_000 * 1.3
    assert len(calls) == 2
