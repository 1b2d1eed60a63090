"""The watchdog: a worker that stalls although there is work ends itself, so that its shards go to others.

It runs in a thread of its own, because a rule that loops or sleeps blocks the event loop. A broker that does not answer is no
reason to end soon: the worker reports it in /readyz, and the watchdog waits ten times as long.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.kafka.shard_task import ShardTask

EXIT = 70
"""EX_SOFTWARE of sysexits.h."""
OUTAGE = 10
"""How many times longer an outage of the broker is waited out."""


class Watchdog:
    """Looks after the shards of a worker: `stall_s` is the longest they may stall, `silent_s` says how long no broker has answered."""

    def __init__(self, tasks: Callable[[], Iterable[ShardTask]], stall_s: int, end: Callable[[str, str], NoReturn], silent_s: Callable[[], float] = lambda: 0.0) -> None:
        self.tasks, self.stall_s, self.end, self.silent_s = tasks, stall_s, end, silent_s

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        try:
            while True:
                time.sleep(min(1.0, self.stall_s / 4))
                for task in list(self.tasks()):
                    reason = self.stalled(task, time.monotonic())
                    if reason is not None:
                        self.end(f"shard {task.partition} stalls", reason)
        except BaseException as error:  # noqa: BLE001  # nobody would watch any more
            self.end("the watchdog failed", type(error).__name__)

    def stalled(self, task: ShardTask, now: float) -> str | None:
        """Why the worker must end because of a shard, if it must."""
        stands = now - task.progress
        if task.trouble is not None:
            return f"for {stands:.0f} s nothing could be committed: {task.trouble}" if stands > OUTAGE * self.stall_s else None
        if stands > self.stall_s and task.busy():
            silent = self.silent_s()
            if silent > self.stall_s / 2:
                return f"for {stands:.0f} s nothing could be committed: no broker has answered for {silent:.0f} s" if stands > OUTAGE * self.stall_s else None
            what = "a transaction that gets no answer" if task.committing else "a rule that does not end"
            return f"nothing was committed for {stands:.0f} s although there is work, and the broker answers: {what}"
        return None
