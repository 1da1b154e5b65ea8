"""Who is told about what: notification rules, their subscribers, contacts. PI Web API 2018 and later."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.model.tables import Column, Grain, TableSpec

from .eventframes import INGESTED

_DATABASE = Column("database_name", pa.string(), "Asset database.", nullable=False)

PI_NOTIFICATION_RULES = TableSpec(
    name="pi_notification_rules",
    doc="Notification rules of the asset databases' elements.",
    grain=Grain.ENTITY,
    key=("rule_id",),
    columns=(
        Column("rule_id", pa.string(), "WebId of the rule (type IDOnly).", nullable=False),
        _DATABASE,
        Column("name", pa.string(), "Its name.", nullable=False),
        Column("description", pa.string(), "Its description."),
        Column("path", pa.string(), "Its path in AF.", nullable=False),
        Column("element_path", pa.string(), "Path of the element that it belongs to."),
        Column("template_name", pa.string(), "Notification rule template."),
        Column("category_names", pa.string(), "Its categories, sorted, with `; ` between them."),
        Column("criteria", pa.string(), "Which event frames it reacts to."),
        Column("status", pa.string(), "Enabled, Disabled, ..."),
        Column("auto_created", pa.bool_(), "Whether a template made it."),
        Column("multi_trigger_event_option", pa.string(), "What counts when several events trigger it."),
        Column("nonrepetition_seconds", pa.float64(), "Pause before it may notify again, seconds."),
        Column("resend_seconds", pa.float64(), "Time after which it notifies again, seconds; 0 for never."),
        INGESTED,
    ),
    source="GET /notificationrules/search",
)

PI_NOTIFICATION_SUBSCRIBERS = TableSpec(
    name="pi_notification_subscribers",
    doc="Whom each notification rule tells.",
    grain=Grain.ENTITY,
    key=("rule_id", "subscriber_id"),
    columns=(
        Column("rule_id", pa.string(), "WebId of the rule.", nullable=False),
        Column("subscriber_id", pa.string(), "WebId of the subscriber.", nullable=False),
        _DATABASE,
        Column("name", pa.string(), "Name of the subscriber.", nullable=False),
        Column("description", pa.string(), "Its description."),
        Column("contact_name", pa.string(), "The contact that it stands for."),
        Column("contact_type", pa.string(), "Individual, Group, Escalation, ..."),
        Column("notify_option", pa.string(), "EventStart, EventEnd, EventStartAndEnd, ..."),
        Column("plugin_name", pa.string(), "Delivery channel, such as Email."),
        Column("config_string", pa.string(), "Where the channel delivers to."),
        Column("delivery_format_name", pa.string(), "Format of the message."),
        Column("maximum_retries", pa.int32(), "Attempts after the first one."),
        Column("retry_seconds", pa.float64(), "Time between attempts, seconds."),
        Column("escalation_seconds", pa.float64(), "Time after which the next one is told, seconds."),
        INGESTED,
    ),
    source="GET /notificationrules/{webId}/notificationrulesubscribers",
)

PI_NOTIFICATION_CONTACTS = TableSpec(
    name="pi_notification_contacts",
    doc="Notification contact templates of the asset server, members of groups included.",
    grain=Grain.ENTITY,
    key=("contact_id", "member_of"),
    columns=(
        Column("contact_id", pa.string(), "WebId of the contact.", nullable=False),
        Column("member_of", pa.string(), "WebId of the group; empty at the top.", nullable=False),
        Column("asset_server_name", pa.string(), "The asset server.", nullable=False),
        Column("name", pa.string(), "Its name.", nullable=False),
        Column("description", pa.string(), "Its description."),
        Column("contact_type", pa.string(), "Individual, Group, Escalation, ..."),
        Column("available", pa.bool_(), "Whether it can be told."),
        Column("plugin_name", pa.string(), "Delivery channel, such as Email."),
        Column("config_string", pa.string(), "Where the channel delivers to."),
        Column("has_children", pa.bool_(), "Whether it has members."),
        Column("minimum_acknowledgements", pa.int32(), "How many must acknowledge."),
        Column("maximum_retries", pa.int32(), "Attempts after the first one."),
        Column("retry_seconds", pa.float64(), "Time between attempts, seconds."),
        Column("escalation_seconds", pa.float64(), "Time after which the next one is told, seconds."),
        Column("notify_when_instance_ended", pa.bool_(), "Whether it is told about ends."),
        INGESTED,
    ),
    source="GET /assetservers/{webId}/notificationcontacttemplates",
)
