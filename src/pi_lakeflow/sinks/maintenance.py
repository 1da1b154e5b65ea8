"""Keeping a Delta table quick to read: few files of a good size, clustered if wished, old ones removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.sinks.delta import DeltaLakeTable

TARGET_BYTES = 128 << 20
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


def _files(handle: DeltaTable, _: WriterProperties) -> tuple[int, int]:
    sizes = pa.table(handle.get_add_actions())["size_bytes"].to_numpy()
    return len(sizes), int(sizes.sum())


def _rewrite(handle: DeltaTable, writer: WriterProperties, target: int, columns: Sequence[str]) -> Any:
    if columns:
        return handle.optimize.z_order(list(columns), target_size=target, writer_properties=writer)
    return handle.optimize.compact(target_size=target, writer_properties=writer)


def _vacuum(handle: DeltaTable, keep: timedelta) -> list[str]:
    return handle.vacuum(retention_hours=int(keep.total_seconds() // 3600), dry_run=False, full=True)
