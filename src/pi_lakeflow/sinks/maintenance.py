"""Keeping a Delta table quick to read: few files of a good size, clustered if wished, old ones removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import time
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.sinks.delta import DeltaLakeTable

TARGET_BYTES = 128 << 20
BUSY_BYTES = 32 << 20  # of a file in a partition that still grows: it is rewritten until it has these
BUSY_FILES = 10  # smaller ones in such a partition, before they are joined
QUIET = timedelta(hours=2)  # a partition without a commit for so long is complete, as far as we know
SAFE = timedelta(days=7)
"""Files of versions younger than this stay: somebody may still read them, or be about to commit them."""


@dataclass(frozen=True, slots=True)
class Optimized:
    """What was done to one table; ``removed`` files were no longer part of any version that is kept."""

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    removed: int


def optimize(
    table: DeltaLakeTable,
    *,
    target_bytes: int = TARGET_BYTES,
    cluster_by: Sequence[str] = (),
    keep: timedelta | None = SAFE,
) -> Optimized:
    """Join small files into ones of about ``target_bytes``; order rows along ``cluster_by`` if given.

    Files that no version younger than ``keep`` needs are removed, and those that a killed run left behind;
    none when it is None. Rows and
    transactions stay as they are, and runs may go on meanwhile. Raises ``SettingsError`` for a ``keep``
    shorter than ``SAFE``.
    """
    if keep is not None and keep < SAFE:
        raise SettingsError(
            f"files younger than {SAFE.days} days may still be read, or be about to be committed",
            subject="--keep",
            hint=f"keep them for at least {SAFE.days} days",
        )
    before = table.maintain(_files)
    table.maintain(lambda handle, writer: _rewrite(handle, writer, target_bytes, cluster_by))
    removed = table.maintain(lambda handle, _: _vacuum(handle, keep)) if keep is not None else []
    after = table.maintain(_files)
    return Optimized(table.spec.name, before[0], after[0], before[1], after[1], len(removed))


@dataclass(frozen=True, slots=True)
class Joined:
    """What one round of joining small files did; ``conflicts`` partitions were left to the next one."""

    partitions: int = 0
    files: int = 0
    conflicts: int = 0

    def __add__(self, other: Joined) -> Joined:
        return Joined(
            self.partitions + other.partitions, self.files + other.files, self.conflicts + other.conflicts
        )


def join_small(table: DeltaLakeTable, *, busy_files: int = BUSY_FILES, quiet: timedelta = QUIET) -> Joined:
    """Join small files while others write, one partition per commit, where there is something to win.

    Files of a partition that still grows are left alone until there are ``busy_files`` of them, and joined
    to ``BUSY_BYTES``, so that its rows are rewritten a few times and not each time; one that was
    ``quiet`` for so long gets files of ``TARGET_BYTES``. Commits never wait for it: one that comes in
    its way wins. The change feed does not tell of it, and files of older versions stay.

    Raises ``SinkUnavailable`` when the table cannot be read or written.
    """
    done = Joined()
    for chosen, target, files in _crowded(table, busy_files, quiet):
        result = table.beside(partial(_join, chosen, target))
        done += Joined(conflicts=1) if result is None else Joined(1, files)
    return done


_Filter = list[tuple[str, str, str]]


def _crowded(table: DeltaLakeTable, busy_files: int, quiet: timedelta) -> Iterator[tuple[_Filter, int, int]]:
    """Partitions worth the work: their filter, the size that files should have, and how many are smaller."""
    names = table.spec.partition_by
    adds = pa.table(table.handle().get_add_actions(flatten=True))
    keys = list(zip(*(_texts(adds[f"partition.{name}"]) for name in names), strict=True))
    sizes, times = adds["size_bytes"].to_pylist(), adds["modification_time"].cast(pa.int64()).to_pylist()
    found: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for key, size, at in zip(keys or [()] * len(sizes), sizes, times, strict=True):
        found.setdefault(key, []).append((size, at))
    for key, files in found.items():
        busy = max(at for _, at in files) / 1000 > time() - quiet.total_seconds()
        target, least = (BUSY_BYTES, busy_files) if busy else (TARGET_BYTES, 2)
        small = sorted(size for size, _ in files if size < target)
        if len(small) >= least and sum(small[:2]) <= target:
            yield [(name, "=", value) for name, value in zip(names, key, strict=True)], target, len(small)


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Partition values as filters want them; the empty text stands for null."""
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _join(chosen: _Filter, target: int, handle: DeltaTable, writer: WriterProperties) -> dict[str, Any]:
    return handle.optimize.compact(
        partition_filters=chosen or None, target_size=target, max_concurrent_tasks=1, writer_properties=writer
    )


def _files(handle: DeltaTable, _: WriterProperties) -> tuple[int, int]:
    sizes = pa.table(handle.get_add_actions())["size_bytes"].to_numpy()
    return len(sizes), int(sizes.sum())


def _rewrite(handle: DeltaTable, writer: WriterProperties, target: int, columns: Sequence[str]) -> Any:
    if columns:
        return handle.optimize.z_order(list(columns), target_size=target, writer_properties=writer)
    return handle.optimize.compact(target_size=target, writer_properties=writer)


def _vacuum(handle: DeltaTable, keep: timedelta) -> list[str]:
    return handle.vacuum(retention_hours=int(keep.total_seconds() // 3600), dry_run=False, full=True)
