"""Event frames with what belongs to them: captured values, referenced elements, annotations."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.model.tables import Column, Grain, TableSpec

from .timeseries import TIMESTAMP

INGESTED = Column("ingested_at", TIMESTAMP, "When the run that wrote the row started, UTC.", nullable=False)
FRAME_ID = Column("event_frame_id", pa.string(), "WebId of the event frame (type IDOnly).", nullable=False)

PI_EVENT_FRAMES = TableSpec(
    name="pi_event_frames",
    doc="Event frames of the asset databases as they are now: alarms, batches, downtimes and whatever else.",
    grain=Grain.ENTITY,
    key=("event_frame_id",),
    columns=(
        FRAME_ID,
        Column("event_frame_guid", pa.string(), "Id of the event frame in AF."),
        Column("database_id", pa.string(), "WebId of the asset database.", nullable=False),
        Column("database_name", pa.string(), "Name of the asset database.", nullable=False),
        Column("name", pa.string(), "Name of the event frame.", nullable=False),
        Column("description", pa.string(), "Its description."),
        Column("path", pa.string(), "Its path in AF."),
        Column("template_name", pa.string(), "Event frame template; null when it has none."),
        Column("category_names", pa.string(), "Its categories, sorted, with `; ` between them."),
        Column(
            "severity",
            pa.int32(),
            "0 None, 1 Unknown, 2 Information, 3 Warning, 4 Minor, 5 Major, 6 Critical.",
        ),
        Column("severity_name", pa.string(), "The severity as AF names it."),
        Column("is_alarm", pa.bool_(), "Whether it is an alarm by the rules of `alarms`.", nullable=False),
        Column("start_time", TIMESTAMP, "Start, UTC.", nullable=False),
        Column("end_time", TIMESTAMP, "End, UTC; null while it is in progress."),
        Column("is_active", pa.bool_(), "Whether it is still in progress.", nullable=False),
        Column("can_be_acknowledged", pa.bool_(), "Whether AF lets people acknowledge it."),
        Column("acknowledged", pa.bool_(), "Whether somebody acknowledged it."),
        Column("acknowledged_by", pa.string(), "Who acknowledged it."),
        Column("acknowledged_at", TIMESTAMP, "When it was acknowledged, UTC."),
        Column("annotated", pa.bool_(), "Whether it has annotations."),
        Column("locked", pa.bool_(), "Whether AF has locked it."),
        Column("values_captured", pa.bool_(), "Whether the values of its attributes were captured."),
        Column("parent_id", pa.string(), "WebId of the event frame above; null at the top."),
        Column("has_children", pa.bool_(), "Whether there are event frames below it."),
        Column("primary_element_id", pa.string(), "WebId of the element that it belongs to."),
        Column("element_count", pa.int32(), "How many elements it refers to."),
        Column(
            "is_complete",
            pa.bool_(),
            "False when values or annotations could not be read; the next run tries again.",
            nullable=False,
        ),
        INGESTED,
    ),
    source="GET /assetdatabases/{webId}/eventframes, /eventframes/search, /eventframes/multiple",
)

PI_EVENT_FRAME_ATTRIBUTES = TableSpec(
    name="pi_event_frame_attributes",
    doc="The values of event frames' attributes: captured ones once the frame has ended.",
    grain=Grain.ENTITY,
    key=("event_frame_id", "attribute_name"),
    columns=(
        FRAME_ID,
        Column(
            "attribute_name",
            pa.string(),
            "Name of the attribute, with those above it: `A|B`.",
            nullable=False,
        ),
        Column("attribute_id", pa.string(), "WebId of the attribute."),
        Column("value", pa.float64(), "The number; null when the value is none."),
        Column("value_text", pa.string(), "String value or state name."),
        Column("value_kind", pa.string(), "number, text, digital, system, boolean or null.", nullable=False),
        Column("value_time", TIMESTAMP, "Time of the value, UTC."),
        Column("units", pa.string(), "Units of the value."),
        Column("good", pa.bool_(), "False for bad values, as the server says."),
        INGESTED,
    ),
    source="GET /streamsets/{webId}/value",
)

PI_EVENT_FRAME_REFERENCES = TableSpec(
    name="pi_event_frame_references",
    doc="Which elements each event frame refers to.",
    grain=Grain.ENTITY,
    key=("event_frame_id", "element_id"),
    columns=(
        FRAME_ID,
        Column("element_id", pa.string(), "WebId of the element (type IDOnly).", nullable=False),
        Column("position", pa.int32(), "Place among the references, from 0.", nullable=False),
        Column(
            "is_primary", pa.bool_(), "Whether it is the element that the frame belongs to.", nullable=False
        ),
        INGESTED,
    ),
    source="RefElementWebIds of the event frames",
)

PI_EVENT_FRAME_ANNOTATIONS = TableSpec(
    name="pi_event_frame_annotations",
    doc="What people noted at event frames.",
    grain=Grain.ENTITY,
    key=("event_frame_id", "annotation_id"),
    columns=(
        FRAME_ID,
        Column("annotation_id", pa.string(), "Id of the annotation.", nullable=False),
        Column("name", pa.string(), "Its name."),
        Column("description", pa.string(), "Its description."),
        Column("value", pa.string(), "What was noted; JSON when it is no text."),
        Column("creator", pa.string(), "Who wrote it."),
        Column("created_at", TIMESTAMP, "When it was written, UTC."),
        Column("modifier", pa.string(), "Who changed it last."),
        Column("modified_at", TIMESTAMP, "When it was changed last, UTC."),
        Column("has_attachment", pa.bool_(), "Whether a file is attached (it is not read).", nullable=False),
        INGESTED,
    ),
    source="GET /eventframes/{webId}/annotations",
)
