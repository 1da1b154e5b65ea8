"""Digital and system states."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

# AF SDK reference, AFSystemStateCode
SYSTEM_STATES: dict[int, str] = {
    210: "AccessDenied",
    211: "No Sample",
    212: "No Result",
    213: "Unit Down",
    214: "Sample Bad",
    215: "Equip Fail",
    216: "No Lab Data",
    233: "DCS failed",
    237: "Bad Output",
    238: "Scan Off",
    239: "Scan On",
    240: "Configure",
    241: "Failed",
    242: "Error",
    243: "Execute",
    244: "Filtered",
    245: "Calc Off",
    246: "I/O Timeout",
    247: "Set to Bad",
    248: "No Data",
    249: "Calc Failed",
    250: "Calc Overflow",
    251: "Under Range",
    252: "Over Range",
    253: "Pt Created",
    254: "Shutdown",
    255: "Bad Input",
    256: "Bad Total",
    257: "No Alarm",
}
FILTERED = 244
IO_TIMEOUT = 246
NO_DATA = 248
CALC_FAILED = 249
PT_CREATED = 253
# What an ordinary day brings, most frequent first
COMMON_SYSTEM = (246, 246, 246, 255, 255, 254, 248, 247, 251, 252, 249, 238)


@dataclass(frozen=True, slots=True)
class StateSet:
    """A digital state set of a data server; codes are 0, 1, 2, ...

    ``added`` holds when a state came later than the set: (ticks, code).
    """

    name: str
    guid: uuid.UUID
    states: tuple[str, ...]
    added: tuple[tuple[int, int], ...] = ()

    @property
    def initial(self) -> int:
        """How many states the set was born with."""
        return len(self.states) - len(self.added)


_NAMES: dict[str, tuple[str, ...]] = {
    "OnOff": ("Off", "On"),
    "PumpState": ("Stopped", "Starting", "Running", "Tripped"),
    "ValveState": ("Closed", "Travelling", "Open", "Failed"),
    "Mode": ("Manual", "Auto", "Cascade"),
    "Alarm": ("Normal", "LoLo", "Lo", "Hi", "HiHi"),
    "État": ("Arrêt", "Démarrage", 'Marche "réduite"', "Marche", "Défaut"),
}


def default_sets(namespace: uuid.UUID) -> list[StateSet]:
    """The sets that every data server of a world has."""
    return [StateSet(name, uuid.uuid5(namespace, "set:" + name), states) for name, states in _NAMES.items()]


def system_name(code: int) -> str:
    """The name of a system state, or its number when nobody named it."""
    return SYSTEM_STATES.get(code, str(code))
