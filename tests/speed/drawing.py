"""Line charts as SVG: readable on light and dark pages, with axes and units named."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 84, 150, 40, 56
DASHES = ("", "6 4", "2 3", "8 3 2 3")
STYLE = """<style>
text { font: 13px sans-serif; fill: #24292f }
.title { font-weight: bold }
.axis { stroke: #57606a; fill: none }
.grid { stroke: #d0d7de }
.l0 { stroke: #0550ae; fill: #0550ae } .l1 { stroke: #953800; fill: #953800 } .l2 { stroke: #116329; fill: #116329 } .l3 { stroke: #6639ba; fill: #6639ba }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.axis { stroke: #9198a1 } .grid { stroke: #3d444d }
.l0 { stroke: #79c0ff; fill: #79c0ff } .l1 { stroke: #ffa657; fill: #ffa657 } .l2 { stroke: #7ee787; fill: #7ee787 } .l3 { stroke: #d2a8ff; fill: #d2a8ff }
}
.line { fill: none; stroke-width: 2 }
</style>"""


class Line(NamedTuple):
    """A named line."""

    name: str
    points: list[tuple[float, float]]


def ticks(most: float) -> list[float]:
    """Four to eight round marks from 0 to `most` or just above.

    >>> ticks(73_000)
    [0.0, 10000.0, 20000.0, 30000.0, 40000.0, 50000.0, 60000.0, 70000.0, 80000.0]
    """
    if most <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(most))
    step = next(unit * power for unit in (0.1, 0.2, 0.5, 1.0, 2.0) if most / (unit * power) <= 8)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def drawn(title: str, lines: Sequence[Line], x_title: str, y_title: str, names: Mapping[float, str]) -> str:
    """A chart with y from 0. `names`: the marks of the x axis, by their place."""
    marks = ticks(max(y for line in lines for _, y in line.points))
    places = list(names)
    low, high = min(places), max(places)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_of(value: float) -> float:
        return LEFT + (wide / 2 if high == low else 12 + (value - low) / (high - low) * (wide - 24))

    def y_of(value: float) -> float:
        return TOP + tall - value / marks[-1] * tall

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}: {escape(y_title)} against {escape(x_title)}">',
        STYLE,
        f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>',
    ]
    for mark in marks:
        parts += [
            f'<line class="grid" x1="{LEFT}" x2="{LEFT + wide}" y1="{y_of(mark):.1f}" y2="{y_of(mark):.1f}"/>',
            f'<text x="{LEFT - 8}" y="{y_of(mark) + 4:.1f}" text-anchor="end">{mark:,.6g}</text>',
        ]
    shown = -math.inf
    for place in sorted(places):
        if x_of(place) - shown < 9 * len(names[place]):
            continue  # it would be written over its neighbour
        shown = x_of(place)
        parts.append(f'<text x="{shown:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{escape(names[place])}</text>')
    parts += [
        f'<path class="axis" d="M{LEFT} {TOP}V{TOP + tall}H{LEFT + wide}"/>',
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_title)}</text>',
        f'<text transform="translate(18 {TOP + tall / 2}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>',
    ]
    for number, line in enumerate(lines):
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line.points)
        dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
        parts.append(f'<polyline class="line l{number}"{dash} points="{points}"/>')
        parts += [f'<circle class="l{number}" cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3"/>' for x, y in line.points]
        at = TOP + 8 + 22 * number
        parts += [
            f'<line class="line l{number}"{dash} x1="{LEFT + wide + 14}" x2="{LEFT + wide + 42}" y1="{at}" y2="{at}"/>',
            f'<text x="{LEFT + wide + 48}" y="{at + 4}">{escape(line.name)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
