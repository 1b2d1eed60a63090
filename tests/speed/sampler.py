"""Where a process spends its CPU: the stack of each thread at every 2 ms of CPU time, weighed by what that thread has used since. Linux, Python ≥ 3.11.

Time of the CPU, not of the clock: on a busy machine it is as good. A compiled call counts for the line that called it.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

EVERY_S = 0.002
PARTS = (
    ("emission", ("streams/engine/detection.py", "streams/engine/identity.py", "streams/emit.py")),
    ("state rows", ("streams/engine/state/",)),
    ("engine", ("streams/engine/",)),
    ("intake", ("streams/intake/", "schemas/raw")),
    ("fetch", ("aiokafka/consumer", "aiokafka/record", "streams/kafka/transport.py", "streams/kafka/batches.py", "streams/kafka/looks.py", "faust/transport")),
    ("transaction", ("aiokafka/producer", "streams/kafka/transaction.py", "streams/kafka/producer.py", "streams/kafka/changelog.py", "streams/kafka/frames.py")),
    ("Kafka client, other", ("aiokafka/", "kafka/")),
    ("shard: feeding, counting", ("streams/shard.py", "streams/kafka/", "streams/metrics.py", "streams/logs.py", "prometheus_client")),
    ("event loop", ("asyncio/", "selectors.py", "uvloop", "mode/", "faust/")),
)
"""Parts of a worker, by what a file's path contains; a stack belongs to the part of its innermost frame that has one."""


def part_of(files: Iterable[str]) -> str:
    """The part of a stack, innermost file first."""
    for file in files:
        for part, words in PARTS:
            if any(word in file for word in words):
                return part
    return "other"


def files_of(frame: FrameType | None) -> list[str]:
    """The files of a stack, innermost first."""
    found = []
    while frame is not None:
        found.append(frame.f_code.co_filename)
        frame = frame.f_back
    return found


class Sampler:
    """Samples all threads of this process between `start` and `stop`."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        """CPU seconds by part."""
        self.used: dict[int, float] = {}

    def start(self) -> None:
        """Begin; only the main thread may."""
        self._threads()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def stop(self) -> Counter[str]:
        """End, and what was found."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        return self.seconds

    def _threads(self) -> list[tuple[int, float]]:
        """Each Python thread, and what it has used since the last look."""
        found = []
        for thread in threading.enumerate():
            if thread.ident is None:
                continue
            try:
                now = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            except OSError:  # it has just ended
                continue
            found.append((thread.ident, now - self.used.get(thread.ident, now)))
            self.used[thread.ident] = now
        return found

    def _sample(self, _: int, interrupted: Any) -> None:
        frames = sys._current_frames()
        for ident, used in self._threads():
            if used > 0:
                frame = interrupted if ident == threading.get_ident() else frames.get(ident)
                self.seconds[part_of(files_of(frame))] += used
