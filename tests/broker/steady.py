"""Records that come all the while, so that what happens to workers happens under load."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Self

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Raw = tuple[str, bytes, bytes]
"""Topic, key and value."""


def in_order(records: Sequence[Raw]) -> Iterator[list[Raw]]:
    """The records in pieces, in none of which a customer has records of two topics: sent one after the other, a customer's records come in one order only."""
    piece: list[Raw] = []
    topic_of: dict[bytes, str] = {}
    for record in records:
        topic, key, _ = record
        if topic_of.get(key, topic) != topic:
            yield piece
            piece, topic_of = [], {}
        topic_of[key] = topic
        piece.append(record)
    yield piece


class Steady:
    """Sends records from a thread of its own, each piece once the last is acknowledged; until `phase` so many of `phases` are over, no more than their share."""

    def __init__(self, bootstrap: str, records: Sequence[Raw], phases: int, pause_s: float = 0.01) -> None:
        self.bootstrap, self.pieces, self.phases, self.pause_s = bootstrap, list(in_order(records)), phases, pause_s
        self.phase, self.sent, self.number = 1, 0, 0
        self.stopped, self.failed = False, ""
        self.thread = threading.Thread(target=self._run, name="steady", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True
        self.thread.join(30)

    def next_phase(self) -> int:
        """Begin the next share; how many records were sent until now."""
        self.phase += 1
        return self.sent

    def wait_phase(self, seconds: float = 120) -> None:
        """Wait until the share of the present phase is sent."""
        end = time.monotonic() + seconds
        while self.thread.is_alive() and self.number * self.phases < len(self.pieces) * self.phase:
            assert time.monotonic() < end, f"the share was not sent within {seconds} s"
            time.sleep(0.05)

    def finish(self, seconds: float = 120) -> None:
        """Send all that is left."""
        self.phase, self.pause_s = self.phases, 0.0
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"not sent within {seconds} s"
        assert not self.failed, self.failed

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except Exception as error:  # raised by `finish`
            self.failed = repr(error)

    async def _send(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=0)
        await producer.start()
        try:
            for number, piece in enumerate(self.pieces):
                self.number = number
                while number * self.phases >= len(self.pieces) * self.phase and not self.stopped:
                    await asyncio.sleep(0.02)
                if self.stopped:
                    return
                await asyncio.gather(*[await producer.send(topic, value, key=key) for topic, key, value in piece])
                self.sent += len(piece)
                await asyncio.sleep(self.pause_s)
        finally:
            await producer.stop()
