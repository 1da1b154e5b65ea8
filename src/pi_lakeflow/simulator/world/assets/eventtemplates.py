"""The event frame templates, which AF keeps beside the element templates."""

from __future__ import annotations

from .model import AttributeDef, TemplateDef

EVENT_FRAME_TEMPLATES: tuple[TemplateDef, ...] = (
    TemplateDef(
        "Alarm",
        description="A limit is crossed",
        attributes=(
            AttributeDef("Limit", categories=("Limits",)),
            AttributeDef("Value at Start", categories=("Process",)),
        ),
        categories=("Alarms",),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% %TEMPLATE% %STARTTIME:yyyy-MM-dd HH:mm:ss%",
        severity="Major",
        can_be_acknowledged=True,
        extendable=False,
    ),
    TemplateDef(
        "Batch",
        description="A batch of a reactor",
        attributes=(
            AttributeDef("Batch Id", type="String", categories=("Production",)),
            AttributeDef("Recipe", type="String", categories=("Production",)),
        ),
        categories=("Batches",),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% batch %STARTTIME:yyyy-MM-dd HH:mm%",
    ),
    TemplateDef(
        "Downtime",
        description="A unit stands still",
        attributes=(AttributeDef("Reason", type="String", trait="Reason", categories=("Operation",)),),
        categories=("Downtime",),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% down %STARTTIME:yyyy-MM-dd%",
        severity="Warning",
        can_be_acknowledged=True,
    ),
)
