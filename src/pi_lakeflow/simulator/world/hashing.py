"""Counter-based random numbers: any element of any stream is computed without its predecessors.

SplitMix64 (Steele, Lea and Flood, 2014) over ``key + counter``. Only integer and exactly rounded
floating-point operations are used, so that worlds are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_M1 = 0xBF58476D1CE4E5B9
_M2 = 0x94D049BB133111EB


def scramble(*parts: int) -> int:
    """A 64-bit hash of some integers."""
    state = 0
    for part in parts:
        state = (state + (part & _MASK) * _M2 + _GOLDEN) & _MASK
        state = ((state ^ (state >> 30)) * _M1) & _MASK
        state = ((state ^ (state >> 27)) * _M2) & _MASK
        state ^= state >> 31
    return state


def stream(key: int, counters: npt.NDArray[Any]) -> U64:
    """One 64-bit hash for each counter; ``key`` names the stream."""
    return stream_at(key, countered(counters))


def countered(counters: npt.NDArray[Any]) -> U64:
    """The part of the hash that all streams share."""
    x: U64 = counters.astype(np.uint64) * np.uint64(_GOLDEN)
    return x


def stream_at(key: int, shared: U64) -> U64:
    """:func:`stream` of counters that :func:`countered` has prepared."""
    x = shared + np.uint64(key)
    x ^= x >> np.uint64(30)
    x *= np.uint64(_M1)
    x ^= x >> np.uint64(27)
    x *= np.uint64(_M2)
    x ^= x >> np.uint64(31)
    return x


def unit(hashes: U64) -> F64:
    """Uniform doubles in [0, 1)."""
    return (hashes >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def below(hashes: U64, limit: int) -> I64:
    """Uniform integers in [0, limit), for limits far below 2**32."""
    return ((hashes >> np.uint64(32)) % np.uint64(limit)).astype(np.int64)


def chance(hashes: U64, rate: float) -> npt.NDArray[np.bool_]:
    """True for about ``rate`` of the hashes."""
    return unit(hashes) < rate
