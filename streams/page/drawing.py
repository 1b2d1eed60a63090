"""Sparklines as SVG in the page itself, each with its text."""

from __future__ import annotations

from markupsafe import Markup

HEIGHT = 28
STEP = 2


def sparkline(series: list[int], says: str) -> Markup:
    """A bar for each number, the oldest first, the highest as high as the picture; `says`: the same in words."""
    top, width = max(series, default=0), STEP * len(series)
    parts = []
    for place, number in enumerate(series):
        if number:
            height = max(2, round(HEIGHT * number / top))
            parts.append(f"M{STEP * place + 1} {HEIGHT}v-{height}")
    bars = Markup('<path class="bars" d="{}"/>').format("".join(parts)) if parts else Markup("")
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {tall}" width="{width}" height="{tall}" preserveAspectRatio="none" role="img" aria-label="{says}">'
        '<path class="ground" d="M0 {line}h{width}"/>{bars}</svg>'
    ).format(width=width, tall=HEIGHT, line=HEIGHT - 0.5, says=says, bars=bars)


def in_words(series: list[int], span: str, what: str) -> str:
    """A series in words: its sum, its highest span and its last full one. `span`: minute, hour."""
    total = sum(series)
    if not total:
        return f"no {what} in the last {len(series)} {span}s"
    return f"{total:,} {what} in the last {len(series)} {span}s, at most {max(series):,} in one {span}, {series[-2]:,} in the last full {span}"
