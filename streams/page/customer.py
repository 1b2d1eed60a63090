"""One customer: events with evidence, and why an event did not happen. Personal data: behind a switch of its own, and every look is logged."""

from __future__ import annotations

import logging
import re
import time
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException

from schemas.event import CustomerEvent
from schemas.fault import KairosFault
from streams.cli.explanation import explanation
from streams.emit import MISSED, PREFIX
from streams.kafka.customer_events import events_of
from streams.logs import log
from streams.page.site import site_of
from streams.page.why_not_aside import Question, answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from streams.kafka.customer_events import Published
    from streams.page.site import Site

logger = logging.getLogger("kairos.page")
EVENT_OF = msgspec.json.Decoder(CustomerEvent).decode
DAYS = {"1": "1 day", "7": "7 days", "30": "30 days"}
LONGEST = 200
"""Characters of a customer_id."""
SWITCH = (
    "Single customers are not shown here: they are personal data. Whoever runs this page can switch it on with the setting page_customers = true, or with "
    "'kairos page --customers'; every look is then logged."
)
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")


class Happened(NamedTuple):
    """An event of the timeline: when and what, and the rest of its explanation. `missed`: why it was not published."""

    when: str
    event: str
    what: str
    more: dict[str, list[str]]
    missed: str | None


def allowed(request: Request) -> Site:
    """The site, where it shows customers. Raises HTTPException 403."""
    site = site_of(request)
    if not site.settings.page_customers:
        raise HTTPException(403, SWITCH)
    return site


def digest(app: str, customer: str) -> str:
    """What the log says instead of the customer: 16 hex digits of BLAKE2b over application and customer_id. Who knows an id finds its looks."""
    return blake2b(f"{app}\n{customer}".encode(), digest_size=8).hexdigest()


def customer_of(fields: dict[str, str]) -> str:
    """The customer_id of a form. Raises HTTPException 400."""
    customer = fields.get("customer", "").strip()
    if not 0 < len(customer) <= LONGEST or not customer.isprintable():
        raise HTTPException(400, f"Wanted a customer_id of 1 to {LONGEST} printable characters.")
    return customer


def is_moment(text: str) -> bool:
    """Whether a text is a local time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return AT.fullmatch(text) is not None


def note(site: Site, request: Request, customer: str, what: str, **more: Any) -> None:
    """Log who looks at whom."""
    visit = request.state.visit
    log(logger, logging.INFO, "a customer is looked at", what=what, who=visit.name or "no token", peer=visit.peer, customer=digest(site.settings.app, customer), **more)


def shown(site: Site, request: Request, **values: Any) -> Response:
    """The page with its forms; what is not given is empty."""
    empty = {"customer": "", "days": "7", "happened": None, "found": None, "asked": "", "at": "", "lines": None, "trouble": None}
    events = [event.id for event in site.catalogue if event.id not in site.catalogue.quiet]
    return site.show(request, "customer.html", **{**empty, **values}, choices=DAYS, events=events, history=bool(site.history))


async def page(request: Request) -> Response:
    """The forms."""
    return shown(allowed(request), request)


async def timeline(request: Request) -> Response:
    """The events of a customer, the newest first."""
    site = allowed(request)
    fields = await site.access.form(request, request.state.visit)
    customer = customer_of(fields)
    days = fields.get("days", "7")
    if days not in DAYS:
        raise HTTPException(400, f"Wanted one of {', '.join(DAYS)} days.")
    note(site, request, customer, "timeline", days=days)
    topics = [*(PREFIX + family for family in site.catalogue.families), MISSED]
    try:
        async with site.reading:
            found = await events_of(site.settings, customer, topics, int((time.time() - 86_400 * int(days)) * 1000))
    except KairosFault as fault:
        return shown(site, request, customer=customer, days=days, trouble=str(fault))
    happened = sorted((one for published in found.events if (one := happened_of(site, published)) is not None), key=lambda one: one.when, reverse=True)
    return shown(site, request, customer=customer, days=days, found=found, happened=happened)


def happened_of(site: Site, published: Published) -> Happened | None:
    """An event in plain words; None where the record is not one that Kairos publishes."""
    try:
        event = EVENT_OF(published.value)
        (_, what), *others = explanation(event, site.catalogue)
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    more: dict[str, list[str]] = {}
    for label, text in others:
        more.setdefault(label, []).append(text)
    return Happened(event.data.local_time[:19].replace("T", " "), event.data.event, what.removesuffix(f" ({event.data.event})"), more, published.reason)


async def why_not(request: Request) -> Response:
    """Why an event did not happen to a customer, by a replay of the files that the page was given."""
    site = allowed(request)
    fields = await site.access.form(request, request.state.visit)
    customer, asked, at = customer_of(fields), fields.get("event", ""), fields.get("at", "").strip()
    if asked not in site.catalogue.by_id:
        raise HTTPException(400, "Wanted an event of the catalogue.")
    if at and not is_moment(at):
        raise HTTPException(400, "Wanted a moment such as 2026-05-03T00:00, or none.")
    note(site, request, customer, "why not", event=asked)
    values = {"customer": customer, "asked": asked, "at": at}
    if not site.history:
        return shown(site, request, **values)
    if site.replaying.locked():
        return shown(site, request, **values, trouble="Another question is being answered, and each is a replay of its own: ask again in a moment.")
    async with site.replaying:
        said = await answer(Question(site.settings, site.history, asked, customer, at or None))
    return shown(site, request, **values, lines=said.lines, trouble=said.fault)
