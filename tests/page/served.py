"""The page as it is served: the real server, in a thread, on a free port of this machine."""

from __future__ import annotations

import asyncio
import http.client
import re
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from streams.cli.demo import free_port
from streams.page.serve import bound, serve, site_with
from streams.settings import load

FORM = "application/x-www-form-urlencoded"


class Answer:
    """An answer: its status, headers (by lower-case name, all of them) and text."""

    def __init__(self, answer) -> None:
        self.status, self.text = answer.status, answer.read().decode()
        self.headers: dict[str, list[str]] = {}
        for name, value in answer.getheaders():
            self.headers.setdefault(name.lower(), []).append(value)

    def header(self, name):
        return ", ".join(self.headers.get(name, []))

    @property
    def cookie(self):
        """The session that it sets."""
        return re.match(r"kairos_page=([^;]+)", self.header("set-cookie"))[1]

    @property
    def csrf(self):
        """What its first form has to bring back."""
        return re.search(r'name="csrf" value="([0-9a-f]{64})"', self.text)[1]


class Served:
    """A page that answers."""

    def __init__(self, site, port) -> None:
        self.site, self.port = site, port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path, method="GET", body=None, **headers):
        """Ask, by a connection of its own; a header `None` is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            own = {"Host": f"127.0.0.1:{self.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in own.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, path, fields, session, **headers):
        """Send a form."""
        return self.ask(path, "POST", urlencode(fields).encode(), **{"Cookie": f"kairos_page={session}", "Content-Type": FORM, **headers})

    def form(self, path, page, fields, **headers):
        """Send the form of a page that was got, as its browser would."""
        return self.post(path, {"csrf": page.csrf, **fields}, page.cookie, **headers)

    def signed_in(self, token):
        """The session of one who has signed in."""
        return self.form("/sign-in", self.ask("/sign-in"), {"token": token}).cookie


@contextmanager
def served(history=(), panels=None, **given):
    """A page with these settings; without a broker where none is named."""
    settings = load({"brokers": f"127.0.0.1:{free_port()}", "page_port": 0, **given}, environ={})
    site = site_with(settings, history, panels)
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Task]] = []
    begun = threading.Event()

    async def work(listening):
        ends.append((asyncio.get_running_loop(), asyncio.current_task()))
        begun.set()
        await serve(site, listening)

    def run(listening):
        with suppress(asyncio.CancelledError):
            asyncio.run(work(listening))

    with bound("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=run, args=(listening,))
        thread.start()
        assert begun.wait(20)
        try:
            yield Served(site, listening.getsockname()[1])
        finally:
            loop, task = ends[0]
            loop.call_soon_threadsafe(task.cancel)
            thread.join(30)
            assert not thread.is_alive(), "the page does not end"
