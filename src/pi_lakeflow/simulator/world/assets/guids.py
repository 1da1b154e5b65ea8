"""GUIDs that are computed from what they name, and read back to it: no index is kept.

A key is a small tuple of integers; its GUID is that key under a four-round Feistel cipher, with the
bits of a version 4 GUID. A GUID that no key has is recognised by its check bits.
"""

from __future__ import annotations

import uuid
import zlib
from enum import IntEnum
from typing import NamedTuple

from pi_lakeflow.simulator.world.hashing import scramble

_HALF = 61
_MASK = (1 << _HALF) - 1
_A_BITS, _B_BITS, _CHECK_BITS = 40, 36, 32


class Kind(IntEnum):
    """What a key names."""

    SERVER = 1
    DATABASE = 2
    ELEMENT = 3
    ATTRIBUTE = 4
    ELEMENT_TEMPLATE = 5
    ATTRIBUTE_TEMPLATE = 6
    ELEMENT_CATEGORY = 7
    ATTRIBUTE_CATEGORY = 8
    ANALYSIS_CATEGORY = 9
    TABLE_CATEGORY = 10
    ENUMERATION_SET = 11
    ENUMERATION_VALUE = 12
    TABLE = 13
    UNIT_CLASS = 14
    UNIT = 15
    ANALYSIS = 16
    ANALYSIS_RULE = 17
    ANALYSIS_TEMPLATE = 18
    ANALYSIS_TEMPLATE_RULE = 19
    TIME_RULE = 20
    TEMPLATE_TIME_RULE = 21
    ANALYSIS_PLUGIN = 22
    TIME_PLUGIN = 23
    DELIVERY_PLUGIN = 24
    EVENT_FRAME = 32
    EVENT_FRAME_ATTRIBUTE = 33
    NOTIFICATION_RULE = 34
    SUBSCRIBER = 35
    NOTIFICATION_TEMPLATE = 36
    CONTACT_TEMPLATE = 37


class Key(NamedTuple):
    """``a`` has 40 bits, ``b`` 36; their meaning depends on ``kind``."""

    kind: Kind
    database: int = 0
    a: int = 0
    b: int = 0


class Guids:
    """The GUIDs of one world."""

    def __init__(self, seed: int) -> None:
        self._rounds = tuple(scramble(seed, 0xAF, number) for number in range(4))

    def of(self, key: Key) -> uuid.UUID:
        """The GUID of a key."""
        plain = (((key.kind << 6 | key.database) << _A_BITS | key.a) << _B_BITS | key.b) << _CHECK_BITS
        left, right = plain >> _HALF, plain & _MASK
        for secret in self._rounds:
            left, right = right, left ^ (scramble(secret, right) & _MASK)
        mixed = left << _HALF | right
        head, middle, tail = mixed >> 74, mixed >> 62 & 0xFFF, mixed & (1 << 62) - 1
        return uuid.UUID(int=head << 80 | 4 << 76 | middle << 64 | 2 << 62 | tail)

    def read(self, guid: uuid.UUID) -> Key | None:
        """The key of a GUID, or None when it is no key's."""
        number = guid.int
        mixed = (number >> 80) << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
        left, right = mixed >> _HALF, mixed & _MASK
        for secret in reversed(self._rounds):
            left, right = right ^ (scramble(secret, left) & _MASK), left
        plain = left << _HALF | right
        rest, kind = plain >> _CHECK_BITS, plain >> (_CHECK_BITS + _B_BITS + _A_BITS + 6)
        if plain & (1 << _CHECK_BITS) - 1 or kind not in Kind._value2member_map_:
            return None
        database = rest >> (_A_BITS + _B_BITS) & 0x3F
        return Key(Kind(kind), database, rest >> _B_BITS & (1 << _A_BITS) - 1, rest & (1 << _B_BITS) - 1)

    def key(self, guid: uuid.UUID) -> Key:
        """The key of a GUID, or LookupError."""
        found = self.read(guid)
        if found is None:
            raise LookupError(str(guid))
        return found


def number_of(*names: str) -> int:
    """A stable 32-bit number for a name (case does not matter)."""
    return zlib.crc32("|".join(names).casefold().encode())
