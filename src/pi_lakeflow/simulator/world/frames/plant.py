"""What happens to units and machines: downtimes with their flood of alarms, standing faults, batches."""

from __future__ import annotations

from collections.abc import Sequence

from pi_lakeflow.simulator.world import names
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.assets.layout import UNITS, Layout, Level, Place
from pi_lakeflow.simulator.world.hashing import scramble

from .model import Frame
from .people import handled
from .sources import PLACES, SourceKind, source_number, text_of

_REASONS = ("Pump trip", "Power dip", "Valve stuck", "Instrument air low", "Changeover", "Inspection")
_FAULTS = (
    (101, "Motor overload"),
    (117, "Seal leak"),
    (204, "Low oil pressure"),
    (311, "Transmitter fault"),
    (312, "Signal out of range"),
    (420, "Door open"),
    (9001, "Watchdog"),
)
_PRODUCTS = ("Grade A", "Grade B", "Résine 40", "Special/7")
_PHASES = (("Charge", 0.0, 0.15), ("Heat up", 0.15, 0.3), ("React", 0.3, 0.8), ("Discharge", 0.85, 1.0))


class _Cyclic:
    """A source whose cycles all have the same length; ``start`` is when its first one begins."""

    def __init__(self, number: int, start: int, length: int, key: int) -> None:
        self.number = number
        self._start, self._length, self._key = start, length, key

    def cycles(self, first: int, last: int) -> range:
        low = (first - self._start) // self._length
        high = (last - self._start) // self._length
        return range(max(0, low), max(0, high + 1))

    def _dice(self, cycle: int, salt: int) -> int:
        return scramble(self._key, self.number, cycle, salt)

    def _begin(self, cycle: int) -> int:
        return self._start + cycle * self._length


