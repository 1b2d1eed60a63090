"""Switches on an event's page: off or on, and values of parameters, in all running workers; the same as `kairos settings set`, `off` and `on`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from streams.engine.expression.quantities import shown
from streams.kafka import control
from streams.page.access import CSRF
from streams.page.site import site_of
from streams.switches import LONGEST, History, in_force, in_words, published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from streams.builder import ShardBuilder
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.page.access import Visit
    from streams.page.site import Site
    from streams.settings import Settings

LOOK_S = 5.0
"""How often the control topic is looked at."""
FIELD = "value."
"""Before the name of a parameter, the name of its field."""
MOST_CHANGES = 5


class Shown(NamedTuple):
    """A change in the list."""

    number: int
    when: str
    by: str
    what: str
    why: str


class Switches:
    """The panel. Everybody who may see the page sees what is switched; only who is known by name, by a token or a proxy, may switch."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.settings, self.catalogue = settings, catalogue
        self.history = History()
        self.trouble: str | None = "the control topic was not read yet"
        self.builder: ShardBuilder | None = None
        self.writing = asyncio.Lock()
        """One change at a time."""

    async def run(self) -> None:
        """Look at the control topic again and again, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        try:
            if await control.there(self.settings):
                self.history, self.trouble = await control.read(self.settings), None
            else:
                self.trouble = f"there is no topic {self.settings.control}: 'kairos topics --create' makes it; then start the workers again"
        except control.ERRORS as error:
            self.trouble = f"the control topic could not be read: {error}"

    def routes(self) -> list[Route]:
        return [Route("/events/{event}/switch", self.switch, methods=["POST"])]

    def shown(self, site: Site, visit: Visit, event: type[Event]) -> Markup:
        values, catalogue, ignored = in_force(self.catalogue, self.history)
        page = site.templates.get_template("switches.html").render(
            event=event,
            csrf={"name": CSRF, "value": site.access.csrf(visit)},
            trouble=self.trouble,
            off=event.id in values.off,
            version=values.version,
            may=visit.name is not None,
            parameters=[{"name": name, "field": FIELD + name, "value": shown(catalogue.value(event, name), one.unit), "doc": one.doc} for name, one in event.parameters.items()],
            ignored=ignored,
            changes=self._changes(site, event),
            longest=LONGEST,
        )
        return Markup(page)  # noqa: S704  # a template that escapes

    def _changes(self, site: Site, event: type[Event]) -> list[Shown]:
        """The newest versions that are about the event, the newest first."""
        mine = [
            version
            for version in reversed(self.history.versions)
            if any(one.what == f"event:{event.id}" or one.what.startswith(f"parameter:{event.id}.") for one in version.changes)
        ]
        return [
            Shown(one.version, f"{datetime.fromtimestamp(one.at / 1000, UTC).astimezone(site.zone):%Y-%m-%d %H:%M:%S}", one.by, "; ".join(in_words(one)), one.why)
            for one in mine[:MOST_CHANGES]
        ]

    async def switch(self, request: Request) -> Response:
        """A form of an event's page."""
        site, visit = site_of(request), request.state.visit
        fields = await site.access.form(request, visit)
        event = self.catalogue.by_id.get(request.path_params["event"])
        if event is None or not published(self.catalogue, event.id):
            raise HTTPException(404)
        if visit.name is None:
            raise HTTPException(
                403, "Nothing was changed: only who is known by name may switch. Start the page with tokens (page_token_file), or behind a proxy that names its users."
            )
        try:
            wanted = self._wanted(event, fields)
            async with self.writing:
                if self.builder is None:
                    self.builder = await asyncio.to_thread(builder_of, self.settings)
                await control.change(self.builder, self.settings, **wanted, why=fields.get("why", ""), by=visit.name)
        except control.ERRORS as error:
            return site.show(request, "refused.html", status=409, says=f"Nothing was changed: {error}")
        await self._look()
        return RedirectResponse(f"/events/{event.id}", 303)

    def _wanted(self, event: type[Event], fields: Mapping[str, str]) -> dict[str, Any]:
        """What a form asks for; of parameters those whose text is another than what is in force. Raises HTTPException."""
        match fields.get("do"):
            case "off":
                return {"off": [event.id]}
            case "on":
                return {"on": [event.id]}
            case "set":
                _, catalogue, _ = in_force(self.catalogue, self.history)
                given = {name: fields.get(FIELD + name, "").strip() for name in event.parameters}
                changed = {name: text for name, text in given.items() if text and text != shown(catalogue.value(event, name), event.parameters[name].unit)}
                if not changed:
                    raise HTTPException(409, "Nothing was changed: all values are those that are in force already.")
                return {"parameters": {event.id: changed}}
        raise HTTPException(400, "Wanted one of the forms of an event's page.")


def builder_of(settings: Settings) -> ShardBuilder:
    """What checks and rehearses a change."""
    from streams.builder import shard_builder

    return shard_builder(settings, keep_state=False)[0]


__all__ = ["Switches"]
