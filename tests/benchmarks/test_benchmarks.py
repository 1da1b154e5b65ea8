"""The benchmarks run, compare with the truth, and have written the tables that the page shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from benchmarks.suite import Case

from benchmarks import plot, results, suite, tables, truth

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("size", suite.SIZES)
def test_every_scenario_has_cases_at_every_size(size: str) -> None:
    for name in suite.names():
        assert suite.load(name, size).cases, name


@pytest.mark.timeout(300)
def test_the_quick_size_runs_all_of_them() -> None:
    """Servers, contenders, parts by themselves, comparisons with the truth; and it touches no table."""
    before = tables.PAGE.read_text(encoding="utf-8")
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in suite.names():
        for case in suite.load(name, "quick").cases:
            assert f"{case.rows:,} rows" in done.stdout
    assert tables.PAGE.read_text(encoding="utf-8") == before


def test_the_page_shows_what_was_measured_last(tmp_path: Path) -> None:
    """If this fails: ``python -m benchmarks --render``."""
    page = tmp_path / "performance.md"
    shutil.copy(tables.PAGE, page)
    tables.render(page, results.FOLDER, tmp_path / "performance")
    assert page.read_text(encoding="utf-8") == tables.PAGE.read_text(encoding="utf-8")
    for picture in (tmp_path / "performance").glob("*.svg"):
        assert picture.read_text() == (tables.PAGE.parent / "performance" / picture.name).read_text()


def lake(folder: Path, case: Case, *, lose: int = 0, spoil: bool = False) -> Path:
    """What a contender might have brought."""
    world = truth.world_of(case)
    since = truth.UNTIL - round(case.hours * 3_600_000_000)
    true = [world.truth(tag, since, truth.UNTIL) for tag in world.tags()]
    rows = pa.concat_tables(true).select(["tag_name", "timestamp", "value"]).slice(lose)
    if spoil:
        rows = rows.set_column(2, "value", pa.array([0.25] * rows.num_rows))
    write_deltalake(str(folder), rows)
    return folder


def test_a_benchmark_with_wrong_rows_fails(tmp_path: Path) -> None:
    case = Case("c", "product", tags=8, hours=30)
    truth.verify(case, lake(tmp_path / "right", case))
    with pytest.raises(truth.Wrong, match="day, rows, tags"):
        truth.verify(case, lake(tmp_path / "short", case, lose=1))
    with pytest.raises(truth.Wrong, match="values"):
        truth.verify(case, lake(tmp_path / "spoilt", case, spoil=True))


def test_a_plot_holds_every_curve() -> None:
    text = plot.lines({"a": [(0, 0), (10, 300)], "b": [(0, 100)]}, x="seconds", y="MB")
    assert text.count("<polyline") == 2
    assert "seconds" in text
