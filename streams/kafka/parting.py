"""Which rows of a shard go where when the number of partitions changes, and what the heads of the new shards say (`docs/adr/0016`). Plain Python, no Kafka."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from schemas.raw import TOPICS
from streams.engine.batch import BASES
from streams.engine.clock import JUMP_MS, Ahead
from streams.engine.detection import rfc3339
from streams.engine.state.codec import SEPARATOR, StateRefused, record_key, split_key
from streams.engine.state.reach import Memory
from streams.engine.state.store import ABOUT, FORMAT, HEAD_KEY, LAYOUT, MEMORY, OWNER, REMEDIES, TEXT, Head, Passed
from streams.kafka.erase import codes_in
from streams.kafka.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.engine.state.codec import Change
    from streams.kafka.erase import Contents

ABOUT_KEYS = tuple(record_key(part, "") for part in ABOUT)
"""How the changelog keys begin of what is no row of a customer."""
SHARED = (LAYOUT, MEMORY, OWNER)
"""What every shard has of its own, the same in all that run the same definitions."""


class Moves(NamedTuple):
    """What leaves a shard."""

    rows: list[tuple[int, bytes, bytes]]
    """Target, changelog key and value of each row."""
    texts: dict[int, list[Change]]
    """By target, the texts and layouts that these rows need there."""
    unheld: list[bytes]
    """Changelog keys of the texts that none of the rows that stay needs."""

    def pieces(self, most: int) -> Iterator[dict[int, list[Change]]]:
        """What to write to the targets, at most `most` rows at a time; what they need comes first."""
        seen: set[int] = set()
        for begin in range(0, len(self.rows), most):
            piece: dict[int, list[Change]] = defaultdict(list)
            for target, key, value in self.rows[begin : begin + most]:
                if target not in seen:
                    seen.add(target)
                    piece[target] += self.texts[target]
                piece[target].append((key, value))
            yield piece


def sources(target: int, was: int, to: int) -> list[int]:
    """The shards of `was` that have customers of shard `target` of `to`: one alone where `to` is a multiple of `was`.

    >>> sources(5, 4, 8), sources(5, 4, 6)
    ([1], [1, 3])
    """
    step = gcd(was, to)
    return list(range(target % step, was, step))


class Homes:
    """The partition of each customer, as Kafka's default partitioner has it; asked often for the same ones."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.of = cache(self._of)

    def _of(self, customer: str) -> int:
        return partition_of(customer.encode(), self.partitions)


def moves(contents: Contents, here: int, to: int) -> Moves:
    """What leaves shard `here` when there are `to` partitions; rows that left before are not there any more.

    Raises StateRefused where something stored is of no known kind: nothing may be forgotten.
    """
    home, rows = Homes(to), []
    needed: dict[int, set[int]] = defaultdict(set)
    for key, value in contents.pairs.items():
        if key.startswith(ABOUT_KEYS):
            continue
        part, name = split_key(key)
        target = home.of(customer_of(part, name, value, contents, here))
        needed[target] |= contents.texts(value)
        needed[target] |= codes_in(name)
        if target != here:
            rows.append((target, key, value))
    stored = {int(name): (record_key(TEXT, name), value) for name, value in contents.within(TEXT)}
    layouts = [(record_key(LAYOUT, name), value) for name, value in contents.within(LAYOUT)]
    texts: dict[int, list[Change]] = {}
    for target in {target for target, *_ in rows}:
        texts[target] = [*layouts, *(stored[code] for code in sorted(needed[target] & stored.keys()))]
    return Moves(rows, texts, [stored[code][0] for code in sorted(stored.keys() - needed[here])])


@cache
def known(part: str) -> bool:
    """Whether rows of this part have keys that begin with a customer."""
    return part.split(".", 1)[0].split("(", 1)[0] in BASES


def customer_of(part: str, name: str, value: bytes, contents: Contents, here: int) -> str:
    """The customer of a row: every key begins with it. Raises StateRefused."""
    if not known(part):
        raise StateRefused(f"state of shard {here}: {part} is nothing that this version knows: {REMEDIES['format']}")
    if value[:4] not in contents.layouts:
        raise StateRefused(f"state of shard {here}, {part}: layout {value[:4].hex()} is not in the changelog: was it written by a newer version, or cut?")
    return name.split(SEPARATOR, 1)[0]


def customers(contents: Contents, here: int) -> Counter[str]:
    """How many rows each customer has in shard `here`. Raises StateRefused where something stored is of no known kind."""
    rows = ((*split_key(key), value) for key, value in contents.pairs.items() if not key.startswith(ABOUT_KEYS))
    return Counter(customer_of(part, name, value, contents, here) for part, name, value in rows)


def leaving(own: Counter[str], here: int, to: int) -> int:
    """How many of these rows of customers leave shard `here` when there are `to` partitions."""
    home = Homes(to)
    return sum(number for customer, number in own.items() if home.of(customer) != here)


def strangers(own: Counter[str], here: int, was: int, to: int) -> int:
    """How many rows lie in a shard to which Kafka's default partitioner gives their customer neither of `was` partitions nor of `to`."""
    before, after = Homes(was), Homes(to)
    return sum(number for customer, number in own.items() if here not in (before.of(customer), after.of(customer)))


