"""One tag, computed from (seed, server, index): nothing is kept for tags that nobody asks for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from functools import lru_cache

from . import names
from .hashing import scramble
from .oddities import Oddities
from .ticks import DAY, MINUTE, SECOND

# What a tag holds. NUMBER styles differ in how many digits their values have.
POINT_TYPES = {
    "number": "Float64",
    "float32": "Float32",
    "double17": "Float64",
    "integer": "Int32",
    "biginteger": "Int64",
    "digital": "Digital",
    "string": "String",
    "boolean": "Boolean",
    "timestamp": "Timestamp",
    "blob": "Blob",
}
KIND_OF_TYPE = {
    "Float16": "number",
    "Float32": "float32",
    "Float64": "number",
    "Int16": "integer",
    "Int32": "integer",
    "Int64": "biginteger",
    "Digital": "digital",
    "String": "string",
    "Boolean": "boolean",
    "Timestamp": "timestamp",
    "Blob": "blob",
}
NUMERIC = frozenset({"number", "float32", "double17", "integer", "biginteger"})


@dataclass(frozen=True, slots=True)
class DataServer:
    """A PI Data Archive."""

    name: str
    guid: uuid.UUID
    number: int

    @property
    def path(self) -> str:
        return f"\\\\PIServers[{self.name}]"


@dataclass(frozen=True, slots=True)
class TagDef:
    """A PI point. Times are ticks of 100 ns; ``period`` is the mean distance of its scans."""

    index: int
    server: DataServer
    point_id: int
    name: str
    kind: str
    key: int
    period: int
    resolution: int  # event times are multiples of this; 0 = mixed fractions of a second
    irregular: bool = False
    units: str = ""
    descriptor: str = ""
    low: float = 0.0
    high: float = 100.0
    decimals: int = 3
    point_type: str = "Float64"
    digital_set: str = ""
    step: bool = False
    future: bool = False
    gaps: bool = False
    fading: bool = False
    bursty: bool = False
    pileup: bool = False
    bad_hours: bool = False
    created: int = 0
    # (since ticks, kind, point type, set), oldest first: what the tag became
    retyped: tuple[tuple[int, str, str, str], ...] = ()

    @property
    def path(self) -> str:
        return f"\\\\{self.server.name}\\{self.name}"

    @property
    def numeric(self) -> bool:
        return self.kind in NUMERIC


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all tags of a world have in common."""

    seed: int
    density: float  # events per minute of an ordinary tag
    uniform: bool
    oddities: Oddities
    start: int  # ticks: nothing is older
    sets: tuple[str, ...]
    discarded: int = 2  # live values that compression discards, for each archived event


# Fractional parts of multiples of an irrational number are spread evenly, so that even
# a small world has its share of each oddity; one number for each trait keeps traits independent.
_SPREAD = {
    "kind": 0.6180339887498949,
    "pace": 0.4142135623730951,
    "shape": 0.7320508075688772,
    "clock": 0.2360679774997898,
    "name": 0.6457513110645906,
    "gap": 0.3166247903553998,
    "bad": 0.6055512754639891,
    "crowd": 0.1231056256176605,
    "future": 0.3588989435406740,
    "fading": 0.7958315233127191,
}


def _spread(recipe: Recipe, trait: str, index: int) -> float:
    return ((index + 1) * _SPREAD[trait] + _offset(recipe.seed, trait)) % 1.0


@lru_cache(maxsize=1_000)
def _offset(seed: int, trait: str) -> float:
    return (scramble(seed, len(trait), ord(trait[0])) >> 40) / (1 << 24)


def _pick(position: float, shares: tuple[tuple[str, float], ...], default: str) -> str:
    for name, share in shares:
        if position < share:
            return name
        position -= share
    return default


def name_at(recipe: Recipe, index: int) -> str:
    """The name that tag ``index`` has unless somebody renames it."""
    return names.name_of(index, kind_at(recipe, index), _decoration(recipe, index))


def _decoration(recipe: Recipe, index: int) -> int | None:
    odd = not recipe.uniform and _spread(recipe, "name", index) < recipe.oddities.odd_name_tags
    return scramble(recipe.seed, index, 5) if odd else None


