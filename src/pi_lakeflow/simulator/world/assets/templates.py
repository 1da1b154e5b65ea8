"""The element templates of the plant: data, with inheritance; every database has them all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from pi_lakeflow.simulator.world import names
from pi_lakeflow.simulator.world.hashing import scramble
from pi_lakeflow.simulator.world.limits import LIMIT_SHARES, limit_at
from pi_lakeflow.simulator.world.tags import TagDef

from .eventtemplates import EVENT_FRAME_TEMPLATES
from .layout import COMPONENTS
from .model import AttributeDef, TemplateDef

LIMITS = ("Minimum", "LoLo", "Lo", "Target", "Hi", "HiHi", "Maximum")
_SHARE = {"Minimum": 0.0, "Target": 0.5, "Maximum": 1.0, **LIMIT_SHARES}
_TEMPLATE_OF = {"PUMP": "Pump", "TANK": "Tank", "REAC": "Reactor", "COMP": "Compressor"}
_MAKERS = ("Sulzer", "Flowserve", "KSB", "Atlas Copco", "Siemens", "Alfa Laval")
_MATERIALS = ("1.4301", "1.4404", "1.4462", "S355", "Alloy 625")


def limit(low: float, high: float, name: str) -> float:
    """Where the limit ``name`` of an analog with that range lies."""
    return limit_at(low, high, _SHARE[name])


def limits_of(tag: TagDef) -> dict[str, float]:
    """The seven limits of a tag's attribute, by name: ``{"LoLo": ..., ...}``."""
    return {name: limit(tag.low, tag.high, name) for name in LIMITS}


def attribute_name(text: str) -> str:
    """What a measurement is called in AF: ``Discharge Pressure``."""
    return text.title()


def analog(measured: names.Measurement, slot: int) -> AttributeDef:
    """The attribute of an analog, with its limits as children."""
    return AttributeDef(
        attribute_name(measured.text),
        units=measured.units,
        description=measured.name,
        reference="PI Point",
        config=f"\\\\%Server%\\%Element%.{measured.name}.PV",
        slot=slot,
        categories=("Process",),
        children=tuple(_limit_child(measured, name) for name in LIMITS),
    )


def _limit_child(measured: names.Measurement, name: str) -> AttributeDef:
    return AttributeDef(
        name,
        units=measured.units,
        default=limit(measured.low, measured.high, name),
        categories=("Limits",),
        trait=f"Limit{name}",
        configuration_item=True,
    )


def _analogs(prefix: str, slots: tuple[int, ...]) -> tuple[AttributeDef, ...]:
    return tuple(analog(names.measurements(prefix)[slot], slot) for slot in slots)


def _own(prefix: str) -> tuple[AttributeDef, ...]:
    taken = {slot for slots in COMPONENTS[prefix].values() for slot in slots}
    return _analogs(prefix, tuple(slot for slot in range(names.TAGS_PER_EQUIPMENT) if slot not in taken))


def _component(prefix: str, name: str) -> tuple[AttributeDef, ...]:
    return _analogs(prefix, COMPONENTS[prefix][name])


def _installed(key: int) -> date:
    return date(1998, 1, 1) + timedelta(days=scramble(key, 3) % 9_000)


def _formula(name: str, units: str, config: str) -> AttributeDef:
    return AttributeDef(
        name,
        units=units,
        reference="Formula",
        config=config,
        categories=("Calculated",),
        description="Calculated from other attributes",
    )


def _static(name: str, value: Callable[[int], Any], *, kind: str = "Double", units: str = "") -> AttributeDef:
    return AttributeDef(name, kind, units, value=value, categories=("Nameplate",), configuration_item=True)


_LOCATION = (
    AttributeDef(
        "Latitude",
        units="°",
        value=lambda key: round(scramble(key, 8) % 120_000 / 1000 - 60, 3),
        trait="LocationLatitude",
        categories=("Location",),
        configuration_item=True,
    ),
    AttributeDef(
        "Longitude",
        units="°",
        value=lambda key: round(scramble(key, 9) % 360_000 / 1000 - 180, 3),
        trait="LocationLongitude",
        categories=("Location",),
        configuration_item=True,
    ),
    AttributeDef(
        "Altitude",
        units="m",
        value=lambda key: float(scramble(key, 10) % 400),
        trait="LocationAltitude",
        categories=("Location",),
        configuration_item=True,
    ),
)

_HEALTH = AttributeDef(
    "Health",
    units="%",
    value=lambda key: float(60 + scramble(key, 6) % 41),
    trait="HealthScore",
    categories=("Health",),
    manual=True,
    children=(
        AttributeDef(
            "Health Status",
            type="EnumerationValue",
            qualifier="Health Status",
            value=lambda key: (0, 0, 0, 1, 2)[scramble(key, 7) % 5],
            trait="HealthStatus",
            categories=("Health",),
        ),
    ),
)

