"""Who may see the page: tokens, sign-in, the Host header, and the proof that a form is ours."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
import re
import secrets
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from streams.kafka.connection import is_loopback
from streams.logs import log
from streams.settings import PREFIX, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Scope

    from streams.settings import Settings

logger = logging.getLogger("kairos.page")
TOKEN_VARIABLE = f"{PREFIX}PAGE_TOKEN"
SHORTEST = 16
"""Characters of a token, at least."""
COOKIE = "kairos_page"
SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
LASTS_S = 12 * 3600
MOST_SIGNED_IN = 1_000
MOST_FORM_BYTES, MOST_FIELDS = 8_192, 20
CSRF = "csrf"
"""The field of a form that proves that this page wrote it."""
NAME = re.compile(r"[\w.@+-]{1,64}")


class Visit(NamedTuple):
    """Who asks. `session`: what the browser's cookie says, or a new one; `name`: of the token, or whom a proxy names; `peer`: the address."""

    session: str
    fresh: bool
    """Whether the browser has to be given the session."""
    name: str | None
    signed_in: bool
    peer: str
    secure: bool
    """Whether the browser came by https."""


def tokens_of(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tokens by name, of the file and the environment. Raises SettingsError, which quotes no token."""
    environ = os.environ if environ is None else environ
    lines = [(TOKEN_VARIABLE, environ[TOKEN_VARIABLE])] if environ.get(TOKEN_VARIABLE) else []
    if settings.page_token_file:
        try:
            text = Path(settings.page_token_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"page_token_file: wanted a readable text file, got {settings.page_token_file}: {type(error).__name__}") from error
        lines += [(f"{settings.page_token_file}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
        if len(lines) == bool(environ.get(TOKEN_VARIABLE)):
            raise SettingsError(f"page_token_file: wanted a line with a name and a token in {settings.page_token_file}, got none")
    found: dict[str, str] = {}
    for where, line in lines:
        *names, token = line.split()
        name = names[0] if names else "token"
        if len(names) > 1 or not NAME.fullmatch(name):
            raise SettingsError(f"{where}: wanted a name (letters, digits and . _ - @ +), a blank and a token, got {len(names) + 1} words")
        if len(token) < SHORTEST:
            raise SettingsError(f"{where}: wanted a token of at least {SHORTEST} characters, got {len(token)}: make one with 'openssl rand -hex 16'")
        if name in found:
            raise SettingsError(f"{where}: wanted one token for each name, got {name} again")
        found[name] = token
    return found


class Access:
    """The rules, and who is signed in."""

    def __init__(self, settings: Settings, tokens: Mapping[str, str]) -> None:
        """Raises SettingsError where the page would be open to others."""
        host = settings.page_host
        if not is_loopback(host) and not tokens and not settings.page_behind_proxy:
            raise SettingsError(
                f"page_host: wanted a loopback address such as 127.0.0.1, got {host}: everybody who reaches it would see the page; name a file of tokens (page_token_file), "
                f"set {TOKEN_VARIABLE}, or say page_behind_proxy where a proxy signs its users in"
            )
        self.tokens, self.behind_proxy = dict(tokens), settings.page_behind_proxy
        self.names = {name.lower().rstrip(".") for name in (*settings.page_names, host, "localhost")}
        self.any_address = host in ("0.0.0.0", "::", "")  # noqa: S104  # compared, not bound
        self.secret = secrets.token_bytes(32)
        self.signed_in: dict[str, tuple[str, float]] = {}
        """By session, the name of the token and until when (seconds of the monotonic clock)."""

    def knows_host(self, header: str) -> bool:
        """Whether the page may be addressed so. A name that is not ours may have been bound to our address by anyone (DNS rebinding); an address cannot."""
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?", header)
        if match is None:
            return False
        host = match[1].strip("[]").lower().rstrip(".")
        if host in self.names or is_loopback(host):
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return self.any_address

    def visit(self, scope: Scope) -> Visit:
        """Who asks."""
        headers = Headers(scope=scope)
        cookies = [value for part in headers.get("cookie", "").split(";") for name, _, value in [part.strip().partition("=")] if name == COOKIE]
        session = cookies[0] if len(cookies) == 1 and SESSION.fullmatch(cookies[0]) else ""
        peer, name = (scope.get("client") or ("unknown", 0))[0], None
        if self.behind_proxy:
            peer = headers.get("x-forwarded-for", peer).rsplit(",", 1)[-1].strip()[:64]
            user = headers.get("x-forwarded-user", "")
            name = user if NAME.fullmatch(user) else None
        secure = scope.get("scheme") == "https" or (self.behind_proxy and headers.get("x-forwarded-proto") == "https")
        own, until = self.signed_in.get(session, (None, 0.0))
        if own is not None and until < time.monotonic():
            self.signed_in.pop(session)
            own = None
        return Visit(session or secrets.token_urlsafe(32), not session, own or name, own is not None, peer, secure)

    def may_see(self, visit: Visit) -> bool:
        """Whether the pages are open to a visit."""
        return not self.tokens or visit.signed_in

    def sign_in(self, token: str, visit: Visit) -> str | None:
        """A new session for the one who knows a token; None: it is none of ours. Each is compared in constant time, and all of them are."""
        given = blake2b(token.strip().encode(), key=self.secret).digest()
        matches = [name for name, own in self.tokens.items() if hmac.compare_digest(blake2b(own.encode(), key=self.secret).digest(), given)]
        if not matches:
            log(logger, logging.WARNING, "a sign-in was refused: wrong token", peer=visit.peer)
            return None
        now = time.monotonic()
        self.signed_in = {session: entry for session, entry in self.signed_in.items() if entry[1] > now and session != visit.session}
        while len(self.signed_in) >= MOST_SIGNED_IN:
            self.signed_in.pop(next(iter(self.signed_in)))
        session = secrets.token_urlsafe(32)
        self.signed_in[session] = (matches[0], now + LASTS_S)
        log(logger, logging.INFO, "signed in", who=matches[0], peer=visit.peer)
        return session

    def sign_out(self, visit: Visit) -> None:
        """Forget a session."""
        self.signed_in.pop(visit.session, None)

    def csrf(self, visit: Visit) -> str:
        """What a form of this visit has to bring back."""
        return hmac.digest(self.secret, visit.session.encode(), "sha256").hex()

    async def form(self, request: Request, visit: Visit) -> dict[str, str]:
        """The fields of a form that this page wrote for this visit, and that this browser sent from it: for every POST. Raises HTTPException 400, 403, 413, 415."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise HTTPException(415, "Wanted a form as a browser sends it (application/x-www-form-urlencoded).")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_FORM_BYTES:
                raise HTTPException(413, f"Wanted a form of at most {MOST_FORM_BYTES:,} bytes.")
        try:
            fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
        except ValueError as error:
            raise HTTPException(400, "Wanted a form in UTF-8, got something else.") from error
        origin = request.headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
        if foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "The form came from another site, so nothing was done. Open the page itself and try again.")
        if visit.fresh or not hmac.compare_digest(fields.pop(CSRF, "").encode(), self.csrf(visit).encode()):
            raise HTTPException(403, "The form is not one that this page wrote for this browser, or it is too old, so nothing was done. Load the page again and try again.")
        return fields


def cookie(session: str, visit: Visit) -> str:
    """The Set-Cookie header of a session."""
    return f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if visit.secure else ''}"


__all__ = ["COOKIE", "CSRF", "TOKEN_VARIABLE", "Access", "Visit", "cookie", "tokens_of"]
