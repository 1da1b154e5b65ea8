"""Alarms: as events, as they stand now, as limits of elements, and summed up."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.model.tables import Column, Grain, TableSpec

from .eventframes import INGESTED
from .timeseries import TIMESTAMP

PI_ALARM_EVENTS = TableSpec(
    name="pi_alarm_events",
    doc="Alarms that occurred: event frames that are alarms, and annotations of archived events.",
    grain=Grain.ENTITY,
    key=("source", "tag_webid", "annotation_id"),
    columns=(
        Column(
            "annotation_id",
            pa.string(),
            "Id of the annotation; of an event frame its own WebId.",
            nullable=False,
        ),
        Column(
            "tag_webid",
            pa.string(),
            "WebId of the annotated tag; of an event frame its primary element's, empty when it has none.",
            nullable=False,
        ),
        Column("timestamp", TIMESTAMP, "Time of the annotated event, or start of the frame.", nullable=False),
        Column(
            "value", pa.float64(), "Number of the annotated event; null for event frames and other values."
        ),
        Column("description", pa.string(), "Text of the annotation, or description of the frame."),
        Column("creator", pa.string(), "Who wrote the annotation; null for event frames."),
        Column("annotation_time", TIMESTAMP, "When the annotation was written; null for event frames."),
        Column("good", pa.bool_(), "Whether the annotated value is good; null for event frames."),
        Column("source", pa.string(), "`annotation` or `event_frame`.", nullable=False),
        Column("event_frame_id", pa.string(), "WebId of the event frame; null for annotations."),
        Column("database_name", pa.string(), "Asset database of the frame; null for annotations."),
        Column("alarm_name", pa.string(), "Name of the event frame or of the annotation."),
        Column(
            "alarm_key",
            pa.string(),
            "Which alarm it is: its name without the time or number of the occurrence.",
        ),
        Column("template_name", pa.string(), "Event frame template."),
        Column(
            "severity", pa.int32(), "0 None ... 6 Critical, as in `pi_event_frames`; null for annotations."
        ),
        Column("severity_name", pa.string(), "The severity as AF names it."),
        Column("start_time", TIMESTAMP, "Start of the alarm.", nullable=False),
        Column("end_time", TIMESTAMP, "End of the alarm; null while it is in progress, and for annotations."),
        Column("is_active", pa.bool_(), "Whether it is still in progress.", nullable=False),
        Column("can_be_acknowledged", pa.bool_(), "Whether AF lets people acknowledge it."),
        Column("acknowledged", pa.bool_(), "Whether somebody acknowledged it."),
        Column("acknowledged_by", pa.string(), "Who did."),
        Column("acknowledged_at", TIMESTAMP, "When."),
        INGESTED,
        Column("date", pa.date32(), "UTC date of the timestamp.", nullable=False),
    ),
    partition_by=("date",),
    source="event frames, and GET /streams/{webId}/recorded?associations=Annotations",
)

PI_ACTIVE_ALARMS = TableSpec(
    name="pi_active_alarms",
    doc="The alarms that are in progress, acknowledged or not, as of the last run.",
    grain=Grain.ENTITY,
    key=("event_frame_id",),
    columns=(
        Column("event_frame_id", pa.string(), "WebId of the event frame.", nullable=False),
        Column("alarm_name", pa.string(), "Name of the event frame.", nullable=False),
        Column("alarm_key", pa.string(), "Which alarm it is, as in `pi_alarm_events`."),
        Column("template_name", pa.string(), "Event frame template."),
        Column("start_time", TIMESTAMP, "Start of the alarm.", nullable=False),
        Column("severity", pa.int32(), "0 None ... 6 Critical, as in `pi_event_frames`."),
        Column("severity_name", pa.string(), "The severity as AF names it."),
        Column("primary_element_id", pa.string(), "WebId of the element that it belongs to."),
        Column("acknowledged", pa.bool_(), "Whether somebody acknowledged it."),
        Column("acknowledged_by", pa.string(), "Who did."),
        Column("acknowledged_at", TIMESTAMP, "When."),
        Column("is_active", pa.bool_(), "Always true: those that ended are not here.", nullable=False),
        Column("database_name", pa.string(), "Asset database of the frame.", nullable=False),
        INGESTED,
    ),
    source="pi_event_frames",
)

PI_ELEMENT_ALARMS = TableSpec(
    name="pi_element_alarms",
    doc="The limits of elements that had an alarm lately, with the current value and its state.",
    grain=Grain.ENTITY,
    key=("attribute_id", "limit_name"),
    columns=(
        Column("element_id", pa.string(), "WebId of the element.", nullable=False),
        Column("element_path", pa.string(), "Its path in AF."),
        Column("attribute_id", pa.string(), "WebId of the attribute that has the limit.", nullable=False),
        Column("attribute_name", pa.string(), "Its name, with those above it: `A|B`.", nullable=False),
        Column("limit_name", pa.string(), "LoLo, Lo, Hi or HiHi.", nullable=False),
        Column("limit_value", pa.float64(), "The limit."),
        Column("value", pa.float64(), "The current value; null when it is no number."),
        Column("value_text", pa.string(), "The current value as text, when it is no number."),
        Column("value_time", TIMESTAMP, "Time of the current value."),
        Column("units", pa.string(), "Units of limit and value."),
        Column("good", pa.bool_(), "Whether the current value is good."),
        Column(
            "state", pa.string(), "Of the attribute: LoLo, Lo, Normal, Hi, HiHi or Unknown.", nullable=False
        ),
        Column("is_exceeded", pa.bool_(), "Whether the value is beyond this limit.", nullable=False),
        INGESTED,
    ),
    source="GET /elements/{webId}/attributes, /streamsets/{webId}/value",
)

PI_ALARM_SUMMARY = TableSpec(
    name="pi_alarm_summary",
    doc="Alarms (event frames) by the day of their start, UTC.",
    grain=Grain.ENTITY,
    key=("database_name", "date"),
    columns=(
        Column("database_name", pa.string(), "Asset database.", nullable=False),
        Column("date", pa.date32(), "The day, UTC.", nullable=False),
        Column("total_alarms", pa.int64(), "Alarms that started on the day.", nullable=False),
        Column("active_alarms", pa.int64(), "Of these: still in progress.", nullable=False),
        Column("acknowledged_alarms", pa.int64(), "Of these: acknowledged.", nullable=False),
        Column("severity_none", pa.int64(), "Of these: severity None or Unknown.", nullable=False),
        Column("severity_information", pa.int64(), "Of these: severity Information.", nullable=False),
        Column("severity_warning", pa.int64(), "Of these: severity Warning.", nullable=False),
        Column("severity_minor", pa.int64(), "Of these: severity Minor.", nullable=False),
        Column("severity_major", pa.int64(), "Of these: severity Major.", nullable=False),
        Column("severity_critical", pa.int64(), "Of these: severity Critical.", nullable=False),
        INGESTED,
    ),
    source="pi_alarm_events",
)
