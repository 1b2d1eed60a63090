"""The page of one event: its rule, its parameters, how often it happens, and the latest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException

from schemas.event import CustomerEvent
from streams.cli.explanation import EventValues, label
from streams.definitions.sentences import spaced
from streams.engine.expression import Param
from streams.engine.expression.quantities import shown
from streams.page.drawing import in_words, sparkline
from streams.page.events import rule_of, sentences_of
from streams.page.site import site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from streams.definitions.event import Event
    from streams.page.live import Kept
    from streams.page.site import Site

EVENT_OF = msgspec.json.Decoder(CustomerEvent).decode


class Detection(NamedTuple):
    """One that happened lately. `customer`: None where the page does not show customers."""

    at_s: float
    local_time: str
    customer: str | None
    details: list[tuple[str, str]]
    touchpoint: str
    consent: str


async def page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    event = site.catalogue.by_id.get(request.path_params["event"])
    if event is None or event.id in site.catalogue.quiet:
        raise HTTPException(404)
    flow, now = site.live.flows[event.id], time.time()
    published, missed = flow.published.series(now), flow.missed.series(now)
    latest = [one for kept in flow.latest.newest_first() if (one := detection_of(site, event, kept)) is not None]
    return site.show(
        request,
        "event.html",
        event=event,
        rule=rule_of(site, event),
        again=sentences_of(site, event).armed_again(),
        facts=facts_of(site, event),
        parameters=[parameter_of(site, event, name, one) for name, one in event.parameters.items()],
        published=published,
        missed=sum(missed),
        line=sparkline(published, in_words(published, "minute", "events")),
        latest=latest,
        off=site.health.rules_off.get(event.id, []),
        panels=[panel.shown(site, request.state.visit, event) for panel in site.panels],
    )


def facts_of(site: Site, event: type[Event]) -> list[tuple[str, str]]:
    """What an event is, in short."""
    from streams.emit import PREFIX

    found = [
        ("happens to", {"line": "a line", "account": "an account", "customer": "a customer"}[event.by]),
        ("topic", PREFIX + event.id.split(".", 1)[0]),
        ("valid for", shown(event.valid_for_ms, "ms")),
        ("version of the rule", str(event.version)),
    ]
    needs = site.catalogue.needs(event)
    return [*found, ("builds on", ", ".join(needs))] if needs else found


def parameter_of(site: Site, event: type[Event], name: str, one: Param) -> dict[str, str]:
    """A parameter: its value here, its default, its bounds, and what it is."""
    low, high = (bound.name if isinstance(bound, Param) else "" if bound is None else shown(bound, one.unit) for bound in (one.ge, one.le))
    bounds = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else "any"
    return {"name": name, "value": shown(site.catalogue.value(event, name), one.unit), "default": shown(one.value, one.unit), "bounds": bounds, "doc": one.doc}


def detection_of(site: Site, event: type[Event], kept: Kept) -> Detection | None:
    """An event for the list; None where it is not one that Kairos publishes.

    Without the switch for customers neither who it was nor any text is shown, since a text may name somebody: numbers, and yes or no.
    """
    try:
        published = EVENT_OF(kept.value)
        values = EventValues(published, event)
        data, personal = published.data, site.settings.page_customers
        details = [(label(name), values.detail(name, value)) for name, value in data.detail.items() if (personal or plain(value)) and not (name == "currency" and values.has_money)]
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    when = data.local_time[:19].replace("T", " ")
    return Detection(kept.at_s, when, data.customer_id if personal else None, details, spaced(data.touchpoint or "") or "none", data.marketing_consent)


def plain(value: Any) -> bool:
    """Whether a value can name nobody."""
    return isinstance(value, bool | int | float)
