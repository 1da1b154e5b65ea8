"""The engine's own parts for people who write the loop over the tags themselves.

    size = calculate_optimal_batch_size(100_000, available_memory_gb=16, avg_records_per_tag=3_600)
    optimizer = PerformanceOptimizer(base_batch_size=size, max_workers=20)
    optimizer.start_tracking()
    for batch in optimizer.chunk_tags(tags):
        ...
        optimizer.adjust_batch_size(seconds, len(batch))
        optimizer.track_progress(len(batch))

``PILakeflowConnector.run`` does all of this by itself, with the same batch sizes and the same progress.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from pi_lakeflow.engines.embedded import EngineSize
from pi_lakeflow.flow.batchsize import BatchSize
from pi_lakeflow.flow.chunks import chunks
from pi_lakeflow.flow.progress import Progress, in_words

T = TypeVar("T")
R = TypeVar("R")
_LANES = 8
_LOG = logging.getLogger("pi_lakeflow.performance")


def calculate_optimal_batch_size(
    total_tags: int, available_memory_gb: float, avg_records_per_tag: float
) -> int:
    """Tags whose records make up one step of the engine in so much memory: between 1 and ``total_tags``.

    More at once would be read in several steps, and less would leave requests small.
    """
    if available_memory_gb <= 0:
        raise ValueError(f"available_memory_gb must be positive, not {available_memory_gb}")
    rows = EngineSize.for_memory(available_memory_gb, _LANES).step.rows
    return max(1, min(total_tags, int(rows / max(avg_records_per_tag, 1e-9))))


class PerformanceOptimizer:
    """Batches that follow the time they take, a pool of threads, and progress with an ETA.

    ``current_batch_size`` is a number of tags, ``batch_times`` holds the seconds of each batch,
    ``total_processed`` counts tags, ``failures`` what ``process_in_parallel`` could not do. A
    ``base_batch_size`` outside its bounds starts at the nearer one. ``say`` gets the lines for people.
    """

    def __init__(
        self,
        base_batch_size: int = 100,
        max_batch_size: int = 200,
        min_batch_size: int = 25,
        max_workers: int = 10,
        adaptive_sizing: bool = True,
        *,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers must be at least 1, not {max_workers}")
        self.base_batch_size = base_batch_size
        self.max_batch_size = max_batch_size
        self.min_batch_size = min_batch_size
        self.max_workers = max_workers
        self.adaptive_sizing = adaptive_sizing
        self.batch_times: list[float] = []
        self.failures: list[tuple[Any, Exception]] = []
        self._size = BatchSize(
            base_batch_size, minimum=min_batch_size, maximum=max_batch_size, adaptive=adaptive_sizing
        )
        self._say = say or _said
        self._lock = threading.Lock()
        self.start_tracking()

    @property
    def current_batch_size(self) -> int:
        return self._size.current

    @property
    def total_processed(self) -> int:
        return int(self._progress.done)

    def start_tracking(self) -> None:
        """Progress and times count from now."""
        self._progress = Progress(0, time.monotonic())
        self.batch_times.clear()

    def chunk_tags(self, tags: Sequence[T], chunk_size: int | None = None) -> Iterator[list[T]]:
        """Lists of ``chunk_size`` tags, or of ``current_batch_size`` as it is when each is taken."""
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        if chunk_size is not None:
            yield from map(list, chunks(tags, chunk_size))
            return
        start = 0
        while start < len(tags):
            end = start + self.current_batch_size
            yield list(tags[start:end])
            start = end

    def adjust_batch_size(self, batch_time: float, batch_size: int) -> int:
        """A batch of ``batch_size`` tags took ``batch_time`` seconds; returns the size from now on.

        The time is kept between 5 and 15 seconds: under 10 a fifth more tags, over 15 a fifth fewer.
        """
        with self._lock:
            self.batch_times.append(batch_time)
            return self._size.learn(batch_time, batch_size)

    def track_progress(self, processed: int) -> int:
        """``processed`` more tags are done; returns how many are done in all."""
        with self._lock:
            self._progress.advance(processed, time.monotonic())
            return self.total_processed

    def estimate_completion_time(self, total: int, processed: int | None = None) -> dict[str, Any]:
        """``percent_complete``, ``eta_formatted``, ``eta_seconds`` (None while unknown), ``elapsed_seconds``,
        ``tags_per_second``, ``processed``, ``remaining``; ``processed`` None means what was tracked."""
        now = time.monotonic()
        with self._lock:
            done = self.total_processed if processed is None else processed
            elapsed = now - self._progress.started
            pace = self._progress.pace(now) or (done / elapsed if elapsed > 0 else 0.0)
        remaining = max(0, total - done)
        left = 0.0 if not remaining else remaining / pace if pace > 0 else None
        return {
            "percent_complete": min(100.0, 100.0 * done / total) if total > 0 else 100.0,
            "eta_seconds": left,
            "eta_formatted": "unknown" if left is None else in_words(left),
            "elapsed_seconds": elapsed,
            "tags_per_second": pace,
            "processed": done,
            "remaining": remaining,
        }

    def process_in_parallel(
        self, items: Sequence[T], process_func: Callable[[T], R], description: str = "Processing"
    ) -> list[R]:
        """The results in the order of ``items``, made by ``max_workers`` threads.

        An item that fails is left out, told in a warning, and kept in ``failures`` with its error;
        when all fail the first error is raised.
        """
        items = list(items)
        self.failures = []
        self._say(f"{description}: {len(items)} batches with {self.max_workers} workers")
        started = time.monotonic()
        with ThreadPoolExecutor(self.max_workers, thread_name_prefix="optimizer") as pool:
            futures = [pool.submit(process_func, item) for item in items]
            self._follow(futures, description)
        results = []
        for item, future in zip(items, futures, strict=True):
            error = future.exception()
            if error is None:
                results.append(future.result())
            elif isinstance(error, Exception):
                self.failures.append((item, error))
            else:
                raise error
        seconds = time.monotonic() - started
        self._say(
            f"{description} complete: {len(results)}/{len(items)} succeeded in {seconds:.1f}s "
            f"({len(items) / max(seconds, 1e-9):.1f} batches/sec)"
        )
        if self.failures and not results:
            raise self.failures[0][1]
        return results

    def _follow(self, futures: Sequence[Future[R]], description: str) -> None:
        for done, future in enumerate(as_completed(futures), start=1):
            error = future.exception()
            if error is not None:
                _LOG.warning("%s: one of %d failed: %s", description, len(futures), error)
            _LOG.debug("%s: %d of %d", description, done, len(futures))


def _said(line: str) -> None:
    """On standard output and in the log: the loop belongs to a script of the user's."""
    sys.stdout.write(f"{line}\n")
    _LOG.debug(line)
