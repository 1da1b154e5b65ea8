"""The alarm report: hand-checked figures, the same on three engines."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pi_lakeflow.app.alarms.keep import rows_of
from pi_lakeflow.app.alarms.performance import measure
from pi_lakeflow.app.alarms.queries import query, texts, views
from pi_lakeflow.cli.program import run
from pi_lakeflow.historians.pi.decode.frames import SEVERITIES
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.model.span import Span, to_micros
from pi_lakeflow.sinks.delta import DeltaLake

DAY = datetime(2025, 6, 1, tzinfo=UTC)
SPAN = Span(to_micros(datetime(2025, 6, 1, tzinfo=UTC)), to_micros(datetime(2025, 6, 3, tzinfo=UTC)))
Capture = pytest.CaptureFixture[str]


def alarm(
    key: str, minutes: float, *, lasts: float | None = 2, severity: int = 3, acknowledged: float | None = None
) -> dict[str, Any]:
    """An alarm that starts so many minutes after the day's beginning."""
    start = DAY + timedelta(minutes=minutes)
    return {
        "annotation_id": f"{key} {minutes}",
        "event_frame_id": f"{key} {minutes}",
        "tag_webid": "E1",
        "timestamp": start,
        "source": "event_frame",
        "database_name": "Plant",
        "alarm_name": f"{key} {start:%Y-%m-%d}",
        "alarm_key": key,
        "template_name": "Limit Alarm",
        "severity": severity,
        "severity_name": SEVERITIES[severity],
        "start_time": start,
        "end_time": None if lasts is None else start + timedelta(minutes=lasts),
        "is_active": lasts is None,
        "can_be_acknowledged": True,
        "acknowledged": acknowledged is not None,
        "acknowledged_at": None if acknowledged is None else start + timedelta(minutes=acknowledged),
        "date": start.date(),
    }


def plant_rows() -> pa.Table:
    """A flood of twelve alarms and its fading (6, then 4), a chatterer, a stale one, a quiet one."""
    flood = [alarm(f"F{n}", 60 + n / 2, severity=4) for n in range(12)]
    fading = [alarm(f"G{n}", 70 + n) for n in range(6)] + [alarm(f"H{n}", 80 + n) for n in range(4)]
    chatter = [alarm("Chatter", 300 + n / 3, lasts=0.1, acknowledged=10) for n in range(4)]
    stale = [alarm("Stale", 600, lasts=None, severity=6)]
    other = [
        alarm("Other", 2000, severity=5, acknowledged=30),
        {**alarm("Later", 4000), "date": date(2025, 6, 3)},
    ]
    noted = {**alarm("Noted", 10), "source": "annotation", "database_name": None}
    return rows_of(PI_ALARM_EVENTS, [*flood, *fading, *chatter, *stale, *other, noted], ingested_at=SPAN.end)


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    made = DeltaLake(str(tmp_path / "lake"))
    made.table(PI_ALARM_EVENTS).merge(plant_rows())
    return made


def test_figures_by_hand(lake: DeltaLake) -> None:
    (found,) = measure(lake, SPAN)
    figures = {figure.name: figure for figure in found.figures}
    assert found.alarms == 28
    assert figures["Alarms per operator and day"].value == 14
    assert figures["Alarms per operator and hour"].value == pytest.approx(28 / 48)
    assert figures["Most alarms in 10 minutes"].value == 12
    assert figures["Most alarms in 10 minutes"].good is False
    assert figures["10 minutes with more than 10 alarms"].value == pytest.approx(100 / 288)
    (flood,) = found.tables["alarm_floods"]
    hour = int((DAY + timedelta(hours=1)).timestamp())
    assert (flood["start_s"], flood["end_s"], flood["alarms"], flood["peak"]) == (hour, hour + 1200, 18, 12)
    assert figures["Time in flood"].value == pytest.approx(100 * 20 / 2880)
    (chatterer,) = found.tables["alarm_chattering"]
    assert (chatterer["alarm_key"], chatterer["alarms"], chatterer["chattering"]) == ("Chatter", 4, 2)
    (stale,) = found.tables["alarm_stale"]
    assert (stale["alarm_key"], stale["seconds"]) == ("Stale", (2880 - 600) * 60)
    assert next(row["alarm_key"] for row in found.bad_actors) == "Chatter"
    assert found.bad_actors[0]["share"] == pytest.approx(4 / 28)
    assert len(found.bad_actors) == 10
    assert figures["Mean time to acknowledge"].value == pytest.approx((4 * 10 + 30) / 5)
    assert figures["Alarms never acknowledged"].value == pytest.approx(100 * 23 / 28)
    shares = {row["priority"]: row["alarms"] for row in found.tables["alarm_priorities"]}
    assert shares == {"low": 14, "medium": 12, "high": 2}
    assert found.severities == {"Warning": 14, "Minor": 12, "Major": 1, "Critical": 1}


