"""Records that were refused, by reason, with their coordinates and without what they hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schemas.raw.reasons import MEANING
from streams.page.drawing import in_words, sparkline
from streams.page.site import site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    rows = []
    meanings: dict[str, str] = dict(MEANING.items())
    for reason, refusals in site.live.refusals.items():
        series = refusals.hours.series(time.time())
        if sum(series):
            rows.append(
                {
                    "reason": reason,
                    "meaning": meanings.get(reason, "a reason that this version does not know"),
                    "count": sum(series),
                    "line": sparkline(series, in_words(series, "hour", "dead letters")),
                    "topics": refusals.topics.most_common(4),
                    "latest": refusals.latest.newest_first(),
                }
            )
    rows.sort(key=lambda row: -int(str(row["count"])))
    return site.show(request, "dead_letters.html", rows=rows, total=sum(int(str(row["count"])) for row in rows))
