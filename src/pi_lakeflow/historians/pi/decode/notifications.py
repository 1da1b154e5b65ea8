"""Notification rules, subscribers and contacts: JSON of PI Web API (2018 and later) to rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pi_lakeflow.historians.pi.decode.frames import Row, clean, joined

_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE | re.ASCII
)


def rule_row(item: Mapping[str, Any], database: str) -> Row:
    """A row of ``pi_notification_rules``."""
    path = str(item.get("Path") or "")
    return {
        "rule_id": item["WebId"],
        "database_name": database,
        "name": clean(item.get("Name")) or "",
        "description": clean(item.get("Description")),
        "path": path,
        "element_path": clean(path.rpartition("\\NotificationRules[")[0]),
        "template_name": clean(item.get("TemplateName")),
        "category_names": joined(item.get("CategoryNames")),
        "criteria": clean(item.get("Criteria")),
        "status": clean(item.get("Status")),
        "auto_created": item.get("AutoCreated"),
        "multi_trigger_event_option": clean(item.get("MultiTriggerEventOption")),
        "nonrepetition_seconds": seconds(item.get("NonrepetitionInterval")),
        "resend_seconds": seconds(item.get("ResendInterval")),
    }


def subscriber_rows(rule: str, database: str, answer: Mapping[str, Any]) -> list[Row]:
    """Rows of ``pi_notification_subscribers`` of one rule."""
    return [
        {
            "rule_id": rule,
            "subscriber_id": item["WebId"],
            "database_name": database,
            "name": clean(item.get("Name")) or "",
            "description": clean(item.get("Description")),
            "contact_name": clean(item.get("ContactTemplateName")),
            "contact_type": clean(item.get("ContactType")),
            "notify_option": clean(item.get("NotifyOption")),
            "plugin_name": clean(item.get("PlugInName")),
            "config_string": clean(item.get("ConfigString")),
            "delivery_format_name": clean(item.get("DeliveryFormatName")),
            "maximum_retries": item.get("MaximumRetries"),
            "retry_seconds": seconds(item.get("RetryInterval")),
            "escalation_seconds": seconds(item.get("EscalationTimeout")),
        }
        for item in answer.get("Items") or []
    ]


def contact_row(item: Mapping[str, Any], server: str, group: str) -> Row:
    """A row of ``pi_notification_contacts``; ``group`` is the WebId that it is a member of, or empty."""
    return {
        "contact_id": item["WebId"],
        "member_of": group,
        "asset_server_name": server,
        "name": clean(item.get("Name")) or "",
        "description": clean(item.get("Description")),
        "contact_type": clean(item.get("ContactType")),
        "available": item.get("Available"),
        "plugin_name": clean(item.get("PlugInName")),
        "config_string": clean(item.get("ConfigString")),
        "has_children": item.get("HasChildren"),
        "minimum_acknowledgements": item.get("MinimumAcknowledgements"),
        "maximum_retries": item.get("MaximumRetries"),
        "retry_seconds": seconds(item.get("RetryInterval")),
        "escalation_seconds": seconds(item.get("EscalationTimeout")),
        "notify_when_instance_ended": item.get("NotifyWhenInstanceEnded"),
    }


def seconds(text: object) -> float | None:
    """Seconds of an ISO 8601 duration without months and years, as PI Web API prints them."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    sign, days, hours, minutes, rest = match.groups()
    total = int(days or 0) * 86_400 + int(hours or 0) * 3_600 + int(minutes or 0) * 60 + float(rest or 0)
    return -total if sign else total
