"""Filters that are taken over choose exactly the rows that Spark would have chosen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("pyspark")

from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import datasource as ds

from pi_lakeflow.app.spark import DefaultSource
from pi_lakeflow.engines.spark.filters import Wanted
from pi_lakeflow.model.span import DAY, Span, from_micros, to_micros
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig, run_in_thread

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
WHOLE = Span.of(NOW - timedelta(days=3), NOW)
COMPARISONS: dict[type[Any], Any] = {
    ds.EqualTo: lambda a, b: a == b,
    ds.GreaterThan: lambda a, b: a > b,
    ds.GreaterThanOrEqual: lambda a, b: a >= b,
    ds.LessThan: lambda a, b: a < b,
    ds.LessThanOrEqual: lambda a, b: a <= b,
}
MOMENTS = st.integers(WHOLE.start - 5, WHOLE.end + 5).map(from_micros)
DATES = st.dates(date(2026, 3, 25), date(2026, 3, 30))


@given(st.lists(st.tuples(st.sampled_from([*COMPARISONS]), MOMENTS | DATES), max_size=4), st.data())
def test_time(chosen: list[tuple[type[Any], Any]], data: st.DataObject) -> None:
    """Borders included: an event at, just before and just after each value of a filter."""
    wanted = Wanted()
    for kind, value in chosen:
        column = "timestamp" if isinstance(value, datetime) else "date"
        assert wanted.take(kind((column,), value))
    span = wanted.within(WHOLE)
    edges = [_first(value) for _, value in chosen]
    edge = data.draw(st.sampled_from([WHOLE.start, WHOLE.end - 1, *edges]))
    at = edge + data.draw(st.sampled_from([-1, 0, 1]))
    if at in WHOLE:
        moment = from_micros(at)
        true = all(
            COMPARISONS[kind](moment if isinstance(value, datetime) else moment.date(), value)
            for kind, value in chosen
        )
        assert (at in span) == true


def _first(value: Any) -> int:
    if isinstance(value, datetime):
        return to_micros(value)
    return (value - date(1970, 1, 1)).days * DAY


def test_tags() -> None:
    """Several filters on tags must all hold."""
    wanted = Wanted()
    assert wanted.take(ds.In(("tag_name",), ("A", "B")))
    assert wanted.take(ds.EqualTo(("tag_webid",), "1"))
    assert [wanted.has(Tag(*each)) for each in (("1", "A"), ("1", "C"), ("2", "B"))] == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        ds.IsNotNull(("value",)),
        ds.Not(ds.EqualTo(("tag_name",), "A")),
        ds.EqualTo(("timestamp",), NOW.replace(tzinfo=None)),
        ds.StringStartsWith(("tag_name",), "A"),
        ds.GreaterThan(("tag_name",), "A"),
        ds.EqualTo(("tag_name", "x"), "A"),
    ],
)
def test_what_is_not_understood_is_left_to_spark(other: ds.Filter) -> None:
    """Exact, or not taken at all."""
    wanted = Wanted()
    assert not wanted.take(other)
    assert wanted.within(WHOLE) == WHOLE
    assert wanted.names is None


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    clock = FixedClock(to_micros(NOW))
    with run_in_thread(SimulatorConfig(tags=5, twins=0, oddities=Oddities.none(), clock=clock)) as simulator:
        yield simulator


def test_a_name_that_no_tag_has_is_no_row(sim: Simulator) -> None:
    """As in any other table, and few names out of all tags are asked for by name."""
    options = {"pi_web_api_url": sim.url, "tags": "all", "data_server": "PISRV01", "pushdown": "true"}
    for name, rows in (("NO.SUCH.TAG", False), (next(iter(sim.world.tags())).name, True)):
        source = DefaultSource(options)
        reader = source.reader(source.schema())
        assert list(reader.pushFilters([ds.EqualTo(("tag_name",), name)])) == []
        assert bool(reader.partitions()) == rows
