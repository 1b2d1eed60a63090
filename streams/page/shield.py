"""What every request passes before a page sees it, and every answer on its way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from streams.page.access import Access

LONGEST = 2_000
"""Bytes of a path with its query."""
OPEN = ("/sign-in", "/static/")
"""What may be seen without a token."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Shield:
    """Refuses what came by a strange name, is too long, or needs a token; and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refusal(scope)
        await (answer or self.app)(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not self.access.knows_host(hosts[0]):
            return PlainTextResponse("This page does not answer to that name. Where it is its own, put it into the setting page_names.\n", 421)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            return PlainTextResponse(f"Wanted an address of at most {LONGEST:,} bytes.\n", 414)
        visit = self.access.visit(scope)
        scope.setdefault("state", {})["visit"] = visit
        if self.access.may_see(visit) or scope["path"].startswith(OPEN):
            return None
        if scope["method"] in ("GET", "HEAD"):
            return RedirectResponse("/sign-in", 303)
        return PlainTextResponse("Sign in first: nothing was done.\n", 401)
