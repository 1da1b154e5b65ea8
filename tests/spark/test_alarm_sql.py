"""Alarms in Spark SQL: the question that users ask word for word, and the queries of the report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pi_lakeflow.app.alarms.keep import rows_of
from pi_lakeflow.app.alarms.queries import query, texts, views
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.sinks.delta import DeltaLake

NOW = datetime.now(UTC).replace(microsecond=0)
QUESTION = """
-- Find equipment with frequent alarms
SELECT
    h.element_path,
    COUNT(*) as alarm_count,
    AVG(DATEDIFF(minute, a.start_time, COALESCE(a.end_time, CURRENT_TIMESTAMP()))) as avg_duration_min
FROM bronze.pi_alarm_events a
JOIN bronze.pi_asset_hierarchy h ON a.tag_webid = h.element_id
WHERE a.timestamp >= CURRENT_DATE() - INTERVAL 30 DAYS
GROUP BY h.element_path
HAVING alarm_count > 10
ORDER BY alarm_count DESC
"""
pytestmark = pytest.mark.timeout(300)


def alarm(element: str, number: int, *, days: float, minutes: float) -> dict[str, Any]:
    """One of the alarms of an element, so many days ago."""
    start = NOW - timedelta(days=days, minutes=number)
    key = f"{element} {number}"
    return {
        "annotation_id": key,
        "event_frame_id": key,
        "tag_webid": element,
        "timestamp": start,
        "source": "event_frame",
        "database_name": "Plant",
        "alarm_key": f"Alarm of {element}",
        "alarm_name": key,
        "severity": number % 7,
        "start_time": start,
        "end_time": start + timedelta(minutes=minutes),
        "is_active": False,
        "can_be_acknowledged": True,
        "acknowledged": number % 2 == 0,
        "acknowledged_at": start + timedelta(minutes=1) if number % 2 == 0 else None,
        "date": start.date(),
    }


def alarms() -> pa.Table:
    """Twelve recent ones of E1 (4 minutes), fifteen of E2 (10 minutes), few of E3, old ones of E4."""
    rows = [alarm("E1", n, days=2, minutes=4) for n in range(12)]
    rows += [alarm("E2", n, days=3, minutes=10) for n in range(15)]
    rows += [alarm("E3", n, days=2, minutes=1) for n in range(10)]
    rows += [alarm("E4", n, days=60, minutes=1) for n in range(40)]
    return rows_of(PI_ALARM_EVENTS, rows, ingested_at=to_micros(NOW))


@pytest.fixture(scope="module")
def bronze(spark: Any) -> Iterator[Any]:
    """The tables in a schema of that name."""
    elements = pa.table({"element_id": ["E1", "E2", "E3", "E4"], "element_path": ["/1", "/2", "/3", "/4"]})
    spark.sql("CREATE SCHEMA IF NOT EXISTS bronze")
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.createDataFrame(alarms()).write.saveAsTable("bronze.pi_alarm_events")
    spark.createDataFrame(elements).write.saveAsTable("bronze.pi_asset_hierarchy")
    yield spark
    spark.sql("DROP SCHEMA bronze CASCADE")
    spark.conf.set("spark.sql.session.timeZone", zone)


def test_frequent_alarms_word_for_word(bronze: Any) -> None:
    answer = [tuple(row) for row in bronze.sql(QUESTION).collect()]
    assert answer == [("/2", 15, 10.0), ("/1", 12, 4.0)]


def test_the_queries_of_the_report_give_what_the_product_prints(bronze: Any, tmp_path: Path) -> None:
    lake = DeltaLake(str(tmp_path / "lake"))
    lake.table(PI_ALARM_EVENTS).merge(alarms())
    span = (int((NOW - timedelta(days=90)).timestamp()), int(NOW.timestamp()))
    for name in texts():
        mine = lake.sql(query(name, "datafusion", span=span), [PI_ALARM_EVENTS]).to_pylist()
        theirs = bronze.sql(query(name, "spark", span=span, table="bronze.pi_alarm_events")).collect()
        assert rounded([row.asDict() for row in theirs]) == rounded(mine), name


def test_the_queries_are_views_too(bronze: Any) -> None:
    for statement in views("spark", "bronze.pi_alarm_events", "bronze"):
        bronze.sql(statement)
    assert bronze.sql("select sum(alarms) from bronze.alarm_per_hour").collect()[0][0] == 77


def rounded(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    def plain(value: Any) -> Any:
        return value if value is None or isinstance(value, str) else round(float(value), 6)

    return sorted((tuple(plain(value) for value in row.values()) for row in rows), key=str)
