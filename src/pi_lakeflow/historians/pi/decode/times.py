"""Timestamps of PI Web API to 100-nanosecond ticks since 1970 UTC, exactly.

The server prints UTC with ``Z`` and up to seven fraction digits, trailing zeros dropped
(PI Web API reference, topic Time Strings; widths seen in public answers).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TICKS_PER_SECOND = 10_000_000
NANOSECONDS_PER_TICK = 100
DIGITS = np.dtype("<u2")
"""Two characters, read as one number."""

USUAL_CENTURY = np.isin(np.arange(1 << 16), np.frombuffer(b"1718192021", DIGITS))
"""Whether two characters are the first ones of a year that ``nanoseconds_of`` takes."""

_NANOSECONDS = pa.timestamp("ns", tz="UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(?:Z|([+-])(\d\d):?(\d\d)?)",
    re.ASCII,
)


def ticks_of(text: str) -> int | None:
    """Ticks of one timestamp, cut to 100 ns; None when it has no zone or is no time at all.

    Takes what the bulk conversion of ``nanoseconds_of`` takes, and the years from 1 to 9999.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups("0")
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    if int(zone_hours) > 23 or int(zone_minutes) > 59:
        return None
    since = moment - _EPOCH
    offset = (int(zone_hours) * 3600 + int(zone_minutes) * 60) * (-1 if sign == "-" else 1)
    return (since.days * 86_400 + since.seconds - offset) * TICKS_PER_SECOND + int(fraction[:7].ljust(7, "0"))


def nanoseconds_of(texts: pa.StringArray) -> pa.TimestampArray | None:
    """Nanoseconds of a whole column; None when one of them needs ``ticks_of``.

    The years must be 1700 to 2199: older Arrow overflows silently beyond the reach of nanoseconds.
    """
    try:
        return pc.cast(texts, _NANOSECONDS)
    except pa.ArrowInvalid:
        return None


def ticks_of_all(texts: Sequence[str]) -> list[int | None] | npt.NDArray[np.int64]:
    """Ticks of each text, in bulk when that is possible; None where ``ticks_of`` gives none."""
    column = pa.array(texts, pa.string())
    if _in_usual_centuries(column) and (bulk := nanoseconds_of(column)) is not None:
        since: npt.NDArray[np.int64] = bulk.view(pa.int64()).to_numpy()
        return since // NANOSECONDS_PER_TICK
    return [ticks_of(text) for text in texts]


def _in_usual_centuries(texts: pa.StringArray) -> bool:
    """Whether all begin with the digits of a usual century; False when the last one is too short to tell."""
    _, offsets, letters = texts.buffers()
    if letters is None:
        return False
    places = np.frombuffer(offsets, np.int32, len(texts))
    if not len(places) or places[-1] + DIGITS.itemsize > letters.size:
        return False
    pairs: npt.NDArray[np.uint16] = np.ndarray((letters.size - 1,), DIGITS, letters, 0, (1,))
    return bool(USUAL_CENTURY[pairs[places]].all())
