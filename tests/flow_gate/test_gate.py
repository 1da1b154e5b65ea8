"""The gate's promises, on a loop with virtual time: in-flight, rate, order, cancellation, pauses."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow_gate.virtual import run_virtually

from pi_lakeflow.errors import SettingsError, Throttled
from pi_lakeflow.flow.gate import MAX_PAUSE, Budget, Gate
from pi_lakeflow.flow.limit import AdaptiveLimit
from pi_lakeflow.model.events import Event, LimitChanged, Waited

DURATIONS = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40)


def now() -> float:
    return asyncio.get_running_loop().time()


@settings(max_examples=40, deadline=None)
@given(DURATIONS, st.integers(1, 6))
def test_never_more_in_flight_than_allowed(durations: list[float], allowed: int) -> None:
    inside, most = 0, 0

    async def request(gate: Gate, seconds: float) -> None:
        nonlocal inside, most
        async with gate.slot():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(seconds)
            inside -= 1

    async def main() -> Gate:
        gate = Gate(allowed)
        await asyncio.gather(*(request(gate, seconds) for seconds in durations))
        return gate

    gate = run_virtually(main())
    assert most == gate.peak == min(allowed, len(durations))
    assert (gate.in_flight, gate.waiting, gate.started) == (0, 0, len(durations))


def test_the_adaptive_limit_holds_at_every_start() -> None:
    """Whatever the limit does meanwhile, nobody starts beyond it."""
    dice = random.Random(3)
    limits: set[int] = set()
    high = 0

    class Watched(Gate):
        """Looks at every start, at the moment when the gate decides about it."""

        def _admit(self, waiter: Any, now: float) -> None:
            nonlocal high
            super()._admit(waiter, now)
            limits.add(self.limit)
            high = max(high, self.in_flight - self.limit)

    async def request(gate: Gate) -> None:
        async with gate.slot() as slot:
            await asyncio.sleep(dice.uniform(0.01, 0.3))
            slot.dropped = dice.random() < 0.004

    async def main() -> None:
        gate = Watched(16, limit=AdaptiveLimit(4, maximum=16))
        await asyncio.gather(*(request(gate) for _ in range(800)))

    run_virtually(main())
    assert len(limits) > 2
    assert high <= 0


@settings(max_examples=30, deadline=None)
@given(DURATIONS, st.sampled_from([0.4, 1.0, 2.5, 3.0, 10.0]), st.integers(0, 2**32))
def test_never_more_than_the_rate_in_any_second_at_the_server(
    durations: list[float], rate: float, seed: int
) -> None:
    """Counted where it matters: requests arrive up to 0.08 s after they were sent."""
    dice = random.Random(seed)
    arrivals: list[float] = []

    async def request(gate: Gate, seconds: float) -> None:
        async with gate.slot() as slot:
            slot.sent()
            await asyncio.sleep(dice.uniform(0.0, 0.08))
            arrivals.append(now())
            await asyncio.sleep(seconds)

    async def main() -> None:
        gate = Gate(8, rate)
        await asyncio.gather(*(request(gate, seconds) for seconds in durations))

    run_virtually(main())
    window = 1.0 if rate >= 1 else 1 / rate
    arrivals.sort()
    for first in arrivals:
        assert sum(first <= at < first + window for at in arrivals) <= max(1, int(rate))


def test_a_second_leg_counts_against_the_rate_but_needs_no_second_slot() -> None:
    starts: list[float] = []

    async def main() -> int:
        gate = Gate(1, 2.0)
        async with gate.slot() as slot:
            starts.append(now())
            for _ in range(4):
                await slot.another()
                starts.append(now())
        return gate.peak

    assert run_virtually(main()) == 1
    assert all(b - a >= 0.49 for a, b in pairwise(starts))


def test_first_come_first_served() -> None:
    order: list[int] = []

    async def request(gate: Gate, number: int) -> None:
        async with gate.slot():
            order.append(number)
            await asyncio.sleep(0.1 * (number % 3))

    async def main() -> None:
        gate = Gate(2, 50.0)
        await asyncio.gather(*(request(gate, number) for number in range(30)))

    run_virtually(main())
    assert order == list(range(30))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([None, 5.0]))
def test_cancellation_at_any_moment_leaks_no_slot(seed: int, rate: float | None) -> None:
    dice = random.Random(seed)

    async def request(gate: Gate) -> None:
        async with gate.slot() as slot:
            await asyncio.sleep(dice.uniform(0, 1))
            await slot.another()

    async def main() -> Gate:
        gate = Gate(3, rate)
        tasks = [asyncio.create_task(request(gate)) for _ in range(30)]
        for task in dice.sample(tasks, 20):
            await asyncio.sleep(dice.choice([0.0, 0.0, 0.3]))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(60), gate.slot(), gate.slot(), gate.slot():
            assert gate.in_flight == 3
        return gate

    gate = run_virtually(main())
    assert (gate.in_flight, gate.waiting) == (0, 0)
    assert gate.peak <= 3


def test_cancelled_in_the_same_breath_as_let_in_gives_the_slot_back() -> None:
    async def main() -> Gate:
        gate = Gate(1)

        async def hold() -> None:
            async with gate.slot():
                await asyncio.sleep(1)

        first = asyncio.create_task(hold())
        await asyncio.sleep(0)
        second = asyncio.create_task(hold())
        await asyncio.sleep(0.5)
        first.add_done_callback(lambda _: second.cancel())
        await asyncio.gather(first, second, return_exceptions=True)
        return gate

    gate = run_virtually(main())
    assert (gate.in_flight, gate.waiting) == (0, 0)


def test_a_pause_holds_everybody_and_ends_without_a_stampede() -> None:
    starts: list[float] = []

    async def request(gate: Gate) -> None:
        async with gate.slot():
            starts.append(now())
            await asyncio.sleep(5)

    async def main() -> None:
        gate = Gate(8, chance=lambda: 0.5)
        gate.pause(10.0)
        gate.pause(2.0)  # a shorter one later takes nothing back
        assert gate.paused_for >= 10.0
        await asyncio.gather(*(request(gate) for _ in range(8)))
        assert gate.paused_for == 0

    run_virtually(main())
    assert min(starts) >= 10.0
    assert all(b - a >= 0.1 for a, b in pairwise(starts))
    assert max(starts) - min(starts) <= 5.0


def test_a_server_cannot_stop_us_for_ever() -> None:
    async def main() -> float:
        gate = Gate(1)
        gate.pause(1e9)
        async with gate.slot():
            return now()

    assert run_virtually(main()) <= 1.1 * MAX_PAUSE


def test_waiting_and_limits_are_reported() -> None:
    seen: list[Event] = []

    async def main() -> None:
        gate = Gate(4, limit=AdaptiveLimit(4, maximum=4), observer=seen.append)

        async def busy() -> None:
            async with gate.slot():
                await asyncio.sleep(1)
                raise Throttled("busy")

        await asyncio.gather(*(busy() for _ in range(9)), return_exceptions=True)

    run_virtually(main())
    assert any(isinstance(event, Waited) and event.seconds > 0 for event in seen)
    assert any(isinstance(event, LimitChanged) and event.reason == "loss" for event in seen)


def waits_of(gate: Gate, requests: int, pause: float = 0.0) -> None:
    """So many requests of one second each, all asked for at once."""

    async def one() -> None:
        async with gate.slot():
            await asyncio.sleep(1)

    async def main() -> None:
        if pause:
            gate.pause(pause)
        await asyncio.gather(*(one() for _ in range(requests)))

    run_virtually(main())


@pytest.mark.parametrize("reason", ["limit", "rate", "pause"])
def test_each_wait_is_told_with_its_reason(reason: str) -> None:
    """What held a request back decides what to change: workers, rate, or patience."""
    spent = dict.fromkeys(("limit", "rate", "pause"), 0.0)

    def add(event: Event) -> None:
        if isinstance(event, Waited):
            spent[event.reason] += event.seconds

    rate = 2.0 if reason == "rate" else None
    workers = 1 if reason == "limit" else 10
    waits_of(
        Gate(workers, rate, observer=add, chance=lambda: 0.0), 4, pause=10.0 if reason == "pause" else 0.0
    )
    assert max(spent, key=lambda each: spent[each]) == reason
    assert spent["limit"] == pytest.approx(6.0 if reason == "limit" else 0.0)
    assert (spent["pause"] >= 40) == (reason == "pause")


@given(st.integers(1, 200), st.integers(1, 20), st.one_of(st.none(), st.floats(0.1, 1000)))
def test_shares_add_up_to_the_whole(whole: int, n: int, rate: float | None) -> None:
    budget = Budget(whole, rate)
    if n > whole:
        with pytest.raises(SettingsError):
            budget.share(n)
        return
    shares = [budget.share(n, index) for index in range(n)]
    assert sum(share.max_in_flight for share in shares) == whole
    if rate is not None:
        assert sum(share.rate_per_second or 0 for share in shares) == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_budget_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError):
        Budget(1, rate)
    with pytest.raises(SettingsError):
        Budget(0)
