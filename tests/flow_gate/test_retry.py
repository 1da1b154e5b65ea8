"""Retries: what is tried again, for how long, and what the caller sees in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
import stamina
from tests.flow_gate.virtual import run_virtually

from pi_lakeflow.errors import Refused, SettingsError, SourceUnavailable, Throttled, Transient
from pi_lakeflow.flow.gate import Gate, Slot
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.model.events import Event, RequestRetried


@pytest.fixture
def no_waits() -> Iterator[None]:
    stamina.set_testing(True, attempts=4)
    yield
    stamina.set_testing(False)


class Failing:
    """Fails with the given errors in turn, then returns the number of calls; notes when it was called."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.at: list[float] = []

    async def __call__(self, _slot: Slot) -> int:
        self.at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return len(self.at)


def run(
    call: Callable[[Slot], Awaitable[int]], policy: RetryPolicy, observer: Callable[[Event], None] = print
) -> int:
    async def main() -> int:
        gate = Gate(2)
        try:
            return await policy.run(call, subject="GET x", gate=gate, observer=observer)
        finally:
            assert (gate.in_flight, gate.waiting) == (0, 0)

    return run_virtually(main())


def test_what_fails_for_a_moment_is_tried_again_and_told() -> None:
    seen: list[Event] = []
    call = Failing(Transient("reset"), Throttled("busy"), Transient("reset"))
    assert run(call, RetryPolicy(attempts=6), seen.append) == 4
    retried = [event for event in seen if isinstance(event, RequestRetried)]
    assert [event.attempt for event in retried] == [1, 2, 3]
    assert "Throttled: busy" in retried[1].reason


def test_testing_mode_waits_for_nothing_and_bounds_the_attempts(no_waits: None) -> None:
    call = Failing(*(Throttled("busy", retry_after=500.0) for _ in range(9)))
    with pytest.raises(SourceUnavailable):
        run(call, RetryPolicy(attempts=9))
    assert len(call.at) == 4
    assert call.at[-1] - call.at[0] < 1.0  # of virtual time


def test_retry_after_is_honoured_for_everybody() -> None:
    """The wait belongs to the server, so that requests that did nothing wrong wait too."""

    async def main() -> tuple[list[float], float]:
        gate = Gate(2)
        call = Failing(Throttled("busy", retry_after=30.0))
        failing = asyncio.create_task(RetryPolicy().run(call, subject="GET x", gate=gate))
        await asyncio.sleep(0.1)
        async with gate.slot():
            other = asyncio.get_running_loop().time()
        await failing
        return call.at, other

    at, other = run_virtually(main())
    assert at[1] - at[0] >= 30.0
    assert other >= 30.0


def test_gives_up_with_the_number_of_attempts_and_the_chain_of_causes() -> None:
    root = ConnectionResetError("gone")
    last = Transient("the server closed the connection")
    last.__cause__ = root
    with pytest.raises(SourceUnavailable, match="gave up after 3 attempts") as caught:
        run(Failing(Transient("first"), Transient("second"), last), RetryPolicy(attempts=3))
    assert caught.value.__cause__ is last
    assert caught.value.__cause__.__cause__ is root
    assert caught.value.subject == "GET x"
    assert caught.value.hint


@pytest.mark.parametrize("error", [Refused("no", status=404), SettingsError("bad"), ValueError("ours")])
def test_what_will_not_change_passes_through_untouched(error: Exception) -> None:
    call = Failing(error)
    with pytest.raises(type(error)) as caught:
        run(call, RetryPolicy())
    assert caught.value is error
    assert len(call.at) == 1


def test_total_bounds_what_one_request_may_cost() -> None:
    call = Failing(*(Throttled("busy", retry_after=100.0) for _ in range(50)))
    with pytest.raises(SourceUnavailable, match="gave up after 7 attempts"):
        run(call, RetryPolicy(attempts=40, total=timedelta(minutes=10)))
    assert len(call.at) == 7


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(backoff=timedelta(seconds=1), longest=timedelta(seconds=10))
    assert [policy.ceiling(n) for n in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"backoff": timedelta(seconds=-1)}, {"total": timedelta(0)}]
)
def test_policies_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # on purpose: values by name
