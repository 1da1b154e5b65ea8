"""What a historian tells about changes of its archive while we follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a tag's history at ``at`` (microseconds since 1970; None: anywhere).

    ``action`` is add, update, insert, delete or refresh.
    """

    action: str
    at: int | None


@dataclass(slots=True)
class Registered:
    """Markers from which changes of each tag are told, and why some tags cannot be followed."""

    markers: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class News:
    """Changes of each tag since its marker, the next markers, and tags that are no longer followed.

    ``lost`` says why: everything may have happened to such a tag since its last marker. ``more``
    are tags whose answer was full.
    """

    changes: dict[str, Sequence[Change]] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    more: set[str] = field(default_factory=set)


class ChangeSource(Protocol):
    """Tells which tags changed where; it keeps no state."""

    async def register(self, webids: Sequence[str]) -> Registered: ...

    async def poll(self, markers: Mapping[str, str]) -> News: ...
