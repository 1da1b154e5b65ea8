"""Numbers, times and spans as people read them. Pure."""

from __future__ import annotations

from pi_lakeflow.model.span import SECOND, Span, from_micros

_DAY = 86_400


def count(number: float) -> str:
    """``1,234,567``; fractions are rounded."""
    return f"{number:,.0f}"


def things(number: int, noun: str) -> str:
    """``1 tag``, ``2 tags``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes in decimal units: ``56.3 MB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(number) < 999.5 or unit == "TB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "B" or number >= 99.95 else f"{number:,.1f} {unit}"


def duration(seconds: float) -> str:
    """The two largest units: ``35 ms``, ``1.2 s``, ``4 m 03 s``, ``2 h 05 m``, ``3 d 04 h``."""
    if 0 < seconds < 0.995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < _DAY:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // _DAY:,} d {whole % _DAY // 3600:02d} h"


def clock(seconds: float) -> str:
    """``0:01:40``: for values that change in place."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def moment(micros: int) -> str:
    """``2026-11-24 09:55:00``, UTC, cut to seconds."""
    return exact(micros // SECOND * SECOND)


def exact(micros: int) -> str:
    """The same with the fraction, when there is one."""
    return from_micros(micros).replace(tzinfo=None).isoformat(" ")


def span(start: int, end: int) -> str:
    """``2026-11-21 10:00:00 to 2026-11-24 09:55:00 UTC (2 d 23 h)``."""
    return f"{moment(start)} to {moment(end)} UTC ({duration((end - start) / 1e6)})"


def length(spans: tuple[Span, ...] | list[Span]) -> str:
    """How long spans are together."""
    return duration(sum(each.length for each in spans) / 1e6)