def test_more_operators_share_the_alarms(lake: DeltaLake) -> None:
    (found,) = measure(lake, SPAN, operators=2)
    figures = {figure.name: figure.value for figure in found.figures}
    assert figures["Alarms per operator and day"] == 7


@pytest.mark.parametrize("name", texts())
def test_duckdb_gives_the_same_answers(lake: DeltaLake, name: str) -> None:
    seconds = (SPAN.start // 10**6, SPAN.end // 10**6)
    engine = duckdb.connect()
    engine.execute("set timezone='UTC'")
    engine.register("pi_alarm_events", plant_rows())
    answer = pa.table(engine.sql(query(name, "duckdb", span=seconds)))
    mine = lake.sql(query(name, "datafusion", span=seconds), [PI_ALARM_EVENTS])
    assert rounded(answer.to_pylist()) == rounded(mine.to_pylist())


def rounded(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    plain = [
        tuple(
            round(float(v), 6) if isinstance(v, int | float) or hasattr(v, "as_tuple") else v
            for v in row.values()
        )
        for row in rows
    ]
    return sorted(plain, key=str)


def test_the_views_can_be_made(lake: DeltaLake) -> None:
    engine = duckdb.connect()
    engine.register("events", plant_rows())
    engine.execute("create schema bronze; create table bronze.pi_alarm_events as select * from events")
    for statement in views("duckdb", "bronze.pi_alarm_events", "bronze"):
        engine.execute(statement)
    assert engine.execute("select sum(alarms) from bronze.alarm_per_hour").fetchone() == (29,)
    assert engine.execute("select count(*) from bronze.alarm_floods").fetchone() == (1,)


def test_the_printed_report_and_its_page(lake: DeltaLake, tmp_path: Path, capsys: Capture) -> None:
    page = tmp_path / "report.html"
    where = ["--url", "http://localhost/piwebapi", "--lake", lake.root]
    assert run(["alarms", "report", *where, "--year", "2025", "--html", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "Alarms per operator and day" in shown
    assert "Chatter" in shown
    text = page.read_text()
    assert "Alarm report 2025" in text
    assert re.search(r"Floods</td><td class=\"n\">1</td>", text)
    assert run(["alarms", "report", *where, "--year", "2025", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["severities"] == {"Warning": 15, "Minor": 12, "Major": 1, "Critical": 1}
    assert lines[-1]["alarms"] == 29
    assert run(["alarms", "report", *where, "--year", "2025", "--since", "t"]) == 2


def test_a_lake_without_alarms_says_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    where = ["--url", "http://localhost/piwebapi", "--lake", str(tmp_path)]
    assert run(["alarms", "report", *where]) == 2
    assert "pi-lakeflow alarms" in capsys.readouterr().err


def test_hostile_names_do_no_harm_in_the_page(lake: DeltaLake, tmp_path: Path) -> None:
    bad = {**alarm("<script>alert(1)</script>", 5), "annotation_id": "x"}
    lake.table(PI_ALARM_EVENTS).merge(rows_of(PI_ALARM_EVENTS, [bad], ingested_at=SPAN.end))
    page = tmp_path / "report.html"
    where = ["--url", "http://localhost/piwebapi", "--lake", lake.root]
    span = ["--since", "2025-06-01T00:00Z", "--until", "2025-06-01T00:10Z"]
    assert run(["alarms", "report", *where, *span, "--html", str(page)]) == 0
    assert "<script>" not in page.read_text()
