"""WebID 2.0: minting and parsing (PI Web API reference, topic WebID Encoded Datatypes).

``<type letter><version><marker>[server GUID][owner GUID][object][path]``. GUIDs are 22 characters
of URL-safe base64 in .NET byte order; the object of a PI point is its 32-bit id, 6 characters;
servers have no object; the path is upper-cased UTF-8 without the leading backslashes.
"""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
from dataclasses import dataclass

TYPES = {"full": "F", "idonly": "I", "pathonly": "P", "localidonly": "L", "defaultidonly": "D"}
POINT = "DP"
DATA_SERVER = "DS"
ASSET_SERVER = "RS"

# Markers that carry an owner letter, and the letters they take.
_OWNED = {
    "Ab": "EF",
    "AT": "E",
    "XR": "XT",
    "MS": "RD",
    "MV": "RD",
    "TR": "XT",
    "NS": "L",
    "NC": "E",
}
_PLAIN = frozenset(
    [
        "DS",
        "DP",
        "RS",
        "RD",
        "Em",
        "Fm",
        "ET",
        "Xs",
        "XT",
        "XP",
        "XC",
        "AC",
        "EC",
        "BC",
        "Bl",
        "TP",
        "Ut",
        "UC",
        "SI",
        "SM",
        "NR",
        "NT",
        "DC",
    ],
)
_THREE_PARTS = frozenset({"Ab", "AT", "MV", "XR", "TR", "NS", "NC"})
_SERVERS = frozenset({DATA_SERVER, ASSET_SERVER})


class BadWebId(ValueError):
    """The text is no WebID."""


@dataclass(frozen=True, slots=True)
class WebId:
    """The parts of an id. ``marker`` includes the owner letter (``AbE``); what a type omits is None."""

    type: str
    marker: str
    server: uuid.UUID | None = None
    owner: uuid.UUID | None = None
    object: uuid.UUID | int | None = None
    path: str | None = None

    @property
    def kind(self) -> str:
        """The two-letter marker, without the owner letter."""
        return self.marker[:2]


def mint(
    web_id_type: str,
    marker: str,
    *,
    server: uuid.UUID,
    path: str,
    item: uuid.UUID | int | None = None,
    owner: uuid.UUID | None = None,
) -> str:
    """The id of an object. ``web_id_type`` is ``Full``, ``IDOnly``, ... in any case."""
    letter = TYPES.get(web_id_type.lower())
    if letter is None:
        raise BadWebId(f"unknown WebID type {web_id_type!r}")
    parts = [letter, "1", marker]
    if letter in "FI":
        parts.append(_guid_text(server))
    if letter in "FILD":
        parts += [_guid_text(owner)] if owner is not None else []
        parts += [_object_text(item)] if item is not None else []
    if letter in "FP":
        parts.append(_encode(path.removeprefix("\\\\").upper().encode()))
    return "".join(parts)


def parse(text: str) -> WebId:
    """The parts of an id, or :class:`BadWebId`. Versions 1 and 0 are read."""
    if len(text) < 4 or text[0] not in "FIPLD" or text[1] not in "01":
        raise BadWebId(text)
    letter, marker = text[0], text[2:4]
    rest = text[4:]
    if marker in _OWNED:
        if rest[:1] not in _OWNED[marker] or not rest:
            raise BadWebId(text)
        marker, rest = marker + rest[0], rest[1:]
    elif marker not in _PLAIN:
        raise BadWebId(text)
    try:
        return _parse_rest(letter, marker, rest)
    except (ValueError, binascii.Error, struct.error) as error:
        raise BadWebId(text) from error


def _parse_rest(letter: str, marker: str, rest: str) -> WebId:
    server = owner = None
    item: uuid.UUID | int | None = None
    if letter in "FI":
        server, rest = _guid(rest[:22]), rest[22:]
    if letter in "FILD":
        if marker[:2] in _THREE_PARTS:
            owner, rest = _guid(rest[:22]), rest[22:]
        if marker == POINT:
            item, rest = struct.unpack("<i", _decode(rest[:6], 4))[0], rest[6:]
        elif marker not in _SERVERS:
            item, rest = _guid(rest[:22]), rest[22:]
    if letter in "FP":
        return WebId(letter, marker, server, owner, item, "\\\\" + _decode(rest).decode())
    if rest:
        raise ValueError("characters are left over")
    return WebId(letter, marker, server, owner, item)


def _object_text(value: uuid.UUID | int) -> str:
    return _encode(struct.pack("<i", value)) if isinstance(value, int) else _guid_text(value)


def _guid_text(value: uuid.UUID) -> str:
    return _encode(value.bytes_le)


def _guid(text: str) -> uuid.UUID:
    return uuid.UUID(bytes_le=_decode(text, 16))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str, length: int | None = None) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if length is not None and len(raw) != length:
        raise ValueError(f"{length} bytes expected")
    return raw
