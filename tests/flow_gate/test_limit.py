"""The adaptive limit against servers of queueing theory, and against anything at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flow_gate.queueing import (
    Server,
    Service,
    constant,
    exponential,
    lognormal,
    simulate,
    simulate_together,
)

from pi_lakeflow.flow.limit import AdaptiveLimit

SAMPLES = st.lists(
    st.tuples(st.floats(0.0, 1e6), st.integers(1, 100), st.booleans(), st.floats(0.0, 1e12)), max_size=200
)


@given(SAMPLES, st.floats(0.1, 200.0), st.integers(1, 8), st.integers(0, 60))
def test_stays_within_its_bounds_whatever_it_is_told(
    samples: list[tuple[float, int, bool, float]], initial: float, low: int, more: int
) -> None:
    limit = AdaptiveLimit(initial, minimum=low, maximum=low + more)
    for latency, in_flight, dropped, weight in samples:
        assert low <= limit.on_sample(latency, in_flight, dropped, weight=weight) <= low + more


@pytest.mark.parametrize("bounds", [(0, 4), (5, 4)])
def test_bounds_that_make_no_sense_are_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="minimum"):
        AdaptiveLimit(minimum=bounds[0], maximum=bounds[1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("service", "most"), [(constant(0.1), 1.5), (exponential(0.1), 3.0), (lognormal(0.1), 3.0)]
)
@pytest.mark.parametrize("workers", [4, 12])
def test_settles_near_the_knee(workers: int, service: Service, most: float, seed: int) -> None:
    """Most of the throughput; noise in the service costs some queue, never a runaway to the maximum."""
    trace = simulate(AdaptiveLimit(maximum=64), Server(workers, service), 150.0, seed=seed)
    assert 0.7 * workers <= mean(trace.between(75, 150)) <= most * workers
    assert trace.throughput(75, 150) >= 0.75 * workers / 0.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "weight",
    [
        lambda dice: dice.lognormvariate(0.0, 1.5),
        lambda dice: dice.choice([0.1, 30.0]),
        lambda dice: 1000.0 * dice.random(),
    ],
    ids=["lognormal", "two kinds", "uniform"],
)
def test_requests_of_varying_weight_do_not_hold_it_down(
    weight: Callable[[random.Random], float], seed: int
) -> None:
    """With workers to spare and no loss, latency that varies with size is no reason to stay low."""
    server = Server(1000, lognormal(0.05), weight=weight)
    limit = AdaptiveLimit(initial=1, maximum=16)
    dice = random.Random(seed)
    long_enough = 3000 * mean(weight(dice) for _ in range(50)) * 0.05 / 8
    trace = simulate(limit, server, max(60.0, long_enough), seed=seed)
    tail = trace.limits[len(trace.limits) // 2 :]
    assert mean(tail) >= 10
    assert min(tail) >= 4


def test_one_worker_needs_no_more_than_the_floor() -> None:
    trace = simulate(AdaptiveLimit(8, maximum=32), Server(1, lognormal(0.05)), 120.0)
    assert mean(trace.between(60, 120)) <= 3


def test_a_loss_reduces_at_once_and_once_per_round() -> None:
    limit = AdaptiveLimit(20, maximum=32)
    before = limit.limit
    after = limit.on_sample(1.0, int(before), dropped=True)
    assert after <= 0.7 * before
    assert [limit.on_sample(1.0, int(before), dropped=True) for _ in range(5)] == [after] * 5


def test_a_queue_that_overflows_is_respected() -> None:
    """The limit finds a place below the loss, and loses little there."""
    trace = simulate(AdaptiveLimit(4, maximum=64), Server(32, lognormal(0.1), queue=0), 300.0)
    assert trace.dropped <= 0.02 * trace.served
    assert mean(trace.between(150, 300)) >= 12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lasting", [20, 600])
def test_recovers_after_a_brown_out(lasting: int, seed: int) -> None:
    """A tenth of the speed, with time-outs; then soon everything as before, by and by and not at once."""
    end = 60 + lasting
    server = Server(12, lognormal(0.1), speed=lambda now: 0.1 if 60 <= now < end else 1.0, patience=1.5)
    trace = simulate(AdaptiveLimit(maximum=32), server, end + 160.0, seed=seed)
    assert min(trace.between(60, end + 5)) <= 4
    assert max(trace.between(end, end + 1)) <= 6
    assert trace.throughput(end + 10, end + 20) >= 0.8 * 12 / 0.1
    assert mean(trace.between(end + 80, end + 160)) >= 0.7 * 12


def test_recovers_from_the_floor() -> None:
    limit = AdaptiveLimit(8, maximum=16)
    for _ in range(50):
        limit.on_sample(0.1, 1, dropped=True)
    assert limit.limit == 1
    trace = simulate(limit, Server(1000, lognormal(0.05)), 60.0)
    assert mean(trace.between(40, 60)) >= 10


def test_grows_only_while_it_is_used() -> None:
    """Two requests at a time never prove that twenty are all right."""
    trace = simulate(AdaptiveLimit(4, maximum=64), Server(1000, lognormal(0.05)), 60.0, demand=2)
    assert max(trace.limits) <= 8


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("workers", [12, 1000])
def test_random_loss_is_no_load(workers: int, seed: int) -> None:
    """Two requests of a hundred get lost whatever we do: after a while that no longer slows us down."""
    trace = simulate(AdaptiveLimit(maximum=32), Server(workers, lognormal(0.1), noise=0.02), 120.0, seed=seed)
    assert mean(trace.between(60, 120)) >= min(0.8 * workers, 20)
    assert trace.throughput(60, 120) >= 0.7 * min(workers, 26) / 0.1


def test_random_loss_does_not_hide_load() -> None:
    """Used to random loss, it still gives way at once when the server gets slow."""
    server = Server(
        12, lognormal(0.1), noise=0.02, speed=lambda now: 0.1 if 100 <= now < 130 else 1.0, patience=1.5
    )
    trace = simulate(AdaptiveLimit(maximum=32), server, 220.0)
    assert mean(trace.between(60, 100)) >= 10
    assert min(trace.between(100, 132)) <= 4
    assert mean(trace.between(180, 220)) >= 0.7 * 12


def test_loss_beyond_the_believable_is_load() -> None:
    trace = simulate(AdaptiveLimit(maximum=32), Server(1000, lognormal(0.1), noise=0.3), 60.0)
    assert mean(trace.between(20, 60)) <= 3


@pytest.mark.parametrize("begins", [None, [0.0, 0.0, 0.0, 60.0]], ids=["together", "one comes late"])
def test_peers_share_a_server_fairly_and_do_not_flood_it(begins: list[float] | None) -> None:
    """Four processes: each gets a fair part, and together they queue little more than one alone would."""
    limits = [AdaptiveLimit(maximum=32, peers=4) for _ in range(4)]
    traces = simulate_together(limits, Server(12, lognormal(0.1)), 300.0, begins=begins)
    served = [trace.throughput(150, 300) for trace in traces]
    assert sum(served) >= 0.75 * 12 / 0.1
    assert min(served) >= 0.4 * sum(served) / 4
    assert sum(mean(trace.between(150, 300)) for trace in traces) <= 4 * 12


def test_another_maximum_holds_at_once() -> None:
    limit = AdaptiveLimit(32, maximum=32)
    limit.resize(4, peers=2)
    assert limit.limit <= 4
    limit.resize(16)
    trace = simulate(limit, Server(1000, lognormal(0.05)), 60.0)
    assert mean(trace.between(40, 60)) >= 10
    with pytest.raises(ValueError, match="maximum"):
        limit.resize(0)
