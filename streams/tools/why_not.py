"""A replay that is watched: what one rule read of one customer, which events came of it, and which of the customer's records were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from schemas.event import CustomerEvent
from schemas.fault import KairosFault
from streams.definitions.words import suggest
from streams.intake.times import INVALID, epoch_ms
from streams.tools.replay import Line, Replay, lines_of
from streams.tools.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.shard import Shard


class Timed(msgspec.Struct):
    """The time of a raw record, as it says it."""

    event_time: Any = None


TIME = msgspec.json.Decoder(Timed).decode


class UnknownCustomer(KairosFault):
    """The records name no such customer, or none of the customer's keys by that name."""


class Fired(NamedTuple):
    """An event that came: its id, its time (RFC 3339, UTC), local time, its key, and the record behind it."""

    event: str
    id: str
    time: str
    local_time: str
    key: str
    record_id: str | None


class Letter(NamedTuple):
    """A record of the customer that was refused."""

    reason: str
    detail: str
    record_id: str | None
    record_type: str | None


class Seen(NamedTuple):
    """What a watched replay gave. `now`: the moment of the question, epoch ms."""

    watch: Watch
    fired: list[Fired]
    letters: list[Letter]
    now: int


class ReplayUntil(Replay):
    """A replay of the records up to a moment (epoch ms; None: of all). What names no readable time is kept, to be refused."""

    def __init__(self, build_shard: Callable[[int], Shard], until_ms: int | None) -> None:
        super().__init__(build_shard)
        self.until_ms = until_ms

    def lines_of(self, path: str, progress: Callable[[int], None]) -> Iterator[Line]:
        for line in lines_of(path, progress):
            if self.until_ms is None or not is_behind(line.value, self.until_ms):
                yield line


def is_behind(raw: bytes, until_ms: int) -> bool:
    """Whether a raw record says a time behind `until_ms`."""
    try:
        (time,) = epoch_ms([TIME(raw).event_time]).tolist()
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, ValueError):
        return False
    return bool(time != INVALID and time > until_ms)


def watched_replay(
    build: Callable[[int], Shard], files: Sequence[str], event: str, customer: str, until_ms: int | None = None, progress: Callable[[int], None] = lambda _: None
) -> Seen:
    """Replay `files` and watch the rule of `event` for `customer`; with `until_ms` as of that moment, up to which the clock is moved on. Raises InputFault, UnknownCustomer."""
    replay = ReplayUntil(build, until_ms)
    shard = replay.shards[0]
    watch = Watch(shard.engine, event, customer)
    fired: list[Fired] = []
    letters: list[Letter] = []
    for step in replay.run(files, progress, until_ms):
        fired += [fired_of(message.value) for message in step.events if message.key == customer.encode() and message.value is not None]
        letters += [letter_of(dict(letter.headers), letter.value or b"") for letter in step.dead_letters if letter.key == customer.encode()]
    customers = shard.engine.world.tables["customer"].all_keys()
    if watch.row < 0 and not letters:
        where = files[0] if len(files) == 1 else f"{len(files)} files"
        raise UnknownCustomer(f"--customer {customer}: {where}: no record of this customer{' up to that moment' if until_ms is not None else ''}{nearest(customer, customers)}")
    return Seen(watch, fired, letters, max(shard.clock, until_ms or 0))


def nearest(name: str, names: Sequence[str]) -> str:
    """`suggest`, which of very many names counts those that it does not list."""
    found = suggest(name, names)
    return found if len(names) <= 20 or "did you mean" in found else f": there are {len(names):,}, such as {', '.join(sorted(names)[:3])}"


def fired_of(raw: bytes) -> Fired:
    """An event as it is published."""
    event = msgspec.json.decode(raw, type=CustomerEvent)
    behind = event.data.trigger or event.data.anchor or None
    return Fired(event.data.event, event.id, event.time, event.data.local_time, event.subject, behind.record_id if behind else None)


def letter_of(headers: dict[str, bytes], raw: bytes) -> Letter:
    """A dead letter with the name of its record, as far as that can be read."""
    try:
        record = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = None
    named = record if isinstance(record, dict) else {}
    return Letter(headers["reason"].decode(), headers["detail"].decode(), *(str(named[name]) if name in named else None for name in ("record_id", "record_type")))


__all__ = ["Fired", "Letter", "Seen", "UnknownCustomer", "watched_replay"]
