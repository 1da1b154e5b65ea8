"""The event frame templates, which AF keeps beside the element templates."""

from __future__ import annotations

from .model import AttributeDef, TemplateDef


def _value(name: str, kind: str, text: str, units: str = "", trait: str = "") -> AttributeDef:
    return AttributeDef(
        name, type=kind, units=units, description=text, trait=trait, categories=("Operation",)
    )


EVENT_FRAME_TEMPLATES: tuple[TemplateDef, ...] = (
    TemplateDef(
        "Limit Alarm",
        description="A measurement is beyond one of its limits",
        attributes=(
            _value("Limit", "Double", "The limit that was crossed"),
            _value("Limit Type", "String", "Trait of the limit"),
            _value("Peak Value", "Double", "Farthest value beyond the limit"),
            AttributeDef(
                "Source",
                description="The measurement during the alarm",
                reference="PI Point",
                categories=("Process",),
            ),
            _value("Start Value", "Double", "The value that raised the alarm"),
            _value("Tag", "String", "Name of the measurement's tag"),
        ),
        categories=("Alarms",),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% %ATTRIBUTE% %STARTTIME:yyyy-MM-dd HH:mm:ss.fff%",
        severity="Warning",
        can_be_acknowledged=True,
        extendable=False,
    ),
    TemplateDef(
        "Equipment Alarm",
        description="A machine or an instrument reports a fault",
        attributes=(
            _value("Code", "Int32", "Number of the fault"),
            _value("Fault", "String", "The fault in words"),
        ),
        categories=("Alarms", "Equipment"),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% %ATTRIBUTE:Fault% %STARTTIME:yyyy-MM-dd HH:mm:ss.fff%",
        severity="Minor",
        can_be_acknowledged=True,
    ),
    TemplateDef(
        "Downtime",
        description="A unit stands still",
        attributes=(
            _value("Lost Production", "Double", "What was not made", "t"),
            _value("Planned", "Boolean", "Whether it was planned"),
            _value("Reason", "String", "Why it stood still", trait="Reason"),
        ),
        categories=("Downtime",),
        instance_type="EventFrame",
        naming_pattern="%ELEMENT% downtime %STARTTIME:yyyy-MM-dd HH:mm:ss.fff%",
        severity="Major",
        can_be_acknowledged=True,
    ),
    TemplateDef(
        "Batch",
        description="A batch of a reactor",
        attributes=(
            _value("Batch ID", "String", "Number of the batch"),
            _value("Product", "String", "What was made"),
            _value("Yield", "Double", "Of the theoretical amount", "%"),
        ),
        categories=("Batches",),
        instance_type="EventFrame",
        naming_pattern="Batch %ELEMENT% %STARTTIME:yyyy-MM-dd HH:mm:ss.fff%",
    ),
    TemplateDef(
        "Batch Phase",
        description="A step of a batch",
        attributes=(
            _value("Phase", "String", "Name of the step"),
            _value("Set Point", "Double", "Temperature aimed at", "°C"),
        ),
        categories=("Batches",),
        instance_type="EventFrame",
        naming_pattern="%ATTRIBUTE:Phase%",
    ),
)
