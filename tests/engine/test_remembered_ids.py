"""Admission remembers ids as the plain reading does, whatever the cuts and restarts; compiled and interpreted."""

from __future__ import annotations

import importlib.util
from collections import Counter
from functools import cache
from struct import pack
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.codes import code
from schemas.raw import TOPICS
from streams.engine import idlists, remembered
from streams.engine.admission import Admission
from streams.engine.batch import DUPLICATE, LATE, PROCESSED
from streams.engine.clock import Clock
from streams.engine.state.codec import StateRefused, record_key, split_key
from streams.engine.state.store import State

HOUR, DAY = 3_600_000, 86_400_000
SECOND_2000 = 946_684_800
START = 1_777_600_000_000
JUMP = 31 * DAY
BILLING, USAGE, NETWORK = 0, 1, 3
EXAMPLES = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
KERNELS = ("admit_topic", "gather", "pack", "place_all")


@cache
def interpreted() -> Any:
    """The module of kernels as plain Python."""
    spec = importlib.util.spec_from_file_location("idlists_interpreted", idlists.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, True
    try:
        spec.loader.exec_module(module)
    finally:
        numba.config.DISABLE_JIT = before
    return module


@pytest.fixture(params=["compiled", "interpreted"])
def way(request):
    """The kernels that run."""
    module = idlists if request.param == "compiled" else interpreted()
    with pytest.MonkeyPatch.context() as patch:
        for name in KERNELS:
            patch.setattr(remembered, name, getattr(module, name))
        yield request.param


class Batch:
    """What admission reads and writes of a batch."""

    def __init__(self, records: list[tuple[str, int, int, int, int]], state: State) -> None:
        table = state.tables["customer"]
        self.n = len(records)
        self.customer = table.rows_of_ids(np.array([[code(one[0])] for one in records], np.int64).reshape(-1, 1), None)
        self.rank, self.time, self.id_hash, self.content_hash = (np.array([one[at] for one in records], np.int64) for at in range(1, 5))
        self.kind = self.rank
        """A type of record for each topic."""
        self.clock = state.clock.follow(self.time, self.customer, table)
        self.fate, self.believed = np.full(self.n, PROCESSED, np.int8), np.ones(self.n, bool)


class Shard:
    """Admission with its state, and the changelog that a broker would hold."""

    def __init__(self, late_ms: int, least: int, most: int, changelog: dict[bytes, bytes] | None = None) -> None:
        self.options = late_ms, least, most
        self.changelog = changelog if changelog is not None else {}
        self.counters: Counter[str] = Counter()
        self.state = State(Clock(JUMP))
        self.admission = Admission(self.state.table("customer"), late_ms, JUMP, self.counters, least=least, most=most)
        self.state.build()
        self.state.restore(self.changelog.items())
        self.state.restored()

    def take(self, records: list[tuple[str, int, int, int, int]]) -> list[int]:
        """The fates of a batch."""
        batch = Batch(records, self.state)
        self.admission.admit(batch)  # type: ignore[arg-type]  # it has what is needed
        return batch.fate.tolist()

    def commit(self) -> None:
        """Write what changed."""
        for key, value in self.state.changes():
            if value is None:
                del self.changelog[key]
            else:
                self.changelog[key] = value

    def restarted(self) -> Shard:
        """Another process with the state that was committed."""
        self.commit()
        after = Shard(*self.options, self.changelog)
        after.counters.update(self.counters)
        return after

    def blocks(self) -> dict[bytes, bytes]:
        """The stored ids."""
        return {key: value for key, value in self.changelog.items() if b".ids." in key.partition(b"\x1e")[0]}


class Plain:
    """One record after the other, with lists of everything."""

    def __init__(self, late_ms: int, least: int, most: int) -> None:
        self.late_ms, self.least, self.most = late_ms, least, most
        self.clock = Clock(JUMP)
        self.seen: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        """Ids, times and contents of all arrivals that were no repeats."""
        self.first: Counter[tuple[str, int]] = Counter()
        """The first arrival that is stored."""
        self.newest: dict[tuple[str, int], int] = {}
        self.waiting: dict[tuple[str, int], int] = {}
        self.counters: Counter[str] = Counter()

    def live(self, key: tuple[str, int]) -> list[int]:
        """Which arrivals are remembered."""
        seen, oldest = self.seen.get(key, []), self.newest.get(key, 0) - self.late_ms
        recent = range(max(0, len(seen) - self.least), len(seen))
        earlier = range(max(self.first[key], len(seen) - self.most), recent.start) if key[1] != NETWORK else []
        return [*(number for number in earlier if seen[number][1] >= oldest), *recent]

    def stored(self) -> dict[bytes, bytes]:
        """The blocks of sixteen, without the fingerprint of their layout."""
        found = {}
        for (customer, rank), seen in self.seen.items():
            for begin in range(self.first[customer, rank], len(seen), 16):
                entries = [pack("<qIH", number & -1024 | time % 1000, time // 1000 - SECOND_2000, content) for number, time, content in seen[begin : begin + 16]]
                found[record_key(f"customer.ids.{TOPICS[rank].removeprefix('raw.')}", f"{customer}\x1f{begin // 16}")] = b"".join(entries)
        return found

    def take(self, record: tuple[str, int, int, int, int]) -> int:
        """The fate of a record."""
        customer, rank, time, number, content = record
        key, clock = (customer, rank), self.clock.now
        self.clock._take(time, customer)
        newest, waiting = self.newest.get(key, 0), self.waiting.get(key, 0)
        if waiting and waiting <= clock:
            newest, waiting = max(newest, waiting), 0
        self.newest[key], before = newest, self.newest.get(key, 0)
        for known, _, old in [self.seen[key][at] for at in self.live(key)]:
            if known == number:
                self.newest[key] = before
                self.counters["duplicate"] += 1
                self.counters["conflict"] += old != content & 0xFFFF
                return DUPLICATE
        if clock and time > clock + JUMP:
            near = waiting and abs(waiting - time) <= JUMP
            waiting = time if not waiting else max(waiting, time) if near else min(waiting, time)
            moved = newest
        else:
            moved = max(newest, time)
        self.newest[key], self.waiting[key] = moved, waiting
        seen = self.seen.setdefault(key, [])
        seen.append((number, time, content & 0xFFFF))
        if rank != NETWORK and len(seen) > self.most:
            self.counters["ids_forgotten"] += seen[-self.most - 1][1] >= moved - self.late_ms
        if len(seen) % 16 == 1:
            self.first[key] = self.live(key)[0] // 16 * 16
        if newest - time > self.late_ms:
            return LATE
        for name in ("late", f"late.{rank}"):
            self.counters[name] += newest > time
        return PROCESSED


def hashed(number: int) -> int:
    """A number spread over 64 bits, as hashes are."""
    return (number * 0x9E3779B97F4A7C15 + 2**63) % 2**64 - 2**63


LIMIT = 2 * HOUR
STEPS = st.sampled_from([0, 1, 999, 1000, 60_000, HOUR // 3, HOUR, LIMIT, LIMIT + 1])
LATE_BY = st.sampled_from([0, 0, 0, 0, 1, 1001, HOUR, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 1000, 3 * DAY])
AHEAD_BY = st.sampled_from([0] * 12 + [DAY, JUMP, JUMP + 1, 40 * DAY, 400 * DAY, 18_000 * DAY])
RECORDS = st.lists(
    st.tuples(st.sampled_from("AAAB"), st.sampled_from([BILLING, USAGE, USAGE, USAGE, NETWORK]), STEPS, LATE_BY, AHEAD_BY, st.integers(0, 40), st.integers(0, 1)), max_size=120
)
"""Customer, topic, step of the clock, how far behind or ahead of it, id, content."""
LIMITS = st.sampled_from([(1, 1), (1, 3), (2, 6), (3, 20), (4, 40), (16, 4096)])


def timeline(drawn: list[tuple[str, int, int, int, int, int, int]]) -> list[tuple[str, int, int, int, int]]:
    """Records of drawn steps."""
    now, records = START, []
    for customer, rank, step, late, ahead, number, content in drawn:
        now += step
        records.append((customer, rank, now - late + ahead, hashed(number), content))
    return records


def check(records: list[tuple[str, int, int, int, int]], cuts: list[tuple[int, bool]], late_ms: int, least: int, most: int) -> None:
    """Both readings of `records`, cut into batches of so many, with a restart behind some of them."""
    plain, shard = Plain(late_ms, least, most), Shard(late_ms, least, most)
    at = turn = 0
    while at < len(records):
        size, restart = cuts[turn % len(cuts)]
        turn += 1
        batch = records[at : at + size]
        assert shard.take(batch) == [plain.take(one) for one in batch]
        assert +shard.counters == +plain.counters
        at += size
        if restart:
            shard = shard.restarted()
        elif turn % 3 == 0:
            shard.commit()
    shard.commit()
    assert {key: value[4:] for key, value in shard.blocks().items()} == plain.stored()
    assert shard.restarted().blocks() == shard.blocks(), "a restart changes nothing"


@settings(EXAMPLES, max_examples=150)
@given(RECORDS, st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=6), LIMITS)
def test_it_is_the_plain_reading_whatever_the_cuts_and_restarts(way, drawn, cuts, limits):
    check(timeline(drawn), cuts, LIMIT, *limits)


@settings(EXAMPLES, max_examples=100)
@given(RECORDS, st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=6), LIMITS)
def test_what_is_stored_depends_on_neither_cuts_nor_restarts(drawn, cuts, limits):
    records = timeline(drawn)
    whole, cut = Shard(LIMIT, *limits), Shard(LIMIT, *limits)
    whole.take(records)
    whole.commit()
    at = turn = 0
    while at < len(records):
        size, restart = cuts[turn % len(cuts)]
        cut.take(records[at : at + size])
        cut.commit()
        cut = cut.restarted() if restart else cut
        at, turn = at + size, turn + 1
    assert cut.blocks() == whole.blocks()


@pytest.mark.parametrize("limit", [LIMIT, 2000])
@pytest.mark.parametrize(("least", "most", "customers"), [(1, 3, 2), (2, 40, 2), (3, 40, 1), (5, 40, 30), (17, 40, 3), (16, 200, 4), (16, 4096, 60)])
def test_long_timelines(way, least, most, customers, limit):
    """Rings wrap and grow, blocks are dropped, and the arena is packed. With a limit of two seconds milliseconds matter."""
    random = np.random.default_rng(most * customers)
    n = 8000 if way == "compiled" else 3000
    late = random.choice([0, 0, 0, limit // 100, limit // 2, limit + 1], n)
    ahead = random.choice([0, 12 * limit, 24 * limit], n, p=[0.998, 0.001, 0.001])
    times = START + np.cumsum(random.integers(0, 4 * limit // (most * min(customers, 8)) + 2, n)) - late + ahead
    numbers = np.where(random.random(n) < 0.3, np.maximum(np.arange(n) - random.geometric(0.05, n), 0), np.arange(n))
    columns = (random.zipf(1.5, n) % customers, times, numbers, random.integers(0, 9, n))
    records = [(f"C{customer}", USAGE, time, hashed(number), content) for customer, time, number, content in zip(*(column.tolist() for column in columns), strict=True)]
    check(records, [(700, False), (1, False), (333, True)], limit, least, most)


def usage(number: int, time: int, content: int = 0) -> tuple[str, int, int, int, int]:
    return ("C", USAGE, time, hashed(number), content)


def test_a_file_delivered_twice_within_the_late_limit_changes_nothing():
    shard = Shard(48 * HOUR, 16, 4096)
    file = [usage(number, START + number * 15 * 60_000) for number in range(150)]
    assert shard.take(file) == [PROCESSED] * 150
    assert shard.restarted().take(file) == [DUPLICATE] * 150


def test_an_id_is_remembered_to_the_millisecond(way):
    first, others = usage(0, START + 500), [usage(number, START + 1000) for number in range(1, 17)]
    for ahead, fate in ((48 * HOUR, DUPLICATE), (48 * HOUR + 1, PROCESSED)):
        shard = Shard(48 * HOUR, 16, 4096)
        shard.take([first, *others, usage(99, first[2] + ahead)])
        again = usage(0, first[2] + ahead, 7)
        assert shard.restarted().take([again]) == [fate]


def test_of_a_busy_customer_the_newest_4096_are_remembered():
    shard = Shard(48 * HOUR, 16, 4096)
    shard.take([usage(number, START + number) for number in range(5000)])
    assert shard.counters["ids_forgotten"] == 5000 - 4096
    shard = shard.restarted()
    assert shard.take([usage(5000 - 4096, START), usage(5000 - 4097, START), usage(5000 - 4096, START)]) == [DUPLICATE, PROCESSED, PROCESSED], "the second lets the first go"


def test_of_the_network_sixteen_are_remembered(way):
    shard = Shard(48 * HOUR, 16, 4096)
    records = [("C", NETWORK, START, hashed(number), 0) for number in range(40)]
    shard.take(records)
    assert shard.counters["ids_forgotten"] == 0
    assert shard.restarted().take(records[24:]) == [DUPLICATE] * 16
    assert shard.take(records[:1]) == [PROCESSED]


def test_times_far_beyond_are_no_fault(way):
    far = 253_339_228_800_000
    shard = Shard(48 * HOUR, 2, 4096)
    records = [usage(number, far + number * HOUR) for number in range(10)]
    assert shard.take(records) == [PROCESSED] * 10
    assert shard.restarted().take(records) == [DUPLICATE] * 10


def test_blocks_are_dropped_where_a_new_one_begins_and_none_of_their_ids_is_remembered():
    shard = Shard(48 * HOUR, 16, 4096)
    for hour in range(20 * 24):
        shard.take([usage(hour, START + hour * HOUR)])
        shard.commit()
        begin = hour // 16 * 16
        assert {int(split_key(key)[1].split("\x1f")[1]) for key in shard.blocks()} == set(range(max(0, begin - 48) // 16, hour // 16 + 1))


@pytest.mark.parametrize(("ahead", "kept"), [(48 * HOUR, 3), (48 * HOUR + 1, 2)])
def test_a_block_is_stored_to_the_millisecond(ahead, kept):
    shard = Shard(48 * HOUR, 16, 4096)
    shard.take([usage(number, START + 500) for number in range(32)] + [usage(32, START + 500 + ahead)])
    shard.commit()
    assert len(shard.blocks()) == kept


def test_a_new_id_rewrites_its_block_alone():
    shard = Shard(48 * HOUR, 16, 4096)
    for number in (100, 3):
        shard.take([usage(new, START) for new in range(1000 * number, 1000 * number + number)])
        changed = shard.admission.ids[USAGE].take_changes()
    assert changed.numbers.tolist() == [100 // 16]


def test_an_id_dated_ahead_holds_back_at_most_4096_others():
    shard = Shard(HOUR, 16, 4096)
    shard.take([usage(0, START + 30 * DAY), *[usage(number, START) for number in range(1, 4096)]])
    shard.commit()
    assert (len(shard.blocks()), shard.counters["ids_forgotten"]) == (256, 0)
    shard = shard.restarted()
    shard.take([usage(4096, START)])
    shard.commit()
    assert (len(shard.blocks()), shard.counters["ids_forgotten"]) == (2, 1)


def test_a_replay_stores_nothing_and_goes_on():
    shard = Shard(48 * HOUR, 16, 4096)
    for number in range(50):
        shard.take([usage(number, START + number)])
        shard.state.settle()
    assert not shard.admission.ids[USAGE].take_changes().values.listed()
    assert shard.take([usage(0, START)]) == [DUPLICATE]


def test_missing_blocks_are_refused():
    shard = Shard(48 * HOUR, 16, 4096)
    shard.take([usage(number, START + number) for number in range(80)])
    shard.commit()
    del shard.changelog[sorted(shard.blocks())[2]]
    with pytest.raises(StateRefused, match=r"customer\.ids\.usage: ids of some customers are missing"):
        Shard(48 * HOUR, 16, 4096, shard.changelog)
