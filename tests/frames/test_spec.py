"""The examples that users write, run as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import Plant, plant

from pi_lakeflow.historians.pi.tables.alarms import PI_ACTIVE_ALARMS, PI_ALARM_EVENTS
from pi_lakeflow.simulator import FramePlan, RealClock
from pi_lakeflow.simulator.world import ticks as t

EXAMPLE = """
from pi_lakeflow import AlarmExtractor
from pi_lakeflow import PIWebAPIClient

# Initialize client
client = PIWebAPIClient(base_url=url, auth=auth)
alarm_extractor = AlarmExtractor(client)

# Extract notification rules
rules = alarm_extractor.extract_notification_rules(database_webid=database)

# Extract alarm events for a tag
events = alarm_extractor.extract_alarm_events(
    tag_webid=tag,
    start_time=datetime.now() - timedelta(days=30),
    end_time=datetime.now()
)

# Get currently active alarms
active_alarms = alarm_extractor.extract_active_alarms(database_webid=database)

# Alarm summary statistics
summary = alarm_extractor.extract_alarm_summary(
    database_webid=database,
    start_time=datetime.now() - timedelta(days=7),
    end_time=datetime.now()
)
"""
AUDIT = """
# Track all alarms for audit trail
alarm_audit = alarm_extractor.extract_alarm_summary(
    database_webid=database,
    start_time=datetime(2026, 1, 1),
    end_time=datetime(2026, 12, 31)
)

# Generate annual alarm report
print(f"Total alarms: {alarm_audit['total_alarms']}")
print(f"Active alarms: {alarm_audit['active_alarms']}")
print(f"Severity distribution: {alarm_audit['severity_distribution']}")
"""
EVENT_COLUMNS = {
    "annotation_id": pa.string(),
    "tag_webid": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "value": pa.float64(),
    "description": pa.string(),
    "creator": pa.string(),
    "annotation_time": pa.timestamp("us", tz="UTC"),
    "good": pa.bool_(),
}
ACTIVE_COLUMNS = {
    "event_frame_id": pa.string(),
    "alarm_name": pa.string(),
    "template_name": pa.string(),
    "start_time": pa.timestamp("us", tz="UTC"),
    "severity": pa.int32(),
    "primary_element_id": pa.string(),
    "acknowledged": pa.bool_(),
    "is_active": pa.bool_(),
}


@pytest.fixture
def works() -> Iterator[Plant]:
    """A plant whose present is the real one: the example says "the last 30 days"."""
    plan = FramePlan(alarm_tags=2, standing=2, downtime_units=1, batch_reactors=1)
    with plant(frames=plan, tags=80, clock=RealClock(), start=datetime.now(UTC) - timedelta(days=35)) as made:
        yield made


def test_the_usage_example(works: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    world = works.sim.world
    tag = next(each for each in world.tags() if each.kind == "number" and t.SECOND < each.period < t.HOUR)
    names: dict[str, Any] = {
        "datetime": datetime,
        "timedelta": timedelta,
        "url": works.url,
        "auth": None,
        "database": works.database,
        "tag": world.webid(tag),
    }
    exec(EXAMPLE, names)
    assert names["rules"]
    assert names["events"]
    assert names["active_alarms"]
    assert {"total_alarms", "active_alarms", "severity_distribution"} <= names["summary"].keys()
    assert sum(names["summary"]["severity_distribution"].values()) == names["summary"]["total_alarms"] > 0
    exec(AUDIT, names)
    printed = capsys.readouterr().out
    assert f"Total alarms: {names['alarm_audit']['total_alarms']}" in printed
    names["client"].close()


@pytest.mark.parametrize(
    ("spec", "columns"), [(PI_ALARM_EVENTS, EVENT_COLUMNS), (PI_ACTIVE_ALARMS, ACTIVE_COLUMNS)]
)
def test_tables_have_the_promised_columns(spec: Any, columns: dict[str, pa.DataType]) -> None:
    for name, kind in columns.items():
        assert spec.arrow_schema.field(name).type == kind
