"""The first page: is all well? Members, shards, lag, latency, restores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from streams.page.drawing import in_words, sparkline
from streams.page.site import site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from streams.page.health import Health


class ShardRow(NamedTuple):
    """A shard as the page shows it."""

    number: int
    owner: str | None
    lag: int
    clock: float | None
    """Seconds since 1970."""
    state: str


async def page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    health, now = site.health, time.time()
    lag = health.lag.series(now)
    published = [sum(minute) for minute in zip(*(flow.published.series(now) for flow in site.live.flows.values()), strict=True)]
    return site.show(
        request,
        "overview.html",
        health=health,
        shards=shards_of(health),
        topics=topics_of(health),
        lag_now=sum(place.lag for place in health.seen.places) if health.seen is not None else None,
        lag=sparkline(lag, f"Highest lag of each of the last 60 minutes: now {lag[-1]:,} records, at most {max(lag):,}"),
        published=sparkline(published, in_words(published, "minute", "events")),
        hour=sum(published),
        refused=sum(sum(one.hours.series(now)) for one in site.live.refusals.values()),
        seen_at=health.at_s,
    )


def shards_of(health: Health) -> list[ShardRow]:
    """One row for each partition number."""
    if health.seen is None:
        return []
    answered = [one for one in health.views if one.trouble is None]
    known = {shard: seen for one in answered for shard, seen in one.shards.items()}
    restoring = any(one.restoring for one in answered)
    rows: dict[int, ShardRow] = {}
    for place in health.seen.places:
        row = rows.get(place.partition)
        if row is None:
            shard = known.get(place.partition)
            if place.owner is None:
                state = "nobody holds it"
            elif shard is not None and shard.restored_s is not None:
                state = f"ready, restored in {shard.restored_s:.1f} s"
            elif shard is None and restoring:
                state = "restoring"
            else:
                state = "ready" if shard is not None else "held; its worker is not asked" if not answered else "held"
            row = ShardRow(place.partition, place.owner, 0, shard.clock_s if shard is not None else None, state)
        rows[place.partition] = row._replace(lag=row.lag + place.lag, owner=row.owner or place.owner)
    return [rows[number] for number in sorted(rows)]


def topics_of(health: Health) -> list[tuple[str, int, int, int]]:
    """Each raw topic: partitions, end and lag over all of them."""
    found: dict[str, tuple[int, int, int]] = {}
    for place in health.seen.places if health.seen is not None else ():
        count, end, lag = found.get(place.topic, (0, 0, 0))
        found[place.topic] = count + 1, end + place.end, lag + place.lag
    return [(topic, *numbers) for topic, numbers in found.items()]
