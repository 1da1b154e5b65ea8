"""``Recent``: what was told before is left out, what is legal twice stays twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_lakeflow.flow.recent import CONTENT, Recent, hashes
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE

SCHEMA = PI_TIMESERIES_LIVE.arrow_schema
START = datetime(2026, 3, 29, 12, tzinfo=UTC)
# Few tags, times and values, so that much is equal
EVENT = st.tuples(
    st.sampled_from("AB"),
    st.integers(0, 3),
    st.sampled_from([1.5, -0.0, 0.0, None]),
    st.sampled_from(["", "Open", None]),
    st.booleans(),
)
MESSAGES = st.lists(st.lists(EVENT, max_size=6), max_size=8)
Event = tuple[str, int, float | None, str | None, bool]


def table(events: list[Event]) -> pa.Table:
    rows = [
        {
            "tag_webid": tag,
            "tag_name": tag,
            "timestamp": START + timedelta(seconds=second),
            "event_index": 0,
            "value": value,
            "value_text": text,
            "value_kind": "number",
            "good": good,
            "ingested_at": START,
            "received_at": START,
            "origin": "channel",
            "date": START.date(),
        }
        for tag, second, value, text, good in events
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def said(rows: pa.Table) -> list[str]:
    names = ("tag_webid", "timestamp", *CONTENT)
    return [repr(row) for row in zip(*(rows[name].to_pylist() for name in names), strict=True)]


@given(st.lists(MESSAGES, max_size=4))
@settings(max_examples=50, deadline=None)
def test_each_event_is_kept_as_often_as_one_message_says_it(batches: list[list[list[Event]]]) -> None:
    """Whatever the batches; and no two rows of one tag and time get the same number."""
    recent, kept = Recent(), []
    expected: Counter[str] = Counter()
    for messages in batches:
        for message in messages:
            expected |= Counter(said(table(message)))
        parts = np.repeat(np.arange(len(messages)), [len(message) for message in messages]).astype(np.int64)
        kept.append(recent.sift(table([event for message in messages for event in message]), parts))
    whole = pa.concat_tables(kept) if kept else SCHEMA.empty_table()
    assert Counter(said(whole)) == expected
    keys = zip(*(whole[name].to_pylist() for name in PI_TIMESERIES_LIVE.key), strict=True)
    assert len(set(keys)) == whole.num_rows


def test_the_memory_is_bounded_and_keeps_the_newest() -> None:
    recent = Recent(keys=1_000)
    parts = np.zeros(100, np.int64)
    for batch in range(100):
        events = [("A", batch * 100 + n, 1.5, None, True) for n in range(100)]
        assert recent.sift(table(events), parts).num_rows == 100
        assert recent.sift(table(events), parts + 1).num_rows == 0
    assert recent._young.size + recent._old.size <= 1_100
    assert recent.known(hashes(table([("A", 0, 1.5, None, True)]))[1]).tolist() == [False]
