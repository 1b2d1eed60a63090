"""Named places in the commit and restore path at which a test can have the process killed: `FAULT=before_commit:3`, at the third time.

The process ends by SIGKILL, as it would by a power cut, so that a test sees from its exit status that the fault has hit. With
`FAULT=after_commit:3:error` it goes on with a TimeoutError there, as if a reply had been lost; with `FAULT=before_commit:3:stop` it
stops there by SIGSTOP, until SIGCONT is sent. `CLOCK_SHIFT=path` names a file with the milliseconds by which the wall clock
is wrong; no file: it is right.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

POINTS = (
    "before_begin",
    "after_begin",
    "after_send",
    "before_offsets",
    "after_offsets",
    "before_commit",
    "after_commit",
    "restore_begun",
    "restore_reading",
    "restore_read",
)
_point, _count, _how = (os.environ.get("FAULT", "") + "::").split(":")[:3]
_left = {_point: int(_count or 1)} if _point else {}


def reach(point: str) -> None:
    """Pass `point`. If FAULT names this point and this pass, the process is killed, stopped or given an error, as FAULT says."""
    if point in _left:
        _left[point] -= 1
        if not _left[point] and _how == "error":
            raise TimeoutError
        if not _left[point]:
            os.kill(os.getpid(), signal.SIGSTOP if _how == "stop" else signal.SIGKILL)


_shift = os.environ.get("CLOCK_SHIFT")


def shift_ms() -> int:
    """By how much a test shifts the wall clock, ms."""
    if _shift is None:
        return 0
    try:
        return int(Path(_shift).read_text())
    except FileNotFoundError:
        return 0
