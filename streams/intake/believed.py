"""The newest event time of a topic partition that is believed: one wrong date must not let everything go that waits for stragglers.

It is the running maximum, but for a record more than `jump_ms` ahead of it. Such a *suspect* counts once the next record, of another customer, is as
far ahead too; any other next record refutes it. At the very beginning the earlier one of two records counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints

EARLIER = -1
"""Place of a suspect that was the last record before."""


class Suspect(NamedTuple):
    """A record that is not believed yet."""

    time: int
    key: bytes | None


class Followed(NamedTuple):
    """What passing some records brought."""

    newest: Ints
    """After each of them the newest believed time, epoch ms; 0: none yet."""
    refuted: dict[int, int]
    """Places of refuted suspects (`EARLIER`: the one from before), and of the record that refuted them."""


class Belief(NamedTuple):
    """The newest believed time so far, and the last record while it is a suspect."""

    jump_ms: int
    newest: int = 0
    suspect: Suspect | None = None

    def follow(self, times: Ints, keys: Sequence[bytes | None]) -> tuple[Belief, Followed]:
        """Pass records in offset order."""
        running = np.maximum.accumulate(np.concatenate([[self.newest], times]))
        if self.newest and self.suspect is None and not (times > running[:-1] + self.jump_ms).any():
            return self._replace(newest=int(running[-1])), Followed(running[1:], {})
        newest, suspect, since = self.newest, self.suspect, EARLIER
        refuted: dict[int, int] = {}
        for at, (time, key) in enumerate(zip(times.tolist(), keys, strict=True)):
            if newest and time <= newest + self.jump_ms:
                if suspect is not None:
                    refuted[since], suspect = at, None
                newest = max(newest, time)
            elif suspect is None or (newest and suspect.key == key):
                if suspect is not None:
                    refuted[since] = at
                suspect, since = Suspect(time, key), at
            else:
                newest, later = min(time, suspect.time), max(time, suspect.time)
                if later <= newest + self.jump_ms:
                    newest, suspect = later, None
                elif later == time:
                    suspect, since = Suspect(time, key), at
                else:
                    refuted[since], suspect = at, None
            running[at + 1] = newest
        return Belief(self.jump_ms, newest, suspect), Followed(running[1:], refuted)
