"""Whether a benchmark brought what the archive holds. A fast wrong answer is none."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from benchmarks.server import NOW, config_of
from benchmarks.suite import Case
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import World

_DAY = 86_400_000_000
UNTIL = to_micros(NOW)
_COUNTS = """
    select day, rows, count(*) from (
        select tag_name, epoch_us(timestamp) // 86400000000 as day, count(*) as rows
        from read_parquet($files, hive_partitioning=false) group by all
    ) group by all
"""
SAMPLED = 5  # tags whose values are compared one by one


class Wrong(Exception):
    """The lake does not hold the truth."""


def verify(case: Case, table: Path) -> None:
    """Each tag has the archive's number of events on each day, and some have the archive's values."""
    world, until = world_of(case), UNTIL
    since = until - round(case.hours * 3_600_000_000)
    tags = list(world.tags())
    places = np.linspace(0, len(tags) - 1, min(SAMPLED, len(tags)))
    chosen = [tags[round(place)] for place in places]
    true = {tag.name: world.truth(tag, since, until).select(["timestamp", "value"]) for tag in chosen}
    counts = [Counter((_micros(rows) // _DAY).tolist()) for rows in true.values()]
    if any(each != counts[0] for each in counts):
        raise Wrong("the world is not uniform: its counts cannot be foretold")
    files = DeltaTable(str(table)).file_uris()
    with duckdb.connect() as connection:
        counted = connection.execute(_COUNTS, {"files": files}).fetchall()
        expected = {(day, rows, len(tags)) for day, rows in counts[0].items()}
        if set(counted) != expected:
            told = f"the lake has {sorted(counted)[:5]}, the archive {sorted(expected)[:5]}"
            raise Wrong(f"{case.label}: day, rows, tags: {told}")
        for name, rows in true.items():
            _same_values(connection, files, name, rows)


def files_of(table: Path) -> tuple[int, int]:
    """How many files a table has, and the size that half of its bytes are in files of, or of more."""
    sizes = sorted((Path(uri).stat().st_size for uri in DeltaTable(str(table)).file_uris()), reverse=True)
    half = sum(sizes) / 2
    reached = next(place for place, total in enumerate(accumulate(sizes)) if total >= half)
    return len(sizes), sizes[reached]


def world_of(case: Case) -> World:
    """The archive behind the case's server."""
    config = config_of(case)
    return World(
        seed=config.seed,
        tags=config.tags,
        density=config.density,
        uniform=config.uniform,
        clock=config.clock,
        start=config.start,
    )


def _micros(rows: pa.Table) -> np.ndarray:
    return rows["timestamp"].cast("int64").to_numpy()


def _same_values(connection: duckdb.DuckDBPyConnection, files: list[str], name: str, true: pa.Table) -> None:
    held = connection.execute(
        "select epoch_us(timestamp) as at, value from read_parquet($files, hive_partitioning=false) "
        "where tag_name = $name order by timestamp",
        {"files": files, "name": name},
    ).fetchnumpy()
    same = np.array_equal(held["at"], _micros(true))
    if not same or not np.array_equal(held["value"], true["value"].to_numpy()):
        raise Wrong(f"the values of {name} are not the archive's")
