"""How a worker is asked to end: SIGTERM or SIGINT finishes what is in hand; a second one, or a broker that is away, ends it at once.

What is in hand may be left: it is one Kafka transaction, which the broker aborts or the next owner of the shard finds committed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from streams.kafka.watchdog import EXIT
from streams.logs import JsonLines, about, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.kafka.contact import Contact

logger = logging.getLogger("kairos.worker")
AWAY_S = 5.0
"""The worker, when it ends, does not wait for a broker that has been silent this long."""
PATIENCE_S = 6.0
"""How long the end may take at least, even if the broker is silent."""
LONGEST_S = 25.0
"""How long it may take at most: Kubernetes kills after 30 s."""
UNCOMMITTED = "what was in hand is not committed, and is read again at the next start"


class Ending:
    """The signals of this process, from `install` on."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.finish: Callable[[], None] | None = None
        """Called to begin an orderly end; None while the worker has not begun."""
        self.asked_at: float | None = None

    def install(self) -> None:
        """Take SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_thread_error

    def _on_thread_error(self, failed: threading.ExceptHookArgs) -> None:
        """Start a thread without which nothing is read; if it fails, the worker must end."""
        error = failed.exc_value or RuntimeError()
        if self.asked_at is not None:
            log(logger, logging.WARNING, "a thread did not end well", **about(error))
            return
        log(logger, logging.ERROR, "a thread failed, the worker ends", **about(error))
        logging.shutdown()
        os._exit(EXIT)

    def _on_signal(self, number: int, _: object) -> None:
        """Runs between two instructions of the main thread, perhaps within a log line: so it writes none itself."""
        if self.asked_at is not None:
            os.write(2, second(number))
            os._exit(128 + number)
        self.asked_at = time.monotonic()
        threading.Thread(target=self._see_to_it, args=(signal.Signals(number).name,), name="ending", daemon=True).start()
        if self.finish is not None:
            self.finish()

    def _see_to_it(self, name: str) -> None:
        log(logger, logging.INFO, "the worker was asked to end", signal=name)
        if self.finish is None:
            leave(logging.INFO, "the worker ends before it has begun", "nothing was read")
        while True:
            time.sleep(0.1)
            if why := self.overdue(time.monotonic()):
                leave(logging.WARNING, *why)

    def overdue(self, now: float) -> tuple[str, str] | None:
        """Why an orderly end is not waited for any more, if so: a message and a reason."""
        assert self.asked_at is not None
        since, silent = now - self.asked_at, now - self.contact.broker
        if since > PATIENCE_S and silent > AWAY_S:
            return "the worker ends without its broker", f"no Kafka broker has answered for {silent:.0f} s: {UNCOMMITTED}"
        if since > LONGEST_S:
            return "the worker ends without having finished", f"it took longer than {LONGEST_S:.0f} s: {UNCOMMITTED}"
        return None


def second(number: int) -> bytes:
    """The line for a second signal."""
    what = {"name": logger.name, "levelno": logging.WARNING, "levelname": "WARNING", "msg": "the worker ends at once"}
    fields = {"signal": signal.Signals(number).name, "reason": f"a second signal came: {UNCOMMITTED}"}
    formatter = next((handler.formatter for handler in logging.getLogger().handlers if isinstance(handler.formatter, JsonLines)), JsonLines())
    return (formatter.format(logging.makeLogRecord({**what, "fields": fields})) + "\n").encode()


def leave(level: int, message: str, reason: str, code: int = 0) -> NoReturn:
    """End the process at once, with a line."""
    log(logger, level, message, reason=reason)
    logging.shutdown()
    os._exit(code)
