"""Records that wait leave in the order of event time, the same for any cuts and restarts; what is done above the next offset is never read twice."""

from __future__ import annotations

import json

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.raw import TOPICS
from streams.engine.state.store import Head, Passed
from streams.intake.decode import decode_chunk
from streams.intake.merge import ALWAYS, UNREAD, Merger
from streams.intake.progress import Progress, packed, unpacked, upto
from tests.streams.records import good

KIND = {"raw.billing": "balance_change", "raw.usage": "vas_usage", "raw.service": "page_view", "raw.network": "network_quality"}
BASE = 1_777_599_072_000
DAY = 86_400_000
BILLING, USAGE = TOPICS[0], TOPICS[1]


class Source:
    """A partition of a topic: records of three customers with times from `BASE` on, some that are refused, some of more bytes."""

    def __init__(self, topic, times, seqs=None, bad=(), wide=()):
        self.topic, self.times, self.seqs, self.bad, self.wide = topic, times, seqs or [0] * len(times), set(bad), set(wide)

    def value(self, offset):
        if offset in self.bad:
            return b"{"
        record = good(
            KIND[self.topic],
            event_time=BASE + self.times[offset],
            record_id=f"{self.topic}-{offset}",
            customer_id=f"C{offset % 3}",
            seq=self.seqs[offset],
            pad="x" * 3000 * (offset in self.wide),
        )
        return json.dumps(record).encode()

    def size(self, offset):
        return len(self.value(offset)) + 2

    def give(self, merger, begin, end):
        """Feed the records at these offsets, as a shard does."""
        rank, own = TOPICS.index(self.topic), range(begin, end)
        offsets, keys, values = merger.fresh(rank, own, [f"C{offset % 3}".encode() for offset in own], [self.value(offset) for offset in own])
        run = decode_chunk(self.topic, 0, offsets, keys, values, next_offset=end, latest_ms=None, max_bytes=10_000)
        merger.add(run)


def model(source, wait, limit=10**9, jump=31 * DAY):
    """The order of offsets, one record at a time; at the end everything leaves."""
    newest = frontier = suspect = None
    held, order = [], []

    def go(leaving):
        for record in sorted(leaving):
            held.remove(record)
            order.append(record[2])

    for offset, time in enumerate(source.times):
        if offset in source.bad:
            continue
        record, key = (time, source.seqs[offset], offset), offset % 3
        held.append(record)
        refuted = None
        if newest is not None and time <= newest + jump:
            refuted, suspect = suspect, None
            newest = max(newest, time)
        elif suspect is None:
            suspect = record
        elif newest is not None and suspect[2] % 3 == key:
            refuted, suspect = suspect, record
        else:
            first, last = sorted([suspect, record])
            newest = first[0]
            if last[0] <= newest + jump:
                newest, suspect = last[0], None
            else:
                refuted, suspect = (None, record) if last is record else (suspect, None)
        if newest is not None:
            frontier = newest - wait if frontier is None else max(frontier, newest - wait)
            go([one for one in held if one[0] <= frontier and one not in (suspect, refuted)])
        if refuted is not None:
            go([refuted])
        waiting = sorted(one for one in held if one != suspect)
        if sum(source.size(one[2]) for one in held) > limit and waiting:
            while True:
                frontier = waiting[0][0]
                go([one for one in held if one[0] <= frontier and one != suspect])
                waiting = [one for one in waiting if one in held]
                if not waiting or sum(source.size(one[2]) for one in held) <= limit * 7 / 8:
                    break
    go(list(held))
    return order


