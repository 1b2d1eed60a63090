"""The page as a running server."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from streams.definitions.catalogue import Catalogue
from streams.emit import MISSED, PREFIX
from streams.kafka.connection import connection, is_loopback, secret
from streams.kafka.follow import Follower
from streams.page.access import Access, tokens_of
from streams.page.health import Health
from streams.page.live import Live
from streams.page.site import Site, application
from streams.page.switches import Switches
from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.page.site import Panel
    from streams.settings import Settings

GRACE_S = 2
"""Open answers may take so long at the end."""


def site_with(settings: Settings, history: Sequence[str] = (), panels: Sequence[Panel] | None = None) -> Site:
    """The site of an installation; with switches where no other panels are named. Raises SettingsError, CatalogueFault."""
    access = Access(settings, tokens_of(settings))
    connection(settings)  # what cannot connect is refused now
    catalogue = Catalogue.load(settings.definitions, settings.events, settings.only, settings.without)
    live = Live(event.id for event in catalogue if event.id not in catalogue.quiet)
    follower = Follower(settings, [*(PREFIX + family for family in catalogue.families), MISSED], live)
    token = secret("metrics_token_file", settings.metrics_token_file) if settings.metrics_token_file else None
    return Site(settings, catalogue, access, live, follower, Health(settings, settings.page_metrics, token), history, [Switches(settings, catalogue)] if panels is None else panels)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises SettingsError."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=100)
    except OSError as error:
        raise SettingsError(f"page_port: wanted a free port on {host}, got {port}: {error.strerror}; name another with --port") from error


async def serve(site: Site, listening: socket.socket) -> None:
    """Answer until a signal, or until cancelled."""
    # Addresses of a proxy are read by `Access`, and no address is logged: uvicorn does neither.
    config = uvicorn.Config(
        application(site),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
        h11_max_incomplete_event_size=16_384,
        limit_concurrency=200,
        timeout_graceful_shutdown=GRACE_S,
    )
    readers = [asyncio.create_task(work) for work in (site.follower.run(), site.health.run(), *(panel.run() for panel in site.panels))]
    server = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listening]))
    try:
        done, _ = await asyncio.wait([server, *readers], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (*readers, server):
            task.cancel()
        await asyncio.gather(*readers, server, return_exceptions=True)


def run(settings: Settings, history: Sequence[str], say: Callable[[str], None]) -> None:
    """Run the page until SIGTERM or Ctrl-C; `say` is given its address. Raises SettingsError, CatalogueFault."""
    site = site_with(settings, history)
    with bound(settings.page_host, settings.page_port) as listening:
        host, port = listening.getsockname()[:2]
        say(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        if not is_loopback(host) and not settings.page_behind_proxy:
            say("the token and the pages cross the network readable: put a proxy with TLS before the page")
        signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends at a signal, and then hands it on to this
        signal.signal(signal.SIGINT, lambda *_: None)
        asyncio.run(serve(site, listening))