def define(recipe: Recipe, server: DataServer, index: int) -> TagDef:
    """Tag ``index`` of ``server``. The same names exist on every server, with other values."""
    if recipe.uniform:
        return _uniform(recipe, server, index)
    odd = recipe.oddities
    kind = kind_at(recipe, index)
    key = scramble(recipe.seed, server.number, index)
    pace = _pick(_spread(recipe, "pace", index), (("fast", odd.fast_tags), ("slow", odd.slow_tags)), "usual")
    clock = _pick(
        _spread(recipe, "clock", index),
        (("tick", odd.tick_tags), ("fraction", odd.fraction_tags)),
        "whole" if key & 1 else "milli",
    )
    crowd = _pick(
        _spread(recipe, "crowd", index),
        (("bursty", odd.bursty_tags), ("pileup", odd.pileup_tags)),
        "",
    )
    base = TagDef(
        index=index,
        server=server,
        point_id=index + 1,
        name=names.name_of(index, kind, _decoration(recipe, index)),
        kind=kind,
        key=key,
        period=_period(recipe, pace, key),
        resolution={"tick": 1, "fraction": 0, "whole": SECOND, "milli": SECOND // 1000}[clock],
        irregular=_spread(recipe, "shape", index) < odd.irregular_tags,
        descriptor=names.descriptor_of(index, kind),
        point_type=POINT_TYPES[kind],
        future=_spread(recipe, "future", index) < odd.future_tags,
        gaps=_spread(recipe, "gap", index) < odd.gap_tags,
        fading=_spread(recipe, "fading", index) < odd.fading_tags,
        bursty=crowd == "bursty",
        pileup=crowd == "pileup",
        bad_hours=_spread(recipe, "bad", index) < odd.bad_hour_tags,
        created=recipe.start,
    )
    return _typed(base, recipe.sets)


def kind_at(recipe: Recipe, index: int) -> str:
    """What tag ``index`` holds at first, without the rest of its definition."""
    if recipe.uniform:
        return "number"
    return _pick(_spread(recipe, "kind", index), _kind_shares(recipe.oddities), "number")


@lru_cache(maxsize=100)
def _kind_shares(odd: Oddities) -> tuple[tuple[str, float], ...]:
    return (
        ("digital", odd.digital_tags),
        ("string", odd.string_tags),
        ("integer", odd.integer_tags),
        ("double17", odd.double17_tags),
        ("float32", odd.float32_tags),
        ("biginteger", odd.big_integer_tags),
        ("boolean", odd.boolean_tags),
        ("timestamp", odd.timestamp_tags),
        ("blob", odd.blob_tags),
    )


def _period(recipe: Recipe, pace: str, key: int) -> int:
    if pace == "fast":
        return SECOND
    if pace == "slow":
        return DAY
    return max(1, int(MINUTE / recipe.density * (0.5, 1, 1, 1.5)[key >> 8 & 3]))


def _typed(tag: TagDef, sets: tuple[str, ...]) -> TagDef:
    if tag.kind in NUMERIC - {"integer", "biginteger"}:
        what = names.measurement(tag.index)
        return replace(tag, units=what.units, low=what.low, high=what.high, decimals=what.decimals)
    if tag.kind == "integer":
        return replace(tag, high=32000.0, step=True)
    if tag.kind == "digital":
        return replace(tag, digital_set=sets[(tag.key >> 16) % len(sets)], step=True)
    return replace(tag, step=True)


def _uniform(recipe: Recipe, server: DataServer, index: int) -> TagDef:
    what = names.measurement(index)
    return TagDef(
        index=index,
        server=server,
        point_id=index + 1,
        name=names.name_of(index, "number", None),
        kind="number",
        key=scramble(recipe.seed, server.number, index),
        period=max(1, int(MINUTE / recipe.density)),
        resolution=SECOND,
        units=what.units,
        descriptor=names.descriptor_of(index, "number"),
        low=100.0,
        high=1000.0,
        decimals=4,
        created=recipe.start,
    )
