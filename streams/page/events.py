"""The catalogue with each rule as a sentence, and how often each event happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from streams.definitions.sentences import Sentences
from streams.page.drawing import in_words, sparkline
from streams.page.site import site_of

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from streams.definitions.event import Event
    from streams.page.live import Flow
    from streams.page.site import Site

MOST_WORDS = 100
"""Characters of a search."""


class Row(NamedTuple):
    """An event as the list shows it."""

    id: str
    doc: str
    rule: str
    hour: int
    missed: int
    line: Markup
    off: bool
    """Its rule is shut off in a shard."""


async def page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    asked = request.query_params.get("q", "")[:MOST_WORDS]
    words = asked.lower().split()
    families: dict[str, list[Row]] = {}
    off = site.health.rules_off
    for event in site.catalogue:
        doc, rule = event.doc(), rule_of(site, event)
        if event.id not in site.catalogue.quiet and all(word in f"{event.id} {doc} {rule}".lower() for word in words):
            flow = site.live.flows[event.id]
            families.setdefault(event.id.split(".")[0], []).append(
                Row(event.id, doc, rule, sum(flow.published.series(time.time())), sum(flow.missed.series(time.time())), line_of(flow), event.id in off)
            )
    strange = sorted(name for name in site.live.flows if name not in site.catalogue.by_id)
    return site.show(request, "events.html", asked=asked, families=families, found=sum(map(len, families.values())), strange=strange, lost=site.live.strange)


def line_of(flow: Flow) -> Markup:
    """The events of the last hour by minute."""
    series = flow.published.series(time.time())
    return sparkline(series, in_words(series, "minute", "events"))


def sentences_of(site: Site, event: type[Event]) -> Sentences:
    """The parts of an event's rule as sentences, with the values that are installed here."""
    from streams.cli.wording import number_in_words

    return Sentences(event, site.catalogue.value_of(), lambda number, unit: number_in_words(number, unit or "1", None))


def rule_of(site: Site, event: type[Event]) -> str:
    """When an event happens, as sentences; kept, since a page shows all of them."""
    if event.id not in site.rules:
        site.rules[event.id] = sentences_of(site, event).when()
    return site.rules[event.id]
