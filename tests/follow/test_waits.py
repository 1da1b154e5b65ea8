"""How long a follower waits before it tries again."""

from __future__ import annotations

from pi_lakeflow.engines.changes import Followed
from pi_lakeflow.flow.retry import later


def test_an_outage_of_weeks_is_waited_out() -> None:
    """Longer and longer up to a bound, however often it has failed."""
    waits = [later(5.0, times, 60.0) for times in range(5000)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert set(waits[4:]) == {60.0}
    tag = Followed(stuck=5000)
    tag.failed()
    assert tag.retry_at > 0
