"""Event frames, their references, values and annotations: JSON of PI Web API to rows of the tables.

Rows are dicts with the columns of the specs in ``tables/eventframes.py`` and ``tables/alarms.py``. Times
become aware UTC datetimes, cut to microseconds (PI Web API reference, topics EventFrame, Annotation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pi_lakeflow.historians.pi.decode.times import ticks_of
from pi_lakeflow.historians.pi.decode.values import compact_json, without_surrogates

Row = dict[str, Any]
SEVERITIES = ("None", "Unknown", "Information", "Warning", "Minor", "Major", "Critical")  # AFSeverity
_RANKS = {name.casefold(): rank for rank, name in enumerate(SEVERITIES)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = 9999  # year of the end of a frame that is in progress

# A time or a running number at the end of a frame's name: what its naming pattern adds to tell frames
# apart. Dates in ISO, German, American and compact order; a number needs a separator before it.
_STAMP = re.compile(
    r"[\s_\-#@(\[]*(?:"
    r"\d{4}[-./]\d{1,2}[-./]\d{1,2}(?:[T _]\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?)?Z?"
    r"|\d{1,2}[-./]\d{1,2}[-./]\d{4}(?:[ T_]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AP]M)?)?"
    r"|(?<![^\s_\-#@(\[])(?:19|20)\d{6}(?:[T_\-]?\d{4,6})?(?:[.,]\d+)?"
    r"|(?<=[\s_#(\[])\d+"
    r")[)\]]*\s*$",
    re.IGNORECASE,
)


def frame_row(item: Mapping[str, Any], database: tuple[str, str]) -> Row:
    """The row of ``pi_event_frames``, but for ``is_alarm``, ``is_complete`` and ``ingested_at``.

    ``database`` is WebId and name. Raises ``ValueError`` for a frame without WebId or start.
    """
    start, end = moment(item.get("StartTime")), moment(item.get("EndTime"))
    webid = item.get("WebId")
    if not isinstance(webid, str) or start is None:
        raise ValueError("an event frame without WebId or StartTime")
    active = end is None or end.year >= _NEVER
    acknowledged = bool(item.get("IsAcknowledged"))
    elements = item.get("RefElementWebIds") or []
    return {
        "event_frame_id": webid,
        "event_frame_guid": item.get("Id"),
        "database_id": database[0],
        "database_name": database[1],
        "name": clean(item.get("Name")) or "",
        "description": clean(item.get("Description")),
        "path": clean(item.get("Path")),
        "template_name": clean(item.get("TemplateName")),
        "category_names": joined(item.get("CategoryNames")),
        "severity": severity_rank(item.get("Severity")),
        "severity_name": clean(item.get("Severity")),
        "start_time": start,
        "end_time": None if active else end,
        "is_active": active,
        "can_be_acknowledged": item.get("CanBeAcknowledged"),
        "acknowledged": acknowledged,
        "acknowledged_by": clean(item.get("AcknowledgedBy")),
        "acknowledged_at": moment(item.get("AcknowledgedDate")) if acknowledged else None,
        "annotated": item.get("IsAnnotated"),
        "locked": item.get("IsLocked"),
        "values_captured": item.get("AreValuesCaptured"),
        "parent_id": _last_segment((item.get("Links") or {}).get("Parent")),
        "has_children": item.get("HasChildren"),
        "primary_element_id": elements[0] if elements else None,
        "element_count": len(elements),
    }


def reference_rows(item: Mapping[str, Any]) -> list[Row]:
    """The rows of ``pi_event_frame_references``; the first element is the primary one."""
    elements = dict.fromkeys(item.get("RefElementWebIds") or [])
    return [
        {
            "event_frame_id": item["WebId"],
            "element_id": element,
            "position": position,
            "is_primary": position == 0,
        }
        for position, element in enumerate(elements)
    ]


def attribute_rows(frame: str, answer: Mapping[str, Any]) -> list[Row]:
    """The rows of ``pi_event_frame_attributes`` from ``/streamsets/{frame}/value``."""
    return [
        {
            "event_frame_id": frame,
            "attribute_name": _attribute_name(stream),
            "attribute_id": stream.get("WebId"),
            **value_columns(stream.get("Value")),
        }
        for stream in answer.get("Items") or []
    ]


def value_columns(timed: object) -> Row:
    """``value``, ``value_text``, ``value_kind``, ``value_time``, ``units``, ``good`` of a TimedValue."""
    if not isinstance(timed, Mapping):
        timed = {}
    value, kind = timed.get("Value"), "null"
    number: float | None = None
    text: str | None = None
    failed = bool(timed.get("Errors")) or (isinstance(value, Mapping) and bool(value.get("Errors")))
    if failed:
        value = None
    if isinstance(value, Mapping):
        text, kind = clean(value.get("Name")), "system" if value.get("IsSystem") else "digital"
    elif isinstance(value, bool):
        text, kind = ("true" if value else "false"), "boolean"
    elif isinstance(value, int | float):
        number, kind = float(value), "number"
    elif value is not None:
        text, kind = (clean(value) or "") if isinstance(value, str) else compact_json(value), "text"
    return {
        "value": number,
        "value_text": text,
        "value_kind": kind,
        "value_time": moment(timed.get("Timestamp")) if value is not None else None,
        "units": clean(timed.get("UnitsAbbreviation")),
        "good": False if failed else timed.get("Good"),
    }


def annotation_rows(frame: str, answer: Mapping[str, Any]) -> list[Row]:
    """The rows of ``pi_event_frame_annotations`` from ``/eventframes/{frame}/annotations``."""
    return [
        {
            "event_frame_id": frame,
            "annotation_id": str(note.get("Id")),
            "name": clean(note.get("Name")),
            "description": clean(note.get("Description")),
            "value": _noted(note.get("Value")),
            "creator": clean(note.get("Creator")),
            "created_at": moment(note.get("CreationDate")),
            "modifier": clean(note.get("Modifier")),
            "modified_at": moment(note.get("ModifyDate")),
            "has_attachment": "MediaMetadata" in (note.get("Links") or {}),
        }
        for note in answer.get("Items") or []
    ]


def point_annotation_rows(tag: str, answer: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of ``pi_alarm_events`` from ``/streams/{tag}/recorded`` with ``associations=Annotations``."""
    for event in answer.get("Items") or []:
        when = moment(event.get("Timestamp"))
        for note in event.get("Annotations") or []:
            if when is None or note.get("Errors"):
                continue
            value = event.get("Value")
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            name = clean(note.get("Name"))
            yield {
                "annotation_id": str(note.get("Id")),
                "tag_webid": tag,
                "timestamp": when,
                "value": float(value) if plain and not event.get("Errors") else None,
                "description": _noted(note.get("Value")) or clean(note.get("Description")),
                "creator": clean(note.get("Creator")),
                "annotation_time": moment(note.get("CreationDate")),
                "good": event.get("Good"),
                "source": "annotation",
                "alarm_name": name,
                "alarm_key": alarm_key(name or "", None),
                "start_time": when,
                "is_active": False,
                "date": when.date(),
            }


