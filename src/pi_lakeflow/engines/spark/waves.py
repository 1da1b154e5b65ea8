"""Where a stream is: groups of tags ("waves") and the position of each.

Most of the time there is one wave: all tags, at one time. Tags that appear later start a wave of
their own at the beginning of their history, and join the others when they have caught up. Tags that
are no longer selected keep their position in a wave that rests. What a batch left behind is a wave
that ends.

A *plan* says which tags are in which wave, and where each wave stood when the plan was made. An
*offset* is the plan's version and one time per wave. Both are canonical: the same facts give the same
text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.span import iso, to_micros

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Wave:
    """Tags that advance together; times in microseconds since 1970.

    ``start``: position when the plan was made. ``seen``: where it stood when it last looked back.
    ``floor``: where the tags' history begins. ``stop``: where the wave ends for ever, None when it
    follows the present. A wave that ``rests`` does not move.
    """

    tags: tuple[str, ...]
    start: int
    seen: int
    floor: int
    stop: int | None = None
    rests: bool = False


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """Waves in a stable order. ``version`` names the plan's content."""

    waves: tuple[Wave, ...] = ()

    @property
    def version(self) -> str:
        return hashlib.blake2b(self.to_json().encode(), digest_size=12).hexdigest() if self.waves else ""

    def to_json(self) -> str:
        waves = [[w.start, w.seen, w.floor, w.stop, w.rests, list(w.tags)] for w in self.waves]
        return json.dumps({"format": _FORMAT, "waves": waves}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> StreamPlan:
        raw = json.loads(text)
        if raw.get("format") != _FORMAT:
            raise SettingsError(
                "the stream's plan was written by another version", hint="use the version that wrote it"
            )
        return cls(
            tuple(
                Wave(tuple(tags), start, seen, floor, stop, rests)
                for start, seen, floor, stop, rests, tags in raw["waves"]
            )
        )

    def packed(self) -> str:
        """The plan in as few characters as a checkpoint can hold."""
        return base64.b85encode(zlib.compress(self.to_json().encode(), 9)).decode()

    @classmethod
    def unpacked(cls, text: str) -> StreamPlan:
        return cls.from_json(zlib.decompress(base64.b85decode(text)).decode())


def arranged(waves: Iterable[Wave], look_back: int = 0) -> StreamPlan:
    """The plan of these waves: those that stand at one place for the same purpose become one.

    Waves whose histories begin within ``look_back`` stay apart, so that nobody looks back too far.
    """
    groups: dict[tuple[int, int, bool, int], list[Wave]] = {}
    for wave in waves:
        if wave.tags and (wave.stop is None or wave.start < wave.stop):
            stop = -1 if wave.stop is None else wave.stop
            young = wave.floor if wave.floor > wave.start - look_back else -1
            groups.setdefault((wave.start, stop, wave.rests, young), []).append(wave)
    return StreamPlan(tuple(_one(group) for _, group in sorted(groups.items())))


def same_waves(one: StreamPlan, other: StreamPlan) -> bool:
    """Whether both plans group the tags alike, wherever they stand."""
    return _grouping(one) == _grouping(other)


def _one(group: Sequence[Wave]) -> Wave:
    tags = tuple(sorted({tag for wave in group for tag in wave.tags}))
    floor, seen = max(wave.floor for wave in group), min(wave.seen for wave in group)
    return replace(group[0], tags=tags, floor=floor, seen=seen)


def _grouping(plan: StreamPlan) -> set[tuple[tuple[str, ...], int | None, bool]]:
    return {(wave.tags, wave.stop, wave.rests) for wave in plan.waves}


@dataclass(frozen=True, slots=True)
class Position:
    """An offset: where each wave of a plan stands, and where it last looked back from."""

    plan: str
    at: tuple[int, ...]
    seen: tuple[int, ...] = ()
    inline: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What Spark writes into the checkpoint, as one line of JSON."""
        found: dict[str, Any] = {"plan": self.plan, "at": [iso(micros) for micros in self.at]}
        if self.seen and self.seen != self.at:
            found["seen"] = [iso(micros) for micros in self.seen]
        if self.inline is not None:
            found["tags"] = self.inline
        return found

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Position:
        """Raises ``SettingsError`` for what this version did not write."""
        try:
            at, seen = _times(raw["at"]), _times(raw.get("seen", raw["at"]))
            return cls(str(raw["plan"]), at, seen, raw.get("tags"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError(
                f"the offset in the checkpoint is not one of ours: {json.dumps(raw)[:200]}",
                hint="use another checkpoint folder for this query",
            ) from error

    @property
    def key(self) -> str:
        """A short name of this offset, for the notes about the batch that ends here."""
        text = json.dumps([self.plan, self.at, self.seen])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


START = Position("", ())


def _times(texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(to_micros(datetime.fromisoformat(text)) for text in texts)
