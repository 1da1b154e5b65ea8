"""The alarm limits of measurements, as shares of their range.

Ordinary values lie between 0.15 and 0.9 of the range (``values._wave``, a triangle with noise), so that
these limits are crossed near crests and troughs; the outer ones not every time.
"""

from __future__ import annotations

from dataclasses import dataclass

from .hashing import scramble
from .tags import TagDef

# Of the range, by the name of the limit; the trait is ``Limit`` plus that name
LIMIT_SHARES = {"LoLo": 0.155, "Lo": 0.19, "Hi": 0.86, "HiHi": 0.895}
# How far inside its limit an alarm clears; the one tag in twelve without deadband chatters
_DEADBANDS = (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.06, 0.04, 0.0)


@dataclass(frozen=True, slots=True)
class TagLimits:
    """Limits and deadband in units of the tag."""

    lolo: float
    lo: float
    hi: float
    hihi: float
    deadband: float


def limit_at(low: float, high: float, share: float) -> float:
    """Where a share of a range lies."""
    return round(low + share * (high - low), 4)


def limits_of(tag: TagDef) -> TagLimits | None:
    """The limits of a measurement with plain numbers; None for tags that nobody watches so."""
    if tag.kind not in ("number", "float32"):
        return None
    lolo, lo, hi, hihi = (limit_at(tag.low, tag.high, share) for share in LIMIT_SHARES.values())
    share = _DEADBANDS[(scramble(tag.key, 77) >> 20) % len(_DEADBANDS)]
    return TagLimits(lolo, lo, hi, hihi, share * (tag.high - tag.low))
