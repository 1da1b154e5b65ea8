"""Cutting a list into pieces of a size, without a second copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Slices of ``size`` items; the last may be shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))


class MemoryEfficientIterator:
    """Batches of a huge list of tags, one dict at a time; may be iterated more than once.

    Each dict has ``batch_number`` (from 1), ``total_batches``, ``tags`` (a list), ``start_time`` and
    ``end_time`` as given. ``len()`` is the number of batches.
    """

    def __init__(
        self, tags: Sequence[str], start_time: datetime | str, end_time: datetime | str, batch_size: int = 100
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self.tags = tags
        self.start_time = start_time
        self.end_time = end_time
        self.batch_size = batch_size

    def __len__(self) -> int:
        return (len(self.tags) + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, batch in enumerate(chunks(self.tags, self.batch_size), start=1):
            yield {
                "batch_number": number,
                "total_batches": len(self),
                "tags": list(batch),
                "start_time": self.start_time,
                "end_time": self.end_time,
            }
