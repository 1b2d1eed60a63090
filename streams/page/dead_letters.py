"""Records that were refused, by reason, with their coordinates and without what they hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from schemas.raw.reasons import MEANING
from streams.page.drawing import in_words, sparkline
from streams.page.site import site_of

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from streams.page.live import LetterPlace

TOPICS = 4
"""So many topics of a reason are named."""


class Row(NamedTuple):
    """A reason: its dead letters of the last day. `topics`: how many of each raw topic since the page looks."""

    reason: str
    meaning: str
    number: int
    line: Markup
    topics: list[tuple[str, int]]
    latest: list[LetterPlace]


async def page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    meanings: dict[str, str] = dict(MEANING.items())
    rows = []
    for reason, refusals in site.live.refusals.items():
        series = refusals.hours.series(time.time())
        line = sparkline(series, in_words(series, "hour", "dead letters"))
        meaning = meanings.get(reason, "a reason that this version does not know")
        rows.append(Row(reason, meaning, sum(series), line, refusals.topics.most_common(TOPICS), refusals.latest.newest_first()))
    rows = sorted((row for row in rows if row.number), key=lambda row: -row.number)
    return site.show(request, "dead_letters.html", rows=rows, total=sum(row.number for row in rows))
