"""What the broker and the workers say of the installation, asked every few seconds and kept, so that no page waits for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from schemas.fault import KairosFault
from streams.kafka.status import overview, problems_of
from streams.logs import about, log, words
from streams.page.live import MINUTE, Ring
from streams.tools.scrape import WorkerView, quantile, view, wrong_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.kafka.status import Overview
    from streams.settings import Settings

logger = logging.getLogger("kairos.page")
LOOK_S = 5.0
RECENT_S = 300.0
"""Latency is that of events of the last so many seconds."""


class Latency(NamedTuple):
    """Within how many seconds half and 99 % of the events were committed; `events`: how many there were."""

    p50: float | None
    p99: float | None
    events: int


class Health:
    """The last answers."""

    def __init__(self, settings: Settings, workers: Sequence[str], token: str | None) -> None:
        self.settings, self.workers, self.token = settings, workers, token
        self.seen: Overview | None = None
        self.views: list[WorkerView] = []
        self.trouble: str | None = None
        """Why the broker's answer is missing or old."""
        self.at_s: float | None = None
        """When all was asked last, seconds since 1970."""
        self.lag = Ring(60, MINUTE)
        self.totals: deque[tuple[float, Counter[float]]] = deque()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(LOOK_S)

    async def ask(self) -> None:
        """Ask all of them once."""
        asked = asyncio.gather(*(asyncio.to_thread(view, url, self.token) for url in self.workers))
        try:
            self.seen, self.trouble = await overview(self.settings), None
            self.lag.highest(time.time(), sum(place.lag for place in self.seen.places))
        except (KairosFault, OSError) as error:
            if self.trouble is None:
                log(logger, logging.WARNING, "the broker does not answer the page", **about(error))
            self.trouble = words(error)
        self.views = await asked
        self.at_s = time.time()
        self._note(sum((Counter(one.latency) for one in self.views), Counter()))

    def _note(self, total: Counter[float]) -> None:
        """Keep the workers' histogram; where one has begun again from zero, what was before counts no more."""
        if self.totals and any(total[bound] < number for bound, number in self.totals[-1][1].items()):
            self.totals.clear()
        now = time.monotonic()
        self.totals.append((now, total))
        while len(self.totals) > 2 and self.totals[1][0] < now - RECENT_S:
            self.totals.popleft()

    @property
    def latency(self) -> Latency:
        """Of the last minutes; where only one answer came yet, since the workers started."""
        if not self.totals:
            return Latency(None, None, 0)
        last = self.totals[-1][1]
        first = self.totals[0][1] if len(self.totals) > 1 else Counter[float]()
        recent = {bound: number - first[bound] for bound, number in last.items()}
        one = WorkerView("", None, latency=recent)
        return Latency(quantile(0.5, [one]), quantile(0.99, [one]), max(recent.values(), default=0))

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        found = [self.trouble] if self.trouble else problems_of(self.seen, self.settings.app) if self.seen is not None else []
        return [*found, *(line for one in self.views for line in wrong_with(one))]

    @property
    def rules_off(self) -> dict[str, list[int]]:
        """By event, the shards in which its rule is shut off."""
        found: dict[str, list[int]] = {}
        for one in self.views:
            for event, shards in one.rules_off.items():
                found.setdefault(event, []).extend(shards)
        return found
