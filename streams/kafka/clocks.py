"""The wall clock, trusted only as far as the broker's: the reply to every commit contains the time at which the broker appended it."""

from __future__ import annotations

import time

from streams.kafka.failpoints import shift_ms

FRESH_S = 30.0
"""An answer of the broker that is older than this is asked for again before a tick."""
APART_MS = 60_000
"""Clocks that differ by more are not trusted: nothing ticks."""


class Clocks:
    """Epoch ms by this machine's clock and by the broker's."""

    def __init__(self) -> None:
        self._answer: tuple[int, float] | None = None
        """What the broker said last, and when, by the monotonic clock."""

    def hear(self, broker_ms: int) -> None:
        """The broker appended something at `broker_ms`, and its reply has just come."""
        self._answer = broker_ms, time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the broker's last answer is new enough to tick by."""
        return self._answer is not None and time.monotonic() - self._answer[1] <= FRESH_S

    def wall_ms(self) -> int:
        """This machine's clock."""
        return int(time.time() * 1000) + shift_ms()

    def broker_ms(self) -> int:
        """The broker's clock, a little behind at most; this machine's where the broker has reported no time yet."""
        return self._answer[0] + int((time.monotonic() - self._answer[1]) * 1000) if self._answer is not None else self.wall_ms()

    def earlier_ms(self) -> int:
        """How far time has passed by both clocks: for ticks, and for what is too old to publish."""
        return min(self.wall_ms(), self.broker_ms())

    def later_ms(self) -> int:
        """What is ahead of this is ahead of both clocks."""
        return max(self.wall_ms(), self.broker_ms())

    def trouble(self) -> str | None:
        """Why nothing ticks, if so."""
        if self._answer is None:
            return "the broker reports no time: no timer fires while nothing comes; the state topic needs message.timestamp.type=LogAppendTime"
        apart = self.wall_ms() - self.broker_ms()
        if abs(apart) <= APART_MS:
            return None
        return (
            f"this machine's clock is {abs(apart) // 1000} s {'ahead of' if apart > 0 else 'behind'} the broker's: no timer fires while nothing comes; set the clock that is wrong"
        )
