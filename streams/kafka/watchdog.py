"""The watchdog: a worker that stands still although there is something to do ends itself, so that its shards go to others.

It looks from a thread of its own, for a rule that loops or sleeps holds the event loop up. A broker that does not answer is no
reason to end soon: the worker says so in /readyz, and is given ten times as long.
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
    """Looks after the shards of a worker: `stall_s` is the longest they may stand still, `silent_s` says how long no broker has answered."""

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
                        self.end(f"shard {task.partition} stands still", reason)
        except BaseException as error:  # noqa: BLE001  # nobody would watch any more
            self.end("the watchdog failed", type(error).__name__)

    def stalled(self, task: ShardTask, now: float) -> str | None:
        """Why a shard must be given up, if it must."""
        stands = now - task.progress
        if task.trouble is not None:
            return f"for {stands:.0f} s nothing could be committed: {task.trouble}" if stands > OUTAGE * self.stall_s else None
        if stands > self.stall_s and task.busy():
            silent = self.silent_s()
            if silent > self.stall_s / 2:
                return f"for {stands:.0f} s nothing could be committed: no broker has answered for {silent:.0f} s" if stands > OUTAGE * self.stall_s else None
            return f"nothing was committed for {stands:.0f} s although there is work, and the broker answers: a rule that does not end"
        return None
