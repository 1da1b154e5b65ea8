"""A small line plot as SVG text: memory over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, MARGIN = 640, 260, 48
COLOURS = ("#3366aa", "#cc6633", "#339966", "#996699")
Points = Sequence[tuple[float, float]]


def lines(curves: Mapping[str, Points], *, x: str, y: str) -> str:
    """One curve for each name. ``x`` and ``y`` label the axes, which start at 0."""
    right = _round(max((point[0] for points in curves.values() for point in points), default=1.0))
    top = _round(max((point[1] for points in curves.values() for point in points), default=1.0))
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="11">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    parts += [_tick(x_at=right * share, right=right) for share in (0, 0.25, 0.5, 0.75, 1)]
    parts += [_level(y_at=top * share, top=top) for share in (0, 0.5, 1)]
    parts += [
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">{x}</text>',
        f'<text x="4" y="14">{y}</text>',
    ]
    for place, (name, points) in enumerate(curves.items()):
        parts += _curve(name, points, place, right, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _round(number: float) -> float:
    """The next number up that divides well."""
    size = 10.0 ** math.floor(math.log10(number or 1.0))
    return next(size * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * step >= number)


def _curve(name: str, points: Points, place: int, right: float, top: float) -> list[str]:
    colour = COLOURS[place % len(COLOURS)]
    path = " ".join(f"{_x(at, right):.1f},{_y(value, top):.1f}" for at, value in points)
    label = f'<text x="{MARGIN + 8 + 150 * place}" y="28" fill="{colour}">{name}</text>'
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>', label]


def _x(at: float, right: float) -> float:
    return MARGIN + (WIDTH - MARGIN - 12) * at / right


def _y(value: float, top: float) -> float:
    return HEIGHT - 34 - (HEIGHT - 34 - 36) * value / top


def _tick(*, x_at: float, right: float) -> str:
    return f'<text x="{_x(x_at, right):.1f}" y="{HEIGHT - 20}" text-anchor="middle">{x_at:,.0f}</text>'


def _level(*, y_at: float, top: float) -> str:
    height = _y(y_at, top)
    line = f'<line x1="{MARGIN}" x2="{WIDTH - 12}" y1="{height:.1f}" y2="{height:.1f}" stroke="#dddddd"/>'
    return f'{line}<text x="{MARGIN - 6}" y="{height + 4:.1f}" text-anchor="end">{y_at:,.0f}</text>'
