"""The documented classes for loops of one's own, with the documented examples."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pi_lakeflow
from pi_lakeflow import (
    MemoryEfficientIterator,
    PerformanceOptimizer,
    RateLimiter,
    calculate_optimal_batch_size,
)
from pi_lakeflow.flow.batchsize import LONGEST, SHORTEST, BatchSize
from pi_lakeflow.flow.progress import Progress, Stragglers, in_words
from pi_lakeflow.flow.rate import AdaptiveRate

TAGS = [f"F1DP-TAG-{i:06d}" for i in range(1, 1001)]


def test_the_names_are_public() -> None:
    for name in (
        "MemoryEfficientIterator",
        "PerformanceOptimizer",
        "RateLimiter",
        "calculate_optimal_batch_size",
    ):
        assert name in pi_lakeflow.__all__
        assert getattr(pi_lakeflow, name).__name__ == name


def test_the_batch_size_follows_the_time_as_documented() -> None:
    optimizer = PerformanceOptimizer(
        base_batch_size=100, max_batch_size=200, min_batch_size=25, max_workers=20, adaptive_sizing=True
    )
    assert optimizer.adjust_batch_size(batch_time=8.3, batch_size=100) == 120
    assert optimizer.current_batch_size == 120
    assert optimizer.adjust_batch_size(batch_time=18.2, batch_size=150) == 120
    assert optimizer.batch_times == [8.3, 18.2]
    assert optimizer.adjust_batch_size(12.0, 120) == 120
    assert optimizer.adjust_batch_size(0.1, 190) == 200
    assert optimizer.adjust_batch_size(1000.0, 30) == 25


def test_without_adaptive_sizing_the_size_stays() -> None:
    optimizer = PerformanceOptimizer(base_batch_size=100, adaptive_sizing=False)
    assert optimizer.adjust_batch_size(1.0, 100) == optimizer.adjust_batch_size(100.0, 100) == 100
    assert optimizer.batch_times == [1.0, 100.0]


@given(st.floats(0.001, 1.0), st.integers(1, 500))
def test_a_size_settles_where_a_server_takes_its_time_by_the_tag(seconds_per_tag: float, base: int) -> None:
    """Inside the band, or at a bound; never to and fro."""
    size = BatchSize(base, minimum=1, maximum=500)
    for _ in range(200):
        size.learn(size.current * seconds_per_tag, size.current)
    settled = size.current
    assert size.learn(settled * seconds_per_tag, settled) == settled
    assert SHORTEST <= settled * seconds_per_tag <= LONGEST or settled in (1, 500)


def test_chunks_follow_the_size_while_they_are_taken() -> None:
    optimizer = PerformanceOptimizer(base_batch_size=100, max_batch_size=200)
    taken = []
    for batch in optimizer.chunk_tags(TAGS):
        taken.append(batch)
        optimizer.adjust_batch_size(1.0, len(batch))
    assert [len(batch) for batch in taken][:4] == [100, 120, 144, 173]
    assert [tag for batch in taken for tag in batch] == TAGS
    assert [len(batch) for batch in optimizer.chunk_tags(TAGS, chunk_size=300)] == [300, 300, 300, 100]
    with pytest.raises(ValueError, match="chunk_size"):
        list(optimizer.chunk_tags(TAGS, chunk_size=0))


def test_the_documented_loop_ends_at_a_hundred_percent() -> None:
    optimizer = PerformanceOptimizer(base_batch_size=250, max_batch_size=250)
    optimizer.start_tracking()
    assert optimizer.estimate_completion_time(len(TAGS), 0)["eta_formatted"] == "unknown"
    for batch in optimizer.chunk_tags(TAGS):
        start = time.time()
        optimizer.adjust_batch_size(time.time() - start, len(batch))
        optimizer.track_progress(len(batch))
        eta = optimizer.estimate_completion_time(len(TAGS), optimizer.total_processed)
    assert (eta["percent_complete"], eta["remaining"], eta["eta_seconds"]) == (100.0, 0, 0.0)
    assert optimizer.total_processed == 1000
    assert f"{eta['percent_complete']:.1f}% | ETA: {eta['eta_formatted']}" == "100.0% | ETA: 0s"


def test_parallel_work_keeps_the_order_and_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    """As many threads as workers, results in the order of the items."""
    optimizer = PerformanceOptimizer(max_workers=4)
    together = threading.Barrier(4, timeout=10)

    def work(batch: list[str]) -> int:
        together.wait()
        return len(batch)

    batches = list(optimizer.chunk_tags(TAGS[:795], chunk_size=100))
    assert optimizer.process_in_parallel(
        items=batches, process_func=work, description="Extracting PI data"
    ) == [*[100] * 7, 95]
    first, last = capsys.readouterr().out.splitlines()
    assert first == "Extracting PI data: 8 batches with 4 workers"
    assert last.startswith("Extracting PI data complete: 8/8 succeeded in ")
    assert last.endswith(" batches/sec)")


def test_what_fails_in_parallel_is_left_out_and_kept_with_its_error() -> None:
    said: list[str] = []
    optimizer = PerformanceOptimizer(max_workers=2, say=said.append)
    results = optimizer.process_in_parallel([1, 0, 2], lambda number: 10 // number)
    assert results == [10, 5]
    assert [(item, type(error)) for item, error in optimizer.failures] == [(0, ZeroDivisionError)]
    assert "2/3 succeeded" in said[-1]
    with pytest.raises(ZeroDivisionError):
        optimizer.process_in_parallel([0], lambda number: 10 // number)


def test_the_iterator_yields_what_the_example_reads() -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)
    iterator = MemoryEfficientIterator(
        tags=TAGS[:250], start_time=end - timedelta(days=365), end_time=end, batch_size=100
    )
    assert len(iterator) == 3
    batches = list(iterator)
    assert [(b["batch_number"], b["total_batches"]) for b in batches] == [(1, 3), (2, 3), (3, 3)]
    assert [tag for b in batches for tag in b["tags"]] == TAGS[:250]
    assert {(b["start_time"], b["end_time"]) for b in batches} == {(end - timedelta(days=365), end)}
    assert list(iterator) == batches
    with pytest.raises(ValueError, match="batch_size"):
        MemoryEfficientIterator(TAGS, end, end, batch_size=0)


@given(st.integers(1, 10**6), st.floats(0.1, 512), st.floats(0, 1e7))
def test_an_optimal_batch_is_a_step_of_the_engine(tags: int, memory: float, records: float) -> None:
    size = calculate_optimal_batch_size(tags, memory, records)
    assert 1 <= size <= tags
    assert size * records <= 250_000 or size == 1
    more = calculate_optimal_batch_size(tags, memory * 2, records)
    assert more >= size


def test_the_documented_optimal_batch_size() -> None:
    assert (
        calculate_optimal_batch_size(total_tags=100000, available_memory_gb=16.0, avg_records_per_tag=3600)
        == 69
    )


def test_a_rate_goes_down_and_comes_back() -> None:
    rate = AdaptiveRate(10, minimum=1, maximum=50)
    for _ in range(100):
        rate.on_response(5.0)
    assert rate.rate == 1
    for _ in range(300):
        rate.on_response(0.05)
    assert rate.rate == 50
    assert rate.on_throttled() == pytest.approx(35)
    assert rate.on_throttled() == pytest.approx(35)  # sent before the first answer was known


def test_a_limiter_spaces_starts_for_all_threads_together() -> None:
    """Twelve starts at forty a second by three threads: none before its turn."""
    limiter = RateLimiter(initial_rate=40, max_rate=40, min_rate=40)
    starts: list[float] = []

    def work() -> None:
        for _ in range(4):
            limiter.wait_if_needed()
            starts.append(time.monotonic())
            limiter.record_response_time(0.001)

    threads = [threading.Thread(target=work) for _ in range(3)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 12
    assert all(at - begun >= place / 40 - 1e-3 for place, at in enumerate(sorted(starts)))


def test_a_limiter_adapts_within_its_bounds() -> None:
    limiter = RateLimiter(initial_rate=1000, max_rate=5000, min_rate=500)
    for _ in range(60):
        limiter.wait_if_needed()
        limiter.record_response_time(10.0)
    assert limiter.current_rate == 500
    fixed = RateLimiter(initial_rate=1000, max_rate=5000, min_rate=500, adaptive=False)
    for _ in range(60):
        fixed.record_response_time(10.0)
    assert fixed.current_rate == 1000
    with pytest.raises(ValueError, match="min_rate"):
        RateLimiter(min_rate=5, max_rate=1)


def test_time_left_forgets_a_slow_start() -> None:
    """Ten seconds at one a second, then a hundred a second: the estimate follows the latter."""
    progress = Progress(10_000, now=0.0)
    for second in range(1, 101):
        progress.advance(1 if second <= 10 else 100, float(second))
    assert progress.left(100.0) == pytest.approx((10_000 - progress.done) / 100, rel=0.01)
    assert Progress(0, now=0.0).fraction == 1.0
    assert Progress(5, now=0.0).left(1.0) is None


def test_after_a_tenth_the_time_left_is_known_within_a_fifth() -> None:
    """Steps of uneven length after a start at a third of the pace, as a run makes them."""
    dice, now, done = random.Random(7), 0.0, 0.0
    progress = Progress(1.0, now)
    told = []
    while done < 1.0:
        pace = 0.0015 if done < 0.03 else 0.0045
        step = dice.uniform(0.002, 0.008)
        now += step / pace * dice.uniform(0.6, 1.4)
        done = min(1.0, done + step)
        progress.reach(done, now)
        told.append((done, now, progress.left(now)))
    assert all(left == pytest.approx(now - at, rel=0.2) for share, at, left in told if 0.1 <= share < 0.95)


def test_a_lane_that_goes_on_alone_decides_when_the_run_ends() -> None:
    """Two steps of a tenth took two seconds each; another lane is done, a third has hardly begun."""
    lanes = Stragglers()
    assert lanes.left(0.0) == 0.0
    for now in (2.0, 4.0):
        lanes.read("dense", gained=10, left=100 - 5 * now, seconds=2.0, now=now)
    lanes.read("sparse", gained=50, left=0, seconds=9.0, now=4.0)
    lanes.read("beginner", gained=1, left=1_000, seconds=5.0, now=4.0)
    assert lanes.left(4.0) == pytest.approx(16.0)
    assert lanes.left(9.0) == pytest.approx(11.0)


def test_durations_in_words() -> None:
    assert [in_words(s) for s in (0, 42, 425, 11_520, 187_200)] == ["0s", "42s", "7m 05s", "3h 12m", "2d 04h"]
