"""The annotations of events whose flag says that they have some: a pure function of tag and time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from .hashing import scramble
from .tags import TagDef
from .ticks import MINUTE

_TEXTS = (
    ("Alarm", "HiHi limit exceeded, {tag} above its trip point"),
    ("Alarm", "Lo limit, operator informed"),
    ("Operator", 'Valve "stuck", maintenance called'),
    ("Operator", "Étalonnage effectué"),
    ("Laboratory", "Sample {number} taken"),
    ("Alarm", "Acknowledged after {number} s"),
)
_PEOPLE = ("PLANT\\jmartin", "PLANT\\okafor", "PLANT\\tanaka", "PLANT\\lindqvist")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What somebody noted at an event; times are ticks."""

    id: uuid.UUID
    name: str
    description: str
    value: str
    creator: str
    created: int
    modifier: str
    modified: int


def annotations_at(tag: TagDef, ticks: int) -> list[Annotation]:
    """One annotation, sometimes two."""
    dice = scramble(tag.key, 55, ticks)
    return [_annotation(tag, ticks, place) for place in range(2 if dice % 10 == 0 else 1)]


def _annotation(tag: TagDef, ticks: int, place: int) -> Annotation:
    dice = scramble(tag.key, 56, ticks, place)
    name, text = _TEXTS[dice % len(_TEXTS)]
    created = ticks + (1 + (dice >> 8) % 30) * MINUTE
    modified = created + (dice >> 16) % 3 * MINUTE
    return Annotation(
        uuid.UUID(int=scramble(dice, 1) << 64 | scramble(dice, 2), version=4),
        name,
        "" if dice >> 24 & 1 else "Entered in the control room",
        text.format(tag=tag.name, number=(dice >> 32) % 900 + 100),
        _PEOPLE[(dice >> 40) % len(_PEOPLE)],
        created,
        _PEOPLE[(dice >> 44) % len(_PEOPLE)],
        modified,
    )
