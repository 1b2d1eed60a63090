"""The site as a whole: its pages, what they share, and how each answer leaves it."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from streams.logs import about, log
from streams.page.access import CSRF, Access, Visit, cookie
from streams.page.shield import Shield
from streams.tools.scrape import checked_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup
    from starlette.requests import Request

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.kafka.follow import Follower
    from streams.page.health import Health
    from streams.page.live import Live
    from streams.settings import Settings

logger = logging.getLogger("kairos.page")
STATIC = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
"""The files that are served, by name: no other name is looked for anywhere."""


class Panel(Protocol):
    """What another module shows on every event's page, such as switches; its forms are read by `Access.form`."""

    async def run(self) -> None:
        """Keep what it shows new, until cancelled."""
        ...

    def routes(self) -> list[Route]:
        """Where its forms go."""
        ...

    def shown(self, site: Site, visit: Visit, event: type[Event]) -> Markup:
        """Its part of an event's page: a section with a heading of the second level."""
        ...


class Site:
    """What the pages share."""

    def __init__(
        self, settings: Settings, catalogue: Catalogue, access: Access, live: Live, follower: Follower, health: Health, history: Sequence[str] = (), panels: Sequence[Panel] = ()
    ) -> None:
        for url in settings.page_metrics:
            checked_address(url, "page_metrics")
        self.settings, self.catalogue, self.access, self.live, self.follower, self.health = settings, catalogue, access, live, follower, health
        self.history, self.panels = list(history), list(panels)
        self.rules: dict[str, str] = {}
        """By event, its rule as sentences."""
        self.replaying = asyncio.Lock()
        """One question why not at a time: each is a replay."""
        self.reading = asyncio.Semaphore(2)
        """So many timelines at a time: each reads topics for some seconds."""
        self.zone: tzinfo = ZoneInfo(settings.zone)
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("streams.page"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        self.templates.filters |= {"number": "{:,}".format, "moment": self.moment, "duration": length}
        self.static = {name: files("streams.page").joinpath("static", name).read_bytes() for name in STATIC}

    def moment(self, at_s: float | None) -> str:
        """A time in the operator's zone."""
        return "never" if at_s is None else f"{datetime.fromtimestamp(at_s, UTC).astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def show(self, request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
        """A page."""
        visit: Visit = request.state.visit
        shared = {
            "csrf": {"name": CSRF, "value": self.access.csrf(visit)},
            "visit": visit,
            "needs_token": bool(self.access.tokens),
            "app": self.settings.app,
            "customers": self.settings.page_customers,
            "here": request.url.path,
            "zone": self.settings.zone,
            "now": self.moment(time.time()),
            "follower": self.follower,
        }
        answer = HTMLResponse(self.templates.get_template(template).render({**shared, **values}), status, dict(headers or {}))
        if visit.fresh:
            answer.raw_headers.append((b"set-cookie", cookie(visit.session, visit).encode()))
        return answer

    async def refused(self, request: Request, error: Exception) -> Response:
        """An answer that is no page of ours."""
        if isinstance(error, HTTPException):
            said = {404: "There is no such page.", 405: "This page cannot be asked so."}.get(error.status_code, error.detail)
            return self.show(request, "refused.html", status=error.status_code, headers=error.headers, says=said)
        log(logger, logging.ERROR, "a page could not be shown", path=request.scope["route"].path if "route" in request.scope else "", **about(error))
        return self.show(request, "refused.html", status=500, says="This page could not be made: an unforeseen error, which the log of 'kairos page' has.")

    async def static_file(self, request: Request) -> Response:
        """One of our files."""
        name = request.path_params["name"]
        if name not in self.static:
            raise HTTPException(404)
        return Response(self.static[name], headers={"content-type": STATIC[name], "cache-control": "no-cache"})

    async def sign_in_page(self, request: Request) -> Response:
        """The form for the token."""
        if self.access.may_see(request.state.visit):
            return RedirectResponse("/", 303)
        return self.show(request, "sign_in.html", wrong=False)

    async def sign_in(self, request: Request) -> Response:
        """A token is given."""
        visit: Visit = request.state.visit
        fields = await self.access.form(request, visit)
        session = self.access.sign_in(fields.get("token", ""), visit)
        if session is None:
            return self.show(request, "sign_in.html", status=403, wrong=True)
        answer = RedirectResponse("/", 303)
        answer.raw_headers.append((b"set-cookie", cookie(session, visit).encode()))
        return answer

    async def sign_out(self, request: Request) -> Response:
        """The session ends."""
        await self.access.form(request, request.state.visit)
        self.access.sign_out(request.state.visit)
        return RedirectResponse("/sign-in", 303)


def length(seconds: float) -> str:
    """A length of time as people write it: `40 ms`, `2.5 s`, `3 min`, `5 h`, `2 d`."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    for unit, size in (("s", 120), ("min", 120), ("h", 48)):
        if seconds < size:
            return f"{seconds:.1f} {unit}" if unit == "s" and seconds < 10 else f"{seconds:.0f} {unit}"
        seconds /= 60 if unit != "h" else 24
    return f"{seconds:.0f} d"


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    site: Site = request.app.state.site
    return site


def application(site: Site) -> Shield:
    """The site as an ASGI application."""
    from streams.page import customer, dead_letters, event, events, overview

    routes = [
        Route("/", overview.page),
        Route("/events", events.page),
        Route("/events/{event}", event.page),
        Route("/dead-letters", dead_letters.page),
        Route("/customer", customer.page, methods=["GET"]),
        Route("/customer", customer.timeline, methods=["POST"]),
        Route("/customer/why-not", customer.why_not, methods=["POST"]),
        Route("/sign-in", site.sign_in_page, methods=["GET"]),
        Route("/sign-in", site.sign_in, methods=["POST"]),
        Route("/sign-out", site.sign_out, methods=["POST"]),
        Route("/static/{name}", site.static_file),
        *(route for panel in site.panels for route in panel.routes()),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: site.refused, Exception: site.refused})
    app.state.site = site
    return Shield(app, site.access)  # around all of it: an answer about an unforeseen error has the headers too