def alarm_row(frame: Row) -> Row:
    """The row of ``pi_alarm_events`` of a row of ``pi_event_frames`` that is an alarm."""
    same = ("event_frame_id", "database_name", "template_name", "severity", "severity_name", "description")
    more = ("start_time", "end_time", "is_active", "can_be_acknowledged", "acknowledged", "acknowledged_by")
    return {
        **{name: frame[name] for name in (*same, *more, "acknowledged_at")},
        "annotation_id": frame["event_frame_id"],
        "tag_webid": frame["primary_element_id"] or "",
        "timestamp": frame["start_time"],
        "source": "event_frame",
        "alarm_name": frame["name"],
        "alarm_key": alarm_key(frame["name"], frame["template_name"]),
        "date": frame["start_time"].date(),
    }


def active_row(frame: Row) -> Row:
    """The row of ``pi_active_alarms`` of an alarm that is in progress."""
    same = ("event_frame_id", "template_name", "start_time", "severity", "severity_name", "database_name")
    more = ("primary_element_id", "acknowledged", "acknowledged_by", "acknowledged_at", "is_active")
    key = alarm_key(frame["name"], frame["template_name"])
    return {**{name: frame[name] for name in (*same, *more)}, "alarm_name": frame["name"], "alarm_key": key}


def alarm_key(name: str, template: str | None) -> str:
    """Which alarm a frame's name stands for: the name without times and running numbers at its end."""
    key = name
    while (shorter := _STAMP.sub("", key).rstrip(" -_#@([")) and shorter != key:
        key = shorter
    return template if template and _STAMP.fullmatch(" " + key) else key


def severity_rank(name: object) -> int | None:
    """0 for None to 6 for Critical; null for a name that AF does not have."""
    return _RANKS.get(str(name or "None").casefold())


def moment(text: object) -> datetime | None:
    """An aware UTC datetime, cut to microseconds; None for no time, and for AF's "never happened"."""
    ticks = ticks_of(text) if isinstance(text, str) else None
    if not ticks:
        return None
    return _EPOCH + timedelta(microseconds=ticks // 10)


def clean(value: object) -> str | None:
    """A text that any column can hold; None instead of an empty one."""
    return without_surrogates(str(value)) if value not in (None, "") else None


def joined(names: object) -> str | None:
    """Several names in one text, sorted."""
    return clean("; ".join(sorted(map(str, names)))) if isinstance(names, list) else None


def _noted(value: object) -> str | None:
    return clean(value) if isinstance(value, str) or value is None else compact_json(value)


def _attribute_name(stream: Mapping[str, Any]) -> str:
    """With the names above it, which only the path has."""
    _, _, below = str(stream.get("Path") or "").partition("|")
    return clean(below) or clean(stream.get("Name")) or ""


def _last_segment(link: object) -> str | None:
    return str(link).rstrip("/").rpartition("/")[2].partition("?")[0] if link else None