class Life:
    """A merge that is fed, cut and restarted; all that it did."""

    def __init__(self, sources, waits, limit=10**9):
        self.sources, self.waits, self.limit = sources, waits, limit
        self.offsets, self.passed = dict.fromkeys(TOPICS, 0), {}
        self.order, self.letters, self.early = [], [], 0
        self.begin()

    def begin(self):
        self.merger = Merger(1000, waits=self.waits, wait_bytes=self.limit)
        self.merger.looked = [UNREAD if any(source.topic == topic for source in self.sources) else ALWAYS for topic in TOPICS]
        head = Head(offsets=self.offsets).moved(self.offsets, self.passed)
        stored = msgspec.json.decode(msgspec.json.encode(head), type=Head).passed or {}
        self.passed = {topic: one for topic, one in self.merger.resume(self.offsets, stored).items() if one is not None}
        self.fed = dict(self.offsets)

    def feed(self, source, count):
        end = min(len(source.times), self.fed[source.topic] + count)
        if end > self.fed[source.topic]:
            source.give(self.merger, self.fed[source.topic], end)
        self.fed[source.topic] = end

    def finish(self):
        for source in self.sources:
            self.feed(source, len(source.times))
            rank = TOPICS.index(source.topic)
            self.merger.looked[rank] = ALWAYS
            self.merger.rest(rank)

    def step(self, most, cut=None):
        released = self.merger.release(most)
        if released is None:
            return False
        for part in released.split(cut) if cut and released.n > cut else (released,):
            self.order += [part.raw(i)[0:3:2] for i in range(part.n)]
            assert [int(part.time[i]) for i in range(part.n)] == [json.loads(part.raw(i)[4])["event_time"] for i in range(part.n)]
            self.letters += [(reject.topic, reject.offset) for reject in part.rejects]
            for topic, offset in part.next_offsets.items():
                assert offset >= self.offsets[topic], "an offset never goes back"
            self.offsets |= part.next_offsets
            self.passed |= part.passed
        for source in self.sources:
            self.check(source)
        return True

    def check(self, source):
        """The next offset and the ranges above it are exactly what was released or refused."""
        topic = source.topic
        done = {offset for own, offset in (*self.order, *self.letters) if own == topic}
        assert set(range(self.offsets[topic])) <= done
        assert self.offsets[topic] not in done
        borders = unpacked(self.passed[topic].done).tolist() if self.passed.get(topic) else []
        assert borders == sorted(set(borders))
        assert {offset for begin, end in zip(borders[::2], borders[1::2], strict=True) for offset in range(begin, end)} == done - set(range(self.offsets[topic]))

    def drain(self, most=1000):
        while self.step(most):
            pass


TIMES = st.lists(st.integers(0, 40), max_size=25)
CUTS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 6), st.integers(0, 3), st.booleans()), max_size=12)
"""Feed so many, release at most so many, splitting after so many, and restart."""


def lived(source, wait, cuts, limit=10**9):
    life = Life([source], {source.topic: wait}, limit)
    for count, most, cut, restart in cuts:
        life.feed(source, count)
        if most:
            life.step(most, cut)
        if restart:
            life.begin()
    life.finish()
    life.drain()
    return life


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), max_size=30), st.integers(10, 15), CUTS)
def test_any_order_of_arrival_within_the_wait_leaves_in_the_order_of_time(sent, wait, cuts):
    """Each record arrives at most ten after its time."""
    arriving = sorted(sent, key=lambda record: record[0] + record[1])
    source = Source(BILLING, [time for time, _ in arriving])
    life = lived(source, wait, cuts)
    assert life.order == sorted(((BILLING, offset) for offset in range(len(arriving))), key=lambda place: (source.times[place[1]], place[1]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TIMES, st.lists(st.integers(0, 2), min_size=25, max_size=25), st.sets(st.integers(0, 24), max_size=5), st.integers(1, 20), CUTS)
def test_any_cuts_and_restarts_equal_one_run(times, seqs, bad, wait, cuts):
    """Stragglers beyond the wait too, and each refused record goes to the dead letters once."""
    source = Source(BILLING, times, seqs[: len(times)], bad & set(range(len(times))))
    life = lived(source, wait, cuts)
    assert [offset for _, offset in life.order] == model(source, wait)
    assert sorted(life.letters) == [(BILLING, offset) for offset in sorted(source.bad)]
    assert life.offsets[BILLING] == len(times)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 0, 0, 0, 100, 200])), max_size=25), st.integers(1, 20), CUTS)
def test_a_wrong_date_lets_nothing_go_and_a_real_gap_costs_one_record(times, wait, cuts):
    source = Source(BILLING, [time + days * DAY for time, days in times])
    life = lived(source, wait, cuts)
    assert [offset for _, offset in life.order] == model(source, wait)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TIMES, st.sets(st.integers(0, 24)), st.integers(1, 30), st.integers(1, 12), CUTS)
def test_beyond_the_bound_the_earliest_leave_for_any_cuts_and_restarts(times, wide, wait, records, cuts):
    source, limit = Source(BILLING, times, wide=wide), records * 800
    life = lived(source, wait, cuts, limit)
    assert [offset for _, offset in life.order] == model(source, wait, limit)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.tuples(TIMES, TIMES, TIMES), st.tuples(st.integers(0, 20), st.integers(1, 20), st.integers(0, 20)), CUTS)
def test_topics_that_wait_and_others_stand_in_one_order_for_any_cuts_and_restarts(times, waits, cuts):
    sources = [Source(topic, own) for topic, own in zip(TOPICS, times, strict=False)]
    whole = Life(sources, dict(zip(TOPICS, waits, strict=False)))
    whole.finish()
    whole.drain()
    life = Life(sources, dict(zip(TOPICS, waits, strict=False)))
    for number, (count, most, cut, restart) in enumerate(cuts):
        life.feed(sources[number % 3 if count % 2 else count % 3], count)
        if most:
            life.step(most, cut)
        if restart:
            life.begin()
    life.finish()
    life.drain()
    assert life.order == whole.order


