"""Plant-like tag names that can be computed from an index, and read back to it.

``LYN.U120.PUMP-0042.DISCH_PRESS.PV``: equipment ``k`` (42) has eight tags, ``8k .. 8k+7``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TAGS_PER_EQUIPMENT = 8
SITES = ("LYN", "FOS", "ANR", "RTM", "HOU", "YOK", "SAO", "JUB")
EQUIPMENT_PER_UNIT = 40
UNITS_PER_SITE = 30
_NUMBER = re.compile(r"^[^.]+\.U\d+\.[A-Z]+-(\d{4,})\.", re.IGNORECASE)
DECORATIONS = (" & ratio", " #1", "+trim", ";alt", " 100%", " été", " moyenne glissante", "/raw")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What an analog tag measures: name, units, usual range and decimals."""

    name: str
    units: str
    low: float
    high: float
    decimals: int
    text: str


def _m(name: str, units: str, low: float, high: float, decimals: int, text: str) -> Measurement:
    return Measurement(name, units, low, high, decimals, text)


_EQUIPMENT: tuple[tuple[str, str, tuple[Measurement, ...]], ...] = (
    (
        "PUMP",
        "Pump",
        (
            _m("DISCH_PRESS", "bar", 4, 16, 3, "discharge pressure"),
            _m("SUCT_PRESS", "bar", 0.5, 3, 3, "suction pressure"),
            _m("FLOW", "m3/h", 40, 260, 2, "flow"),
            _m("MOTOR_CURR", "A", 20, 140, 2, "motor current"),
            _m("SPEED", "rpm", 900, 2980, 1, "speed"),
            _m("BRG_TEMP", "°C", 35, 85, 2, "bearing temperature"),
            _m("VIB_DE", "mm/s", 0.2, 7, 3, "vibration, drive end"),
            _m("VIB_NDE", "mm/s", 0.2, 7, 3, "vibration, other end"),
        ),
    ),
    (
        "TANK",
        "Tank",
        (
            _m("LEVEL", "%", 5, 95, 2, "level"),
            _m("TEMP", "°C", 10, 60, 2, "temperature"),
            _m("PRESS", "mbar", -5, 40, 2, "vapour pressure"),
            _m("VOLUME", "m3", 100, 4800, 1, "volume"),
            _m("INFLOW", "m3/h", 0, 320, 2, "inflow"),
            _m("OUTFLOW", "m3/h", 0, 320, 2, "outflow"),
            _m("DENSITY", "kg/m3", 700, 1050, 2, "density"),
            _m("WATER_CUT", "%", 0, 4, 3, "water content"),
        ),
    ),
    (
        "REAC",
        "Reactor",
        (
            _m("TEMP_TOP", "°C", 180, 420, 2, "temperature, top"),
            _m("TEMP_MID", "°C", 180, 420, 2, "temperature, middle"),
            _m("TEMP_BOT", "°C", 180, 420, 2, "temperature, bottom"),
            _m("PRESS", "bar", 8, 45, 3, "pressure"),
            _m("FEED", "t/h", 5, 60, 3, "feed"),
            _m("H2_RATIO", "", 0.5, 3, 4, "hydrogen ratio"),
            _m("PH", "pH", 3, 10, 3, "acidity"),
            _m("COND", "µS/cm", 50, 900, 1, "conductivity"),
        ),
    ),
    (
        "COMP",
        "Compressor",
        (
            _m("POWER", "kW", 300, 2400, 1, "shaft power"),
            _m("RATIO", "", 1.2, 5, 4, "pressure ratio"),
            _m("SURGE_MARGIN", "%", 2, 30, 2, "distance to surge"),
            _m("OIL_PRESS", "bar", 1.5, 4, 3, "oil pressure"),
            _m("OIL_TEMP", "°C", 30, 70, 2, "oil temperature"),
            _m("FLOW", "Nm3/h", 2000, 24000, 1, "flow"),
            _m("DISCH_TEMP", "°C", 60, 160, 2, "discharge temperature"),
            _m("ENERGY", "MWh", 0, 9000, 3, "energy counter"),
        ),
    ),
)

# Other kinds of tag have a name of their own in each of the eight places
_OTHER: dict[str, tuple[str, ...]] = {
    "digital": ("STATUS", "MODE", "TRIP", "VALVE", "RUNNING", "ALARM", "PERMIT", "SELECT"),
    "string": ("BATCH_ID", "OPERATOR", "RECIPE", "GRADE", "COMMENT", "LOT", "PHASE", "MESSAGE"),
    "integer": ("STARTS", "HOURS", "STEP", "COUNT", "CYCLE", "ERRORS", "PRIORITY", "PARTS"),
    "biginteger": tuple(f"SERIAL{n}" for n in range(8)),
    "boolean": tuple(f"FLAG{n}" for n in range(8)),
    "timestamp": tuple(f"LAST_CAL{n}" for n in range(8)),
    "blob": tuple(f"PICTURE{n}" for n in range(8)),
}


def measurement(index: int) -> Measurement:
    """What tag ``index`` measures when it is an analog."""
    equipment, slot = divmod(index, TAGS_PER_EQUIPMENT)
    return _EQUIPMENT[equipment % len(_EQUIPMENT)][2][slot]


def name_of(index: int, kind: str, decoration: int | None) -> str:
    """The name of tag ``index`` given what it holds; ``decoration`` makes it odd."""
    equipment, slot = divmod(index, TAGS_PER_EQUIPMENT)
    unit = equipment // EQUIPMENT_PER_UNIT
    site = SITES[unit // UNITS_PER_SITE % len(SITES)]
    what = _OTHER[kind][slot] if kind in _OTHER else measurement(index).name
    tail = "" if decoration is None else DECORATIONS[decoration % len(DECORATIONS)]
    return f"{site}.{unit_label(unit)}.{prefix(equipment)}-{equipment:04d}.{what}{tail}.PV"


def prefix(equipment: int) -> str:
    """``PUMP``, ``TANK``, ``REAC`` or ``COMP``."""
    return _EQUIPMENT[equipment % len(_EQUIPMENT)][0]


def noun(equipment: int) -> str:
    """The prefix as a word: ``Pump``."""
    return _EQUIPMENT[equipment % len(_EQUIPMENT)][1]


def measurements(prefix: str) -> tuple[Measurement, ...]:
    """The eight analogs of a type of equipment."""
    return next(analogs for name, _, analogs in _EQUIPMENT if name == prefix)


def unit_label(unit: int) -> str:
    """The name of a unit: ``U120``."""
    return f"U{100 + 10 * (unit % 90)}"


def other_name(kind: str, slot: int) -> str:
    """What a tag that is no analog is called."""
    return _OTHER[kind][slot]


def descriptor_of(index: int, kind: str) -> str:
    """A descriptor in words."""
    equipment, slot = divmod(index, TAGS_PER_EQUIPMENT)
    what = _OTHER[kind][slot].replace("_", " ").lower() if kind in _OTHER else measurement(index).text
    return f"{noun(equipment)} {equipment:04d} {what}"


def candidates(name: str) -> range:
    """The indices that a name may belong to: the tags of its equipment, or none."""
    match = _NUMBER.match(name)
    if match is None:
        return range(0)
    first = int(match.group(1)) * TAGS_PER_EQUIPMENT
    return range(first, first + TAGS_PER_EQUIPMENT)