ELEMENT_TEMPLATES: tuple[TemplateDef, ...] = (
    TemplateDef(
        "Site",
        "",
        "A location of the company",
        (
            *_LOCATION,
            AttributeDef(
                "Country",
                type="String",
                categories=("Location",),
                configuration_item=True,
                value=lambda key: ("FR", "BE", "NL", "US", "JP", "BR", "SA")[scramble(key, 1) % 7],
            ),
        ),
        ("Location",),
        extended=(("CostCentre", 4100),),
    ),
    TemplateDef(
        "Area",
        "",
        "A process area of a site",
        (
            AttributeDef(
                "Area Manager",
                type="String",
                manual=True,
                categories=("Organisation",),
                value=lambda key: ("J. Martin", "C. Okafor", "Y. Tanaka")[scramble(key, 1) % 3],
            ),
        ),
        ("Location",),
    ),
    TemplateDef(
        "Unit",
        "",
        "A process unit",
        (
            AttributeDef(
                "Operating State",
                type="EnumerationValue",
                qualifier="Operating State",
                manual=True,
                categories=("Operation",),
                value=lambda key: (2, 2, 2, 1, 0)[scramble(key, 1) % 5],
            ),
            AttributeDef(
                "Design Capacity",
                units="t/h",
                configuration_item=True,
                categories=("Nameplate",),
                value=lambda key: float(20 + scramble(key, 2) % 200),
            ),
            AttributeDef(
                "Shift Lead",
                type="String",
                hidden=True,
                manual=True,
                categories=("Organisation",),
                value=lambda key: ("lindqvist", "okafor")[scramble(key, 4) % 2],
            ),
        ),
        ("Production",),
    ),
    TemplateDef(
        "Equipment",
        "",
        "Whatever has a nameplate",
        (
            _static("Manufacturer", lambda key: _MAKERS[scramble(key, 1) % len(_MAKERS)], kind="String"),
            _static("Model", lambda key: f"M{100 + scramble(key, 2) % 12}", kind="String"),
            _static("Installed", lambda key: f"{_installed(key).isoformat()}T00:00:00Z", kind="DateTime"),
            _static("Serial Number", lambda key: f"SN{scramble(key, 5) % 10**8:08d}", kind="String"),
            AttributeDef(
                "Service Interval",
                units="d",
                reference="Table Lookup",
                categories=("Maintenance",),
                config="SELECT [Service Interval] FROM [Equipment Models] WHERE Model = @Model",
            ),
            AttributeDef(
                "Label",
                type="String",
                reference="String Builder",
                categories=("Nameplate",),
                config='%Element%;" of ";%..\\Element%;',
            ),
            _HEALTH,
        ),
        ("Equipment",),
    ),
    TemplateDef(
        "Rotating Equipment",
        "Equipment",
        "Equipment with a shaft",
        (
            _static("Rated Speed", lambda key: (1480.0, 2950.0)[scramble(key, 11) % 2], units="rpm"),
            _static("Rated Power", lambda key: float(15 * (1 + scramble(key, 12) % 12)), units="kW"),
        ),
        ("Equipment", "Rotating"),
    ),
    TemplateDef(
        "Vessel",
        "Equipment",
        "Equipment that holds something",
        (
            _static("Design Pressure", lambda key: float(6 + scramble(key, 11) % 60), units="bar"),
            _static("Material", lambda key: _MATERIALS[scramble(key, 12) % len(_MATERIALS)], kind="String"),
        ),
        ("Equipment", "Static"),
    ),
    TemplateDef(
        "Pump",
        "Rotating Equipment",
        "A centrifugal pump",
        (
            *_own("PUMP"),
            _formula("Differential Pressure", "bar", "A=Discharge Pressure;B=Suction Pressure;[A-B]"),
        ),
        ("Equipment", "Rotating"),
        naming_pattern="PUMP-%@NNNN%",
    ),
    TemplateDef(
        "Compressor",
        "Rotating Equipment",
        "A process gas compressor",
        (
            *_own("COMP"),
            _formula("Specific Power", "kW", "P=Shaft Power;F=Flow;[P/F*1000]"),
        ),
        ("Equipment", "Rotating"),
        naming_pattern="COMP-%@NNNN%",
    ),
    TemplateDef(
        "Tank",
        "Vessel",
        "A storage tank",
        (
            *_own("TANK"),
            _formula("Net Flow", "m3/h", "A=Inflow;B=Outflow;[A-B]"),
        ),
        ("Equipment", "Static"),
        naming_pattern="TANK-%@NNNN%",
    ),
    TemplateDef(
        "Reactor",
        "Vessel",
        "A fixed-bed reactor",
        (
            *_own("REAC"),
            _formula(
                "Mean Temperature",
                "°C",
                "A=Temperature, Top;B=Temperature, Mid;C=Temperature, Bottom;[(A+B+C)/3]",
            ),
        ),
        ("Equipment", "Static"),
        naming_pattern="REAC-%@NNNN%",
    ),
    TemplateDef("Motor", "", "An electric motor", _component("PUMP", "Motor"), ("Component",)),
    TemplateDef("Bearings", "", "The bearings of a pump", _component("PUMP", "Bearings"), ("Component",)),
    TemplateDef("Feed System", "", "What feeds a reactor", _component("REAC", "Feed System"), ("Component",)),
    TemplateDef(
        "Lube Oil", "", "The lube oil system of a compressor", _component("COMP", "Lube Oil"), ("Component",)
    ),
)

TEMPLATES: dict[str, TemplateDef] = {t.name: t for t in (*ELEMENT_TEMPLATES, *EVENT_FRAME_TEMPLATES)}


def equipment_template(k: int) -> str:
    """The template of equipment ``k``."""
    return _TEMPLATE_OF[names.prefix(k)]
