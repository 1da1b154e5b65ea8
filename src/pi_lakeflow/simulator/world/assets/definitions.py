"""What a plant's AF holds beside its elements, as data: categories, sets, tables, units, analyses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .guids import Kind


@dataclass(frozen=True, slots=True)
class SetDef:
    """An enumeration set: (value, name, name of the value above or ``""``)."""

    name: str
    description: str
    values: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class TableDef:
    """An AF table: columns with their types, and rows."""

    name: str
    description: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitDef:
    """A unit: canonical value = value * factor + offset."""

    name: str
    abbreviation: str
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class UnitClassDef:
    """Units that convert to one another; the first is the canonical one."""

    name: str
    units: tuple[UnitDef, ...]


@dataclass(frozen=True, slots=True)
class AnalysisDef:
    """An analysis template; ``target`` is its element template."""

    name: str
    target: str
    rule: str
    rule_config: str
    variables: str
    time_rule: str
    time_config: str
    categories: tuple[str, ...]
    description: str = ""
    output_time: str = ""
    priority: str = "Normal"
    sub_rules: tuple[tuple[str, str], ...] = ()  # rule plug-in and configuration of rules below the rule


# kind -> (WebId marker, word in paths, names with descriptions)
CATEGORIES: dict[Kind, tuple[str, str, dict[str, str]]] = {
    Kind.ELEMENT_CATEGORY: (
        "EC",
        "CategoriesElement",
        {
            "Location": "Where something is",
            "Production": "What makes products",
            "Equipment": "What has a nameplate",
            "Rotating": "What turns",
            "Static": "What stands still",
            "Component": "A part of equipment",
            "Overview": "Lists made by hand",
            "Alarms": "Event frames of alarms",
            "Batches": "Event frames of batches",
            "Downtime": "Event frames of standstills",
        },
    ),
    Kind.ATTRIBUTE_CATEGORY: (
        "AC",
        "CategoriesAttribute",
        {
            "Process": "Measured values",
            "Limits": "Limits of measured values",
            "Nameplate": "Fixed properties",
            "Calculated": "Results of formulas",
            "Location": "Where something is",
            "Health": "How something fares",
            "Organisation": "Who is responsible",
            "Operation": "How something runs",
            "Maintenance": "When something is serviced",
            "Production": "What is made",
        },
    ),
    Kind.ANALYSIS_CATEGORY: (
        "XC",
        "CategoriesAnalysis",
        {"Performance": "How well something works", "Condition": "How something fares"},
    ),
    Kind.TABLE_CATEGORY: (
        "BC",
        "CategoriesTable",
        {"Reference Data": "Changes rarely", "Planning": "Changes by the week"},
    ),
}

SETS: tuple[SetDef, ...] = (
    SetDef("Health Status", "How something fares", ((0, "Good", ""), (1, "Warning", ""), (2, "Poor", ""))),
    SetDef(
        "Operating State",
        "How a unit runs",
        ((0, "Stopped", ""), (1, "Starting", ""), (2, "Running", "")),
    ),
    SetDef(
        "Failure Mode",
        "Why something failed, by kind",
        (
            (100, "Mechanical", ""),
            (101, "Bearing", "Mechanical"),
            (102, "Seal", "Mechanical"),
            (200, "Electrical", ""),
            (201, "Winding", "Electrical"),
        ),
    ),
)

TABLES: tuple[TableDef, ...] = (
    TableDef(
        "Equipment Models",
        "Service intervals by model",
        (("Model", "String"), ("Service Interval", "Int32"), ("Weight", "Double"), ("Since", "DateTime")),
        tuple((f"M{100 + n}", 90 + 15 * n, 120.5 + 40 * n, f"{1998 + n}-04-01T00:00:00Z") for n in range(12)),
        ("Reference Data",),
    ),
    TableDef(
        "Shift Calendar",
        "Who works when",
        (("Shift", "String"), ("Starts", "String"), ("Hours", "Int32"), ("Night", "Boolean")),
        (
            ("Early", "06:00", 8, False),
            ("Late", "14:00", 8, False),
            ("Night", "22:00", 8, True),
            ("Spare", None, None, None),
        ),
        ("Planning",),
    ),
)

UNIT_CLASSES: tuple[UnitClassDef, ...] = (
    UnitClassDef(
        "Pressure",
        (
            UnitDef("pascal", "Pa"),
            UnitDef("bar", "bar", 1e5),
            UnitDef("millibar", "mbar", 100.0),
            UnitDef("kilopascal", "kPa", 1000.0),
        ),
    ),
    UnitClassDef(
        "Temperature",
        (
            UnitDef("kelvin", "K"),
            UnitDef("degree Celsius", "°C", 1.0, 273.15),
            UnitDef("degree Fahrenheit", "°F", 5 / 9, 459.67 * 5 / 9),
        ),
    ),
    UnitClassDef(
        "Volume Flow Rate",
        (
            UnitDef("cubic meter per second", "m3/s"),
            UnitDef("cubic meter per hour", "m3/h", 1 / 3600),
            UnitDef("normal cubic meter per hour", "Nm3/h", 1 / 3600),
        ),
    ),
    UnitClassDef(
        "Mass Flow Rate",
        (UnitDef("kilogram per second", "kg/s"), UnitDef("tonne per hour", "t/h", 1 / 3.6)),
    ),
    UnitClassDef("Electric Current", (UnitDef("ampere", "A"), UnitDef("milliampere", "mA", 0.001))),
    UnitClassDef(
        "Angular Velocity",
        (
            UnitDef("radian per second", "rad/s"),
            UnitDef("revolution per minute", "rpm", 0.10471975511965977),
        ),
    ),
    UnitClassDef(
        "Velocity", (UnitDef("meter per second", "m/s"), UnitDef("millimeter per second", "mm/s", 0.001))
    ),
    UnitClassDef("Ratio", (UnitDef("ratio", "ratio"), UnitDef("percent", "%", 0.01))),
    UnitClassDef("Volume", (UnitDef("cubic meter", "m3"), UnitDef("liter", "L", 0.001))),
    UnitClassDef("Density", (UnitDef("kilogram per cubic meter", "kg/m3"),)),
    UnitClassDef("Power", (UnitDef("watt", "W"), UnitDef("kilowatt", "kW", 1000.0))),
    UnitClassDef(
        "Energy",
        (UnitDef("joule", "J"), UnitDef("megawatt hour", "MWh", 3.6e9)),
    ),
    UnitClassDef(
        "Conductivity", (UnitDef("siemens per meter", "S/m"), UnitDef("microsiemens per cm", "µS/cm", 1e-4))
    ),
    UnitClassDef("Acidity", (UnitDef("pH", "pH"),)),
    UnitClassDef("Time", (UnitDef("second", "s"), UnitDef("day", "d", 86400.0))),
    UnitClassDef("Length", (UnitDef("meter", "m"), UnitDef("millimeter", "mm", 0.001))),
    UnitClassDef("Plane Angle", (UnitDef("radian", "rad"), UnitDef("degree", "°", 0.017453292519943295))),
)

PLUGINS: dict[Kind, tuple[str, str, dict[str, str]]] = {
    Kind.ANALYSIS_PLUGIN: (
        "XP",
        "AnalysisRule",
        {
            "PerformanceEquation": "Runs a performance equation.",
            "EventFrame": "Generates event frames from triggers.",
            "Rollup": "Summarises attributes of child elements.",
            "Imbalance": "Calculates simple material imbalances on nodes of a model.",
            "SQC": "Finds patterns of statistical quality control.",
        },
    ),
    Kind.TIME_PLUGIN: (
        "TP",
        "TimeRule",
        {
            "Periodic": "Creates regular periodic time periods.",
            "Natural": "Runs when an input has a new event.",
        },
    ),
}

ANALYSES: tuple[AnalysisDef, ...] = (
    AnalysisDef(
        "Pump Efficiency",
        "Pump",
        "PerformanceEquation",
        "dp := 'Discharge Pressure' - 'Suction Pressure'; eff := dp * 'Flow' / 36;",
        "eff||Differential Pressure",
        "Periodic",
        "Frequency=300",
        ("Performance",),
        "Hydraulic power of a pump",
        priority="High",
    ),
    AnalysisDef(
        "Vibration Watch",
        "Bearings",
        "EventFrame",
        "StartTriggerExpression := 'Vibration, Drive End' > 'Vibration, Drive End|Hi';",
        "",
        "Natural",
        "",
        ("Condition",),
        "Event frame while the vibration is high",
        sub_rules=(("PerformanceEquation", "margin := 'Vibration, Drive End|HiHi' - now;"),),
    ),
    AnalysisDef(
        "Tank Balance",
        "Tank",
        "Imbalance",
        "Inflow - Outflow",
        "balance||Net Flow",
        "Periodic",
        "Frequency=3600;Offset=60",
        ("Performance",),
        "What goes in must come out",
        output_time="Trigger Time",
    ),
    AnalysisDef(
        "Temperature Pattern",
        "Reactor",
        "SQC",
        "Pattern=OneOutsideControlLimit",
        "t||Mean Temperature",
        "Natural",
        "",
        ("Condition", "Performance"),
        "Nelson rules on the mean temperature",
    ),
    AnalysisDef(
        "Unit Roll-up",
        "Unit",
        "Rollup",
        "Average;Attribute=Health;Level=1",
        "avg||Design Capacity",
        "Periodic",
        "Frequency=900",
        ("Performance",),
        "Average health of the equipment",
    ),
    AnalysisDef(
        "Site Report",
        "Site",
        "Rollup",
        "Count;Attribute=Operating State;Level=2",
        "",
        "Periodic",
        "Frequency=86400;Offset=21600",
        ("Performance",),
        "How many units run, every morning",
        sub_rules=(("PerformanceEquation", "running := Count;"),),
    ),
)
