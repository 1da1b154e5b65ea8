"""The alarm limits of a tag: a pure function of its definition.

Ordinary values of a measurement lie between 0.15 and 0.9 of its range (``values._wave``), so limits at
these fractions are crossed near each crest and trough, some of them seldom or never.
"""

from __future__ import annotations

from dataclasses import dataclass

from .hashing import scramble
from .tags import TagDef

# By trait, from the inside of the range outwards on each side
LIMIT_TRAITS = ("LimitLoLo", "LimitLo", "LimitHi", "LimitHiHi")
_HI, _HIHI = (0.845, 0.855, 0.865, 0.875), (0.885, 0.89, 0.895, 0.93)
_LO, _LOLO = (0.205, 0.195, 0.185, 0.175), (0.165, 0.16, 0.155, 0.12)
_DEADBANDS = (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.06, 0.06, 0.04, 0.0, 0.1, 0.1)


@dataclass(frozen=True, slots=True)
class TagLimits:
    """Limits in units of the tag. An alarm clears ``deadband`` inside its limit, if it has one."""

    lolo: float
    lo: float
    hi: float
    hihi: float
    deadband: float

    def of_trait(self, trait: str) -> float:
        """The limit that an attribute trait stands for (``LimitHiHi``); ``KeyError`` for another trait."""
        values = {"LimitLoLo": self.lolo, "LimitLo": self.lo, "LimitHi": self.hi, "LimitHiHi": self.hihi}
        return values[trait]


def limits_of(tag: TagDef) -> TagLimits | None:
    """The limits of a measurement with plain numbers; None for tags that nobody watches so."""
    if tag.kind not in ("number", "float32"):
        return None
    dice = scramble(tag.key, 77)
    deadband = _DEADBANDS[(dice >> 20) % len(_DEADBANDS)]
    fractions = (_LOLO[dice & 3], _LO[dice >> 4 & 3], _HI[dice >> 8 & 3], _HIHI[dice >> 12 & 3])
    lolo, lo, hi, hihi = (_rounded(tag, fraction) for fraction in fractions)
    return TagLimits(lolo, lo, hi, hihi, deadband * (tag.high - tag.low))


def _rounded(tag: TagDef, fraction: float) -> float:
    return round(tag.low + fraction * (tag.high - tag.low), tag.decimals)
