"""What follows the value of an event: the same bytes nearly everywhere, learned as they turn up.

A tail is everything from the end of the value to the closing brace, for instance
``,"Good":true,"Questionable":false,"Substituted":false,"Annotated":false}``. An answer has few.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pi_lakeflow.historians.pi.decode.spans import Body, Places
from pi_lakeflow.historians.pi.decode.typed import Misfit

OPEN = b'{"Timestamp":"'
MIDDLE = b'","Value":'
FLAGS = ("Good", "Questionable", "Substituted", "Annotated")

_MOST = 64  # different tails in one answer; beyond, it is no template at all
_OPEN, _MIDDLE = OPEN.decode(), MIDDLE.decode()
_KEYS = {"Timestamp", "Value", "UnitsAbbreviation", *FLAGS}
_DECODER = json.JSONDecoder(object_pairs_hook=list)


@dataclass(frozen=True, slots=True)
class Tail:
    """The bytes, and the four flags that they say; None for a flag that is absent or null."""

    literal: bytes
    flags: tuple[bool | None, ...]


@dataclass(slots=True)
class Tails:
    """The tails met so far in one answer."""

    known: list[Tail] = field(default_factory=list)
    _order: list[int] = field(default_factory=list)  # indices into known, the most frequent of late first

    def match(self, body: Body, starts: Places, ends: Places) -> tuple[npt.NDArray[np.uint8], Places]:
        """For each event ``[start, end)`` the index of its tail, and where that begins.

        Learns tails on the way. Raises ``Misfit`` for an event that is not a plain TimedValue.
        """
        which = np.zeros(len(ends), np.uint8)
        rest = np.arange(len(ends))
        for index in self._order:
            rest = self._match_one(index, body, ends, which, rest)
            if not len(rest):
                break
        while len(rest):
            first = rest[0]
            self.learn(body.data[starts[first] : ends[first]])
            rest = self._match_one(len(self.known) - 1, body, ends, which, rest)
            if len(rest) and rest[0] == first:
                raise Misfit("an event that does not end as it was read")
        frequency = np.bincount(which, minlength=len(self.known))
        self._order = np.argsort(-frequency, kind="stable").tolist()
        lengths = np.array([len(tail.literal) for tail in self.known])
        return which, ends - lengths[which]

    def learn(self, event: bytes) -> Tail:
        """The tail of ``event``, which is one object of the usual keys in their order; known from now on."""
        if len(self.known) >= _MOST:
            raise Misfit("too many different ends of events")
        self.known.append(_read(event))
        self._order.append(len(self.known) - 1)
        return self.known[-1]

    def _match_one(
        self, index: int, body: Body, ends: Places, which: npt.NDArray[np.uint8], rest: Places
    ) -> Places:
        """Note ``index`` for those of ``rest`` that end so; the others."""
        literal = self.known[index].literal
        everything = len(rest) == len(ends)
        same = body.holds(literal, (ends if everything else ends[rest]) - len(literal))
        if same.all():
            which[rest] = index
            return rest[:0]
        which[rest[same]] = index
        return rest[~same]


def _read(event: bytes) -> Tail:
    """The tail of one event, read with care."""
    try:
        text = event.decode()
        pairs = _DECODER.decode(text)
        middle = text.index(_MIDDLE)
        _, value_end = _DECODER.raw_decode(text, middle + len(_MIDDLE))
    except (ValueError, RecursionError) as broken:
        raise Misfit("an event that is no JSON by itself") from broken
    if not text.startswith(_OPEN) or "\\" in text[:middle]:
        raise Misfit("an event of another shape")
    members = dict(pairs)
    units = members.get("UnitsAbbreviation")
    flags = [members.get(name) for name in FLAGS]
    plain = (
        len(members) == len(pairs)
        and members.keys() <= _KEYS
        and (units is None or isinstance(units, str))
        and all(flag is None or isinstance(flag, bool) for flag in flags)
    )
    if not plain:
        raise Misfit("an event with other keys than usual")
    return Tail(text[value_end:].encode(), tuple(flags))