def test_what_left_together_stays_together_over_a_restart_in_its_midst():
    """The fourth record lets three go. After a restart those that are left must be read again before another topic may pass them."""
    usage, billing = Source(USAGE, [100, 130, 140, 400]), Source(BILLING, [110, 135])
    life = Life([billing, usage], {USAGE: 50})
    life.feed(usage, 4)
    life.feed(billing, 1)
    assert life.step(1)
    life.begin()
    life.feed(billing, 2)
    life.feed(usage, 1)
    life.drain()
    life.finish()
    life.drain()
    assert life.order == [(USAGE, 0), (BILLING, 0), (USAGE, 1), (BILLING, 1), (USAGE, 2), (USAGE, 3)]


def test_a_suspect_is_a_suspect_again_after_a_restart():
    """The second date ahead refutes the first, of the same customer, and is confirmed only by the next record."""
    source = Source(BILLING, [0, 1, 50 * DAY, 0, 0, 60 * DAY, 60 * DAY + 1], bad={3, 4})
    life = Life([source], {BILLING: 20})
    life.feed(source, 6)
    life.drain()
    assert [offset for _, offset in life.order] == [2]
    life.begin()
    life.feed(source, 6)
    life.drain()
    assert [offset for _, offset in life.order] == [2]
    life.feed(source, 1)
    life.drain()
    assert [offset for _, offset in life.order] == [2, 0, 1]
    life.finish()
    life.drain()
    assert [offset for _, offset in life.order] == model(source, 20)


def test_a_restart_between_what_was_due_and_what_the_bound_lets_go():
    source = Source(BILLING, [0, 10, 11, 12, 17], wide={4})
    life = Life([source], {BILLING: 15}, limit=3300)
    life.feed(source, 5)
    assert life.step(1)
    assert [offset for _, offset in life.order] == [0]
    life.begin()
    life.feed(source, 5)
    life.drain()
    assert [offset for _, offset in life.order] == model(source, 15, 3300)[: len(life.order)]
    assert len(life.order) > 2, "by the bound alone"


def test_waiting_ends_without_the_setting_once_what_was_done_ahead_is_passed():
    source = Source(BILLING, [5, 0, 9, 30, 31, 32])
    life = Life([source], {BILLING: 20})
    life.feed(source, 4)
    life.drain()
    assert [offset for _, offset in life.order] == [1, 0, 2]
    for offset in (0, 1, 2):
        assert (BILLING, offset) in life.order
    life.waits = {}
    life.begin()
    life.merger.looked = [ALWAYS] * 4
    life.feed(source, 6)
    life.drain()
    assert [offset for _, offset in life.order] == [1, 0, 2, 3, 4, 5]
    assert not life.merger.waiting
    assert Head().moved(life.offsets, life.passed) == Head(offsets=life.offsets)


def test_a_head_without_waiting_is_what_it_always_was():
    assert msgspec.json.encode(Head(offsets={BILLING: 3})) == b'{"clock":0,"ahead":null,"facts":{},"records":{},"offsets":{"raw.billing":3}}'


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 400), max_size=60), st.integers(0, 400))
def test_what_is_stored_of_ranges_is_read_back_and_can_be_cut(found, end):
    borders = np.array(sorted(found)[: len(found) // 2 * 2], np.int64)
    assert unpacked(packed(borders)).tolist() == borders.tolist()
    ranges = [range(*pair) for pair in borders.reshape(-1, 2).tolist()]
    short = unpacked(upto(Passed(500, 1, 1, packed(borders)), end).done)
    assert {offset for pair in short.reshape(-1, 2).tolist() for offset in range(*pair)} == {offset for own in ranges for offset in own if offset < end}
    progress = Progress.resumed(end, packed(borders))
    assert progress.fresh(np.arange(end, 401)).tolist() == [not any(offset in own for own in ranges) for offset in range(end, 401)]


def test_ranges_that_alternate_cost_at_most_two_bits_an_offset():
    chosen = np.flatnonzero(np.random.default_rng(1).random(100_000) < 0.5) + 10**9
    starts = chosen[np.diff(chosen, prepend=-1) > 1]
    ends = chosen[np.append(np.diff(chosen) > 1, True)] + 1
    assert len(packed(np.stack([starts, ends], axis=1).ravel())) < 25_000
