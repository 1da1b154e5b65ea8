"""What people do with frames: acknowledge, sooner or later or never, and annotate."""

from __future__ import annotations

import uuid
from dataclasses import replace

from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.hashing import scramble

from .model import Frame, FrameAnnotation

OPERATORS = ("PLANT\\jmartin", "PLANT\\okafor", "PLANT\\tanaka", "PLANT\\lindqvist")
_NOTES = (
    ("Operator", "Checked on site, nothing unusual"),
    ("Operator", 'Set point lowered; "watch it" says the day shift'),
    ("Maintenance", "Work order {number} opened"),
    ("Engineer", "Étalonnage à refaire, dérive visible"),
    ("Shift log", "Known problem, see entry {number}"),
)


def handled(frame: Frame, key: int) -> Frame:
    """The frame with what people will do to it. ``key`` makes the decisions."""
    dice = scramble(key, frame.source, frame.ordinal)
    who, when = _acknowledgement(frame, dice)
    notes = _annotations(frame, dice)
    moments = [frame.end if frame.end < t.NEVER else frame.start, when, *(note.modified for note in notes)]
    return replace(
        frame,
        acknowledged_by=who,
        acknowledged_at=when,
        annotations=notes,
        modified=max(moments),
    )


def _acknowledgement(frame: Frame, dice: int) -> tuple[str, int]:
    """Seven in ten within a quarter of an hour, two within some hours, one never."""
    if not frame.can_be_acknowledged or dice % 10 == 9:
        return "", 0
    longest = 15 * t.MINUTE if dice % 10 < 7 else 6 * t.HOUR
    delay = 20 * t.SECOND + (dice >> 8) % (longest - 20 * t.SECOND)
    return OPERATORS[(dice >> 4) % len(OPERATORS)], frame.start + delay // t.MICRO * t.MICRO


def _annotations(frame: Frame, dice: int) -> tuple[FrameAnnotation, ...]:
    share = {"Downtime": 60, "Limit Alarm": 4, "Equipment Alarm": 6}.get(frame.template, 0)
    if scramble(dice, 1) % 100 >= share:
        return ()
    return tuple(_annotation(frame, scramble(dice, 2, place)) for place in range(1 + dice % 2))


def _annotation(frame: Frame, dice: int) -> FrameAnnotation:
    name, text = _NOTES[dice % len(_NOTES)]
    number = (dice >> 32) % 90_000 + 10_000
    created = frame.start + (1 + (dice >> 8) % 240) * t.MINUTE
    media = (f"note-{number}.txt", f"Note {number}\r\n".encode()) if dice >> 24 & 3 == 0 else None
    return FrameAnnotation(
        uuid.UUID(int=scramble(dice, 1) << 64 | scramble(dice, 2), version=4),
        name,
        "Entered in the control room" if dice >> 26 & 1 else "",
        text.format(number=number),
        OPERATORS[(dice >> 40) % len(OPERATORS)],
        created,
        OPERATORS[(dice >> 44) % len(OPERATORS)],
        created + (dice >> 16) % 3 * t.MINUTE,
        media,
    )
