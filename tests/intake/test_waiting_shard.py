"""A shard whose topics wait: events in the order of event time, restarted from its head row; other topics wait with it."""

from __future__ import annotations

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from events.stories import charge, session, topup
from schemas.raw import TOPICS
from streams.definitions.catalogue import Catalogue
from streams.engine.state.store import HEAD_KEY, Head
from streams.intake.merge import ALWAYS
from streams.intake.progress import unpacked
from tests.shards import Bench

BILLING = "raw.billing"
RULES = Catalogue.load(only=("balance.low", "balance.recovered", "balance.depleted", "topup.first", "topup.small_frequent", "topup.missing_after_depletion"))


class Partition:
    """A topic's records on a broker, a shard that reads them, and what it committed: rows with a head row, offsets, letters."""

    def __init__(self, values, wait_ms):
        self.values, self.waits = values, {BILLING: wait_ms}
        self.rows, self.head, self.events, self.letters = {}, Head(), [], []
        self.begin()

    def begin(self):
        """A new process: all that is left is what was committed."""
        self.bench = Bench(catalogue=RULES, waits=self.waits)
        self.shard = self.bench.shard
        self.shard.restore([(key, value) for key, value in self.rows.items() if value is not None])
        self.shard.restored()
        stored = self.shard.engine.state.stored or Head()
        self.head = stored.moved(stored.offsets, self.shard.resume(stored.offsets, stored.passed or {}))
        self.next = stored.offsets.get(BILLING, 0)

    def feed(self, count):
        end = min(len(self.values), self.next + count)
        own = range(self.next, end)
        self.shard.set_caught_up(BILLING, False)
        self.shard.feed(BILLING, own, [b"C1"] * len(own), [self.values[at] for at in own], next_offset=end)
        self.next = end

    def step(self, most):
        step = self.shard.step(None, most)
        if step is None:
            return False
        rows = dict(step.rows)
        head = msgspec.json.decode(rows.pop(HEAD_KEY), type=Head) if HEAD_KEY in rows else self.head
        self.head = head.moved(self.head.offsets | step.offsets, {**(self.head.passed or {}), **step.passed})
        self.rows |= rows | {HEAD_KEY: msgspec.json.encode(self.head)}
        self.events += [message.value for message in step.events]
        self.letters += [int(dict(message.headers)["offset"]) for message in step.dead_letters]
        assert sum(number for fates in self.head.records.values() for number in fates.values()) == self.done()
        return True

    def done(self):
        """How many records the head row says are done."""
        passed = (self.head.passed or {}).get(BILLING)
        borders = unpacked(passed.done) if passed is not None else ()
        return self.head.offsets.get(BILLING, 0) + sum(int(end - begin) for begin, end in zip(borders[::2], borders[1::2], strict=True))

    def finish(self):
        self.feed(len(self.values))
        self.shard.looked(BILLING, ALWAYS)
        while self.step(1000):
            pass


def at(ms):
    return f"10:{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def test_stragglers_are_sorted_in_and_without_the_setting_they_are_late():
    """H1(b): the charge that emptied the balance arrives behind the top-up that filled it."""
    records = [topup(0, 5000, "10:00:03"), charge(800, 0, "10:00:00")]
    ids = lambda found: [(one.event, one.detail) for one in found]
    waited = Bench(waits={BILLING: 5000}).feed(records)
    assert ids(waited) == ids(Bench().feed(sorted(records, key=lambda record: record["event_time"])))
    assert "balance.depleted" in [one.event for one in waited]
    assert "balance.depleted" not in [one.event for one in Bench().feed(records)]


STEPS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5), st.booleans()), max_size=10)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(100, 3000), st.booleans(), st.integers(0, 10_000), st.booleans()), min_size=1, max_size=16), STEPS)
def test_events_state_and_letters_are_those_of_the_sorted_records_for_any_cuts_and_restarts(moves, steps):
    """A balance goes up and down every two seconds, records arrive up to ten seconds late, some are refused."""
    sent, balance = [], 1500
    for number, (amount, up, delay, bad) in enumerate(moves):
        after = balance + amount if up else max(0, balance - amount)
        made = topup(balance, after, at(2000 * number)) if after > balance else charge(balance, after, at(2000 * number))
        made["record_id"] = str(number)
        sent.append((2000 * number, 2000 * number + delay, b"{" if bad and number % 3 == 0 else orjson.dumps(made)))
        balance = after
    whole = Partition([value for *_, value in sent], 0)
    whole.finish()
    arriving = [value for _, _, value in sorted(sent, key=lambda one: one[1])]
    part = Partition(arriving, 10_000)
    for count, most, restart in steps:
        part.feed(count)
        if most:
            part.step(most)
        if restart:
            part.begin()
    part.finish()
    assert part.events == whole.events
    assert sorted(part.letters) == [at for at, value in enumerate(arriving) if value == b"{"]
    strip = lambda own: {key: value for key, value in own.rows.items() if key != HEAD_KEY and value is not None}
    assert strip(part) == strip(whole)
    assert part.head.offsets == whole.head.offsets
    assert part.head.records == whole.head.records
    assert whole.head.passed is msgspec.UNSET


def test_a_record_that_waits_holds_the_other_topics_back_up_to_its_frontier():
    bench = Bench(waits={"raw.usage": 10_000})
    for topic in TOPICS:
        bench.shard.set_caught_up(topic, True)
    give = lambda topic, offset, record: bench.shard.feed(topic, [offset], [b"C1"], [orjson.dumps(record)], next_offset=offset + 1)
    give("raw.usage", 0, session("10:00:20"))
    give("raw.usage", 1, session("10:00:21"))
    give(BILLING, 0, charge(9000, 8000, "10:00:11.500"))
    assert bench.shard.step(None, 100) is None, "an older usage record may still come"
    give("raw.usage", 2, session("10:00:22"))
    assert bench.shard.step(None, 100).records == 1
    assert +bench.shard.ledger == {(BILLING, "processed"): 1}