class Downtimes(_Cyclic):
    """A unit stands still now and then; when it does, its machines complain within ten minutes."""

    def __init__(self, unit: int, layout: Layout, start: int, seed: int) -> None:
        key = scramble(seed, 901)
        length = (7 + scramble(key, unit) % 14) * t.DAY
        super().__init__(source_number(SourceKind.DOWNTIME, unit), start, length, key)
        self._place = Place(Level.UNIT, unit)
        self._name = layout.name(self._place)
        self._machines = [p for p in layout.children(self._place) if p.level is Level.EQUIPMENT]

    def frames(self, cycle: int) -> Sequence[Frame]:
        dice = self._dice(cycle, 0)
        start = self._begin(cycle) + t.HOUR + dice % (self._length // 2) // t.MICRO * t.MICRO
        end = start + (20 + (dice >> 32) % 700) * t.MINUTE
        planned = dice % 5 == 0
        down = Frame(
            source=self.number,
            ordinal=cycle * PLACES,
            name=f"{self._name} downtime {text_of(start)}",
            description=f"Unit {self._name} stood still",
            template="Downtime",
            severity="Information" if planned else "Major",
            start=start,
            end=end,
            places=(self._place, *self._machines[:1]),
            values=(
                ("Lost Production", round((end - start) / t.HOUR * (5 + dice % 20), 1)),
                ("Planned", planned),
                ("Reason", _REASONS[(dice >> 8) % len(_REASONS)]),
            ),
            modified=end,
            can_be_acknowledged=True,
        )
        alarms = [] if planned else self._flood(cycle, start)
        return [handled(frame, self._key) for frame in (down, *alarms)]

    def _flood(self, cycle: int, start: int) -> list[Frame]:
        count = 12 + self._dice(cycle, 1) % 30 if self._machines else 0
        return [self._complaint(cycle, place, start) for place in range(1, count + 1)]

    def _complaint(self, cycle: int, place: int, start: int) -> Frame:
        dice = self._dice(cycle, 100 + place)
        machine = self._machines[dice % len(self._machines)]
        at = start + (dice >> 8) % (10 * t.MINUTE) // t.MICRO * t.MICRO
        end = at + t.MINUTE + (dice >> 24) % (90 * t.MINUTE) // t.MICRO * t.MICRO
        severity = ("Minor", "Minor", "Warning", "Major")[dice >> 4 & 3]
        return fault(self.number, cycle * PLACES + place, machine, at, end, dice >> 40, severity)


class Standing(_Cyclic):
    """A fault that comes, stays for weeks and goes: what reports call a stale alarm."""

    def __init__(self, slot: int, machine: Place, start: int, seed: int) -> None:
        key = scramble(seed, 902)
        length = (40 + scramble(key, slot) % 80) * t.DAY
        first = start - scramble(key, slot, 1) % length
        super().__init__(source_number(SourceKind.STANDING, slot), first, length, key)
        self._machine, self._since = machine, start

    def frames(self, cycle: int) -> Sequence[Frame]:
        dice = self._dice(cycle, 0)
        at = self._begin(cycle) + dice % (self._length // 3) // t.MICRO * t.MICRO
        if at < self._since:
            return []
        end = self._begin(cycle + 1) - t.HOUR - (dice >> 20) % (2 * t.DAY) // t.MICRO * t.MICRO
        severity = ("Information", "Warning", "Minor")[(dice >> 8) % 3]
        frame = fault(self.number, cycle * PLACES, self._machine, at, end, dice >> 40, severity)
        return [handled(frame, self._key)]


def fault(source: int, ordinal: int, machine: Place, start: int, end: int, dice: int, severity: str) -> Frame:
    """An equipment alarm."""
    code, words = _FAULTS[dice % len(_FAULTS)]
    element = f"{names.prefix(machine.number)}-{machine.number:04d}"
    return Frame(
        source=source,
        ordinal=ordinal,
        name=f"{element} {words} {text_of(start)}",
        description=f"{element} reports fault {code}",
        template="Equipment Alarm",
        severity=severity,
        start=start,
        end=end,
        places=(machine,),
        values=(("Code", code), ("Fault", words)),
        modified=end,
    )


class Batches(_Cyclic):
    """A reactor makes one batch after the other, each in phases (child frames)."""

    def __init__(self, reactor: int, start: int, seed: int) -> None:
        key = scramble(seed, 903)
        length = (480 + scramble(key, reactor) % 960) * t.MINUTE
        super().__init__(source_number(SourceKind.BATCH, reactor), start, length, key)
        self._place = Place(Level.EQUIPMENT, reactor)
        self._element = f"{names.prefix(reactor)}-{reactor:04d}"

    def frames(self, cycle: int) -> Sequence[Frame]:
        dice = self._dice(cycle, 0)
        slack = self._length // 8
        start = self._begin(cycle) + dice % slack // t.MICRO * t.MICRO
        end = self._begin(cycle + 1) - (dice >> 16) % slack // t.MICRO * t.MICRO
        first = cycle * PLACES
        places = (self._place, Place(Level.UNIT, self._place.number // names.EQUIPMENT_PER_UNIT % UNITS))
        whole = Frame(
            source=self.number,
            ordinal=first,
            name=f"Batch {self._element} {text_of(start)}",
            description="",
            template="Batch",
            severity="None",
            start=start,
            end=end,
            places=places,
            values=(
                ("Batch ID", f"B{self._place.number:04d}-{cycle:05d}"),
                ("Product", _PRODUCTS[(dice >> 32) % len(_PRODUCTS)]),
                ("Yield", 88 + (dice >> 40) % 1000 / 100),
            ),
            modified=end,
            children=tuple(range(first + 1, first + 1 + len(_PHASES))),
            can_be_acknowledged=False,
        )
        phases = [self._phase(whole, number, dice) for number in range(len(_PHASES))]
        return [handled(frame, self._key) for frame in (whole, *phases)]

    def _phase(self, batch: Frame, number: int, dice: int) -> Frame:
        name, low, high = _PHASES[number]
        length = batch.end - batch.start
        start = batch.start + int(length * low) // t.MICRO * t.MICRO
        return Frame(
            source=self.number,
            ordinal=batch.ordinal + 1 + number,
            name=name,
            description=f"{name} of {batch.name}",
            template="Batch Phase",
            severity="None",
            start=start,
            end=batch.start + int(length * high) // t.MICRO * t.MICRO,
            places=(self._place,),
            values=(("Phase", name), ("Set Point", float(60 + (dice >> 12) % 80))),
            modified=batch.end,
            parent=batch.ordinal,
            can_be_acknowledged=False,
        )