def refuse_heads(heads: Mapping[int, Head], was: int, to: int, jump_ms: int = JUMP_MS) -> None:
    """Raises StateRefused where heads cannot become those of `to` shards: another format, a backfill under way, clocks too far apart to meet."""
    for shard, head in heads.items():
        found = head.facts.get("format", FORMAT)
        if found != FORMAT:
            raise StateRefused(f"state of shard {shard}: wanted format {FORMAT}, it was written with {found}: {REMEDIES['format']}")
        if head.unfinished:
            raise StateRefused(f"state of shard {shard}: 'kairos backfill' was stopped while it wrote {', '.join(head.unfinished.events)}: run it again first")
    for target in range(gcd(was, to)):
        clocks = {shard: began(heads[shard]) for shard in sources(target, was, to) if shard in heads and began(heads[shard])}
        first, last = min(clocks, key=clocks.__getitem__, default=0), max(clocks, key=clocks.__getitem__, default=0)
        if clocks and clocks[last] - clocks[first] > jump_ms:
            raise StateRefused(
                f"--to {to}: customers of shards {first} and {last} would meet, whose clocks stand at {rfc3339(clocks[first])} and {rfc3339(clocks[last])}: wanted at most "
                f"{jump_ms // 86_400_000} days between them: take a multiple of {was}, where no two shards meet, or run the worker until the first has caught up"
            )


def began(head: Head) -> int:
    """The clock; of a shard that has had one record only, that record's time; 0: none."""
    return head.clock or (head.ahead.time if head.ahead is not None else 0)


def head_of(target: int, heads: Mapping[int, Head], was: int, to: int) -> Head:
    """The head row of shard `target` of `to`, without offsets.

    From one shard its clock is taken over as it is. Where several meet, the earliest of their clocks: no timer that waits in any of them is due by it, those
    that have fired wait no more, so that none fires early, twice or never. A record ahead of a clock is forgotten there, and the next one takes its place.
    """
    met = [heads[shard] for shard in sources(target, was, to) if shard in heads]
    ledger: dict[str, Counter[str]] = defaultdict(Counter)
    for shard, head in heads.items():
        if shard % to == target:
            for topic, fates in head.records.items():
                ledger[topic].update(fates)
    ahead = met[0].ahead if len(met) == 1 else None
    if ahead is not None and partition_of(ahead.customer.encode(), to) != target:
        ahead = Ahead("", ahead.time)
    clock = met[0].clock if len(met) == 1 else min((one for one in map(began, met) if one), default=0)
    facts = {**(met[0].facts if met else {"format": FORMAT}), "partitions": to}
    switched = max((head.settings_version or 0 for head in met), default=0)
    records = {topic: dict(fates) for topic, fates in ledger.items()}
    return Head(clock, ahead, facts, records, passed=passed_of(target, heads, met), settings_version=switched or msgspec.UNSET)


def passed_of(target: int, heads: Mapping[int, Head], met: Sequence[Head]) -> dict[str, Passed] | msgspec.UnsetType:
    """How far the topics that wait for stragglers had gone; of several shards the least."""
    if target in heads and len(met) == 1:
        return heads[target].passed
    found = {}
    for topic in TOPICS:
        all_of = [passed[topic] for head in met if (passed := head.passed or {}) and topic in passed]
        if all_of and len(all_of) == len(met):
            found[topic] = Passed(0, min(one.newest for one in all_of), min(one.frontier for one in all_of))
    return found or msgspec.UNSET


def about_of(target: int, contents: Mapping[int, Contents], was: int, to: int) -> list[Change]:
    """Layouts, memories and owners of shard `target` of `to`. Raises StateRefused where shards that meet ran other definitions."""
    met = {shard: contents[shard] for shard in sources(target, was, to) if shard in contents and contents[shard].pairs}
    found: dict[bytes, bytes] = {}
    for one in met.values():
        for part, name, value in one.entries():
            if part in SHARED:
                key = record_key(part, name)
                found[key] = shorter(found.get(key), value) if part == MEMORY else value
    kinds = {shard: frozenset(gathered(one)) for shard, one in met.items()}
    if len(set(kinds.values())) > 1:
        first, *others = kinds
        other = next(shard for shard in others if kinds[shard] != kinds[first])
        some = min(kinds[first] ^ kinds[other])
        raise StateRefused(
            f"--to {to}: customers of shards {first} and {other} would meet, which ran other definitions ({some} is in one of them alone): "
            f"start the workers once with the same ones, or take a multiple of {was}"
        )
    return [*found.items()]


def gathered(contents: Contents) -> Iterator[str]:
    """The names of what a shard gathers, and how far back it is kept."""
    return (f"{part} {name}" for part, name, _ in contents.entries() if part in (MEMORY, OWNER))


def shorter(one: bytes | None, other: bytes) -> bytes:
    """The memory that reaches back less far."""
    if one is None:
        return other
    first, last = (msgspec.json.decode(value, type=Memory) for value in (one, other))
    return one if first.known_from >= last.known_from else other


def misplaced(keys: Iterable[bytes | None], here: int, to: int) -> int:
    """How many raw records of partition `here` belong to another of `to`; one without a key belongs nowhere else."""
    return sum(key is not None and partition_of(key, to) != here for key in keys)


__all__ = ["ABOUT_KEYS", "HEAD_KEY", "Homes", "Moves", "about_of", "customers", "head_of", "leaving", "misplaced", "moves", "refuse_heads", "sources", "strangers"]
