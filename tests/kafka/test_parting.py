"""Laws of `kairos repartition`: a shard's customers go on as if nothing had happened, and of what is stored nothing is lost, doubled or left behind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from schemas.raw import TOPICS
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from streams.engine.clock import Ahead
from streams.engine.state.codec import StateRefused, split_key
from streams.engine.state.store import ABOUT, FORMAT, HEAD_KEY, TEXT, Head, Passed, Underway, Unfinished
from streams.kafka.erase import Contents, codes_in
from streams.kafka.parting import about_of, customers, head_of, leaving, moves, refuse_heads, strangers
from tests.engine.laboratory import BY_MODULE, LABORATORY, laboratory_timelines
from tests.engine.test_backfill import city, epoch_of
from tests.engine.test_laws import NEVER, end_of, facts
from tests.engine.timelines import merged, timelines
from tests.kafka.parts import bench_of, home, new_by, parted, stored, stored_after, timeline
from tests.shards import CATALOGUE, TOPIC_OF, Bench
from tests.streams.records import good

EXAMPLES = settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
DAY = 86_400_000
NOON = 1_777_608_000_000


def seen(found: list[Any]) -> Counter[Any]:
    return Counter((facts(one), event_id(one)) for one in found)


class Run:
    """The shards of an application, fed record by record."""

    def __init__(self, partitions: int, benches: list[Bench]) -> None:
        self.partitions, self.benches, self.found = partitions, benches, []

    @classmethod
    def begun(cls, partitions: int, catalogue: Catalogue) -> Run:
        return cls(partitions, [bench_of(new_by(catalogue), partitions) for _ in range(partitions)])

    def of(self, record: dict[str, Any]) -> Bench:
        return self.benches[home(record, self.partitions)]

    def feed(self, record: dict[str, Any]) -> None:
        self.found += self.of(record).feed([record])

    def tick(self, clock: int) -> None:
        """Time passes in all shards, as it does by the wall clock."""
        for bench in self.benches:
            self.found += bench.advance(clock)

    def end(self, clock: int) -> Counter[Any]:
        self.tick(clock)
        return seen(self.found)

    def repartitioned(self, to: int, catalogue: Catalogue, **how: Any) -> Run:
        stores = parted({shard: stored(bench) for shard, bench in enumerate(self.benches)}, self.partitions, to, **how)
        run = Run(to, [bench_of(new_by(catalogue), to, stores[shard]) for shard in range(to)])
        run.found = list(self.found)
        return run


def in_step(records: list[dict[str, Any]], catalogue: Catalogue, was: int, to: int, cut: int, **how: Any) -> None:
    """Repartitioned between any two records, with the clocks of the old shards: the same events and ids, and the same rows at the end."""
    records = merged(records)
    kept = Run.begun(was, catalogue)
    for record in records[:cut]:
        kept.feed(record)
    moved = kept.repartitioned(to, catalogue, **how)
    before = list(kept.found)
    for record in records[cut:]:
        old, new = kept.of(record).shard.engine.state.clock, moved.of(record).shard.engine.state.clock
        if old.now > new.now:
            moved.found += moved.of(record).advance(old.now)
        new.now, new.ahead = old.now, old.ahead
        kept.feed(record)
        moved.feed(record)
    end = end_of(records)
    assert moved.end(end) == kept.end(end), "events and ids"
    assert max(Counter(identity for _, identity in seen(moved.found).elements()).values(), default=1) == 1, "no timer fires twice"
    assert len(before) <= len(kept.found)
    assert everything(moved.benches) == everything(kept.benches), "every row is somewhere, once"


def everything(benches: list[Bench]) -> Counter[Any]:
    """All rows of all shards, heads and what each shard has of its own left out."""
    return Counter((key, value) for bench in benches for key, value in stored(bench).items() if split_key(key)[0] not in ABOUT)


@pytest.mark.parametrize("module", BY_MODULE)
@EXAMPLES
@given(laboratory_timelines(), st.data())
def test_repartitioned_between_any_two_records_the_laboratory_goes_on(module, records, data):
    in_step(records, BY_MODULE[module], *data.draw(st.sampled_from(((1, 3), (1, 5), (2, 6)))), data.draw(st.integers(0, len(records))))


@settings(EXAMPLES, max_examples=2)
@given(timelines(), st.data())
def test_repartitioned_between_any_two_records_the_catalogue_goes_on(records, data):
    in_step(
        records, CATALOGUE, *data.draw(st.sampled_from(((1, 3), (1, 5), (2, 6)))), data.draw(st.integers(0, len(records))), killed_after=data.draw(st.sampled_from((None, 0, 1, 2)))
    )


def in_time(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each record once, in the order of event time."""
    first: dict[str, dict[str, Any]] = {}
    for record in records:
        first.setdefault(record["record_id"], record)
    return sorted(first.values(), key=lambda record: (record["event_time"], TOPICS.index(TOPIC_OF[record["record_type"]])))


def meeting(records: list[dict[str, Any]], catalogue: Catalogue, was: int, to: int, at: int, behind: list[int]) -> None:
    """Each old shard has come so far behind a moment; then customers of several meet. In the order of time all goes on as if they had stayed."""
    records = in_time(records)
    moment = records[min(at, len(records) - 1)]["event_time"]
    upto = [moment - far for far in behind]
    kept = Run.begun(was, catalogue)
    for record in records:
        if record["event_time"] <= upto[home(record, was)]:
            kept.feed(record)
    for bench, clock in zip(kept.benches, upto, strict=True):
        kept.found += bench.advance(clock)
    moved = kept.repartitioned(to, catalogue)
    for record in records:
        if record["event_time"] > upto[home(record, was)]:
            for run in (kept, moved):
                run.tick(record["event_time"])
                run.feed(record)
    end = end_of(records)
    assert moved.end(end) == kept.end(end)


WITH_TIMERS = ("timers", "deadlines", "pairs", "visits", "sets", "periods", "anniversaries", "travels")
BEHIND = (0, 1, 5_000, 3_600_000, 12 * 3_600_000, DAY, 7 * DAY, 30 * DAY)


@pytest.mark.parametrize("module", WITH_TIMERS)
@EXAMPLES
@given(laboratory_timelines(), st.integers(0, 24), st.lists(st.sampled_from(BEHIND), min_size=3, max_size=3))
def test_shards_that_meet_fire_no_timer_early_twice_or_never(module, records, at, behind):
    meeting(records, BY_MODULE[module], 3, 4, at, behind)


def events_between(was: int, to: int) -> None:
    records, reference = city()
    records = records[: len(records) // 10]
    cut = len(records) // 2

    def new() -> Bench:
        return Bench(reference=reference, sweep_every_ms=NEVER)

    kept, moved = ([bench_of(new, was) for _ in range(was)] for _ in range(2))
    found: dict[str, Counter[Any]] = {}
    for name, benches, partitions in (("before", moved, was), ("kept", kept, was)):
        found[name] = Counter()
        for shard, bench in enumerate(benches):
            own = [record for record in records if home(record, partitions) == shard]
            upto = cut if name == "before" else len(records)
            found[name] += seen(bench.feed([record for record in own if epoch_of(record) <= epoch_of(records[upto - 1])]))
    stores = parted({shard: stored(bench) for shard, bench in enumerate(moved)}, was, to)
    grown = [bench_of(new, to, stores[shard]) for shard in range(to)]
    for shard, bench in enumerate(grown):
        found["before"] += seen(bench.feed([record for record in records if home(record, to) == shard and epoch_of(record) > epoch_of(records[cut - 1])]))
    end = epoch_of(records[-1]) + 20 * DAY
    for bench in kept:
        found["kept"] += seen(bench.advance(end))
    for bench in grown:
        found["before"] += seen(bench.advance(end))
    assert found["before"] == found["kept"]
    assert len(found["kept"]) > 50


@pytest.mark.parametrize(("was", "to"), [(2, 4), (3, 4)])
def test_a_citys_customers_have_the_same_events_with_the_same_ids(was, to):
    events_between(was, to)


# Timers in flight


def depleted(customer: str, minute: int, **more: Any) -> dict[str, Any]:
    body = {"operation": "charge", "delta": -500, "balance_after": 0, "charge_reason": "voice", **more}
    return good(
        "balance_change",
        record_id=f"{customer}-{minute}",
        customer_id=customer,
        account_id=f"A{customer}",
        subscription_id=f"S{customer}",
        event_time=NOON + minute * 60_000,
        **body,
    )


def test_a_timer_of_the_shard_that_is_behind_waits_for_the_records_of_its_customer():
    """Shards 0 and 2 of 3 meet in 1 of 4: C2's money is still to come when C1's shard has passed the moment."""
    assert [home({"customer_id": name}, 3) for name in ("C1", "C2")] == [0, 2]
    assert {home({"customer_id": name}, 4) for name in ("C1", "C2")} == {1}
    run = Run.begun(3, CATALOGUE)
    run.feed(depleted("C2", 0))
    run.feed(depleted("C1", 60 * 47, operation="topup", delta=5000, balance_after=5000, charge_reason=None))
    for shard, hours in ((0, 47), (2, 0)):
        run.found += run.benches[shard].advance(NOON + hours * 3_600_000)
    moved = run.repartitioned(4, CATALOGUE)
    assert moved.benches[1].shard.clock == run.benches[2].shard.clock, "the earlier of the two"
    moved.feed(depleted("C2", 10, operation="topup", delta=5000, balance_after=5000, charge_reason=None))
    moved.tick(NOON + 40 * DAY)
    assert not [one for one in moved.found if one.event == "topup.missing_after_depletion"]
    late = run.repartitioned(4, CATALOGUE)
    late.tick(NOON + 40 * DAY)
    assert [one.key for one in late.found if one.event == "topup.missing_after_depletion"] == ["SC2"], "without money it fires, once"


# Heads


def head(clock: int, **more: Any) -> Head:
    return Head(clock, facts={"format": FORMAT, "partitions": 2}, **more)


def test_a_record_ahead_keeps_its_customers_name_in_their_shard_alone():
    heads = {0: head(5, ahead=Ahead("C9", 10**13)), 1: head(7)}
    assert [head_of(shard, heads, 2, 6).ahead for shard in (0, 2, 4)] == [Ahead("", 10**13), Ahead("C9", 10**13), Ahead("", 10**13)]
    assert [head_of(shard, heads, 2, 6).clock for shard in range(6)] == [5, 7] * 3


def test_the_ledger_stays_the_sum_of_what_is_done():
    heads = {shard: head(shard, records={"raw.usage": {"processed": 10 + shard, "late": 1}}) for shard in range(3)}
    for to in (4, 6, 7):
        sums = Counter[str]()
        for shard in range(to):
            for fates in head_of(shard, heads, 3, to).records.values():
                sums.update(fates)
        assert sums == {"processed": 33, "late": 3}


def test_what_was_done_above_the_next_offset_stays_where_it_was_and_a_frontier_goes_along():
    passed = {"raw.usage": Passed(9, 70, 60, b"x")}
    heads = {0: head(5, passed=passed), 1: head(7, passed={"raw.usage": Passed(3, 50, 40)})}
    assert head_of(0, heads, 2, 4).passed == passed
    assert head_of(2, heads, 2, 4).passed == {"raw.usage": Passed(0, 70, 60)}
    assert head_of(1, heads, 2, 3).passed == {"raw.usage": Passed(0, 50, 40)}, "where several meet, the least"
    assert head_of(1, {0: heads[0], 1: head(7)}, 2, 3).passed is UNSET


@pytest.mark.parametrize(
    ("heads", "to", "says"),
    [
        (
            {0: head(NOON), 1: head(NOON + 32 * DAY)},
            3,
            "customers of shards 0 and 1 would meet, whose clocks stand at .* wanted at most 31 days between them: take a multiple of 2",
        ),
        ({0: Head(5, facts={"format": FORMAT - 1})}, 4, f"wanted format {FORMAT}, it was written with {FORMAT - 1}"),
        ({0: head(5, unfinished=Unfinished(["a.b"], [], []))}, 4, "'kairos backfill' was stopped while it wrote a.b: run it again first"),
    ],
)
def test_heads_that_cannot_become_others_are_refused(heads, to, says):
    with pytest.raises(StateRefused, match=says):
        refuse_heads(heads, 2, to)


def test_clocks_far_apart_do_not_matter_where_no_two_shards_meet():
    refuse_heads({0: head(NOON), 1: head(NOON + 320 * DAY)}, 2, 4)


def test_a_new_shard_names_the_newest_version_of_the_settings_of_those_it_comes_from():
    heads = {0: head(NOON, settings_version=2), 1: head(NOON)}
    assert [head_of(target, heads, 2, 3).settings_version for target in range(3)] == [2, 2, 2]
    assert [head_of(target, heads, 2, 4).settings_version for target in range(4)] == [2, UNSET, 2, UNSET]


def test_numbers_of_valves_stay_with_the_shard_that_counted():
    rows = {**stored_after(timeline(20)), b"days\x1ebalance.low": b'{"20574":3}'}
    gone = moves(Contents(rows), 0, 5)
    assert gone.rows
    assert not [key for _, key, _ in gone.rows if key.startswith(b"days")]


def test_state_that_is_under_way_is_refused_by_every_reader():
    bench = bench_of(new_by(CATALOGUE), 2)
    bench.log.append((HEAD_KEY, msgspec.json.encode(head(5, underway=Underway("kairos repartition --to 4", 2)))))
    with pytest.raises(StateRefused, match="'kairos repartition --to 4' was stopped while it wrote it: run it again before anything else"):
        bench.restart()


# Rows


def test_what_is_of_no_known_kind_is_refused_and_not_forgotten():
    rows = stored_after(timeline(30))
    strange = {**rows, b"segment.V\x1eC1\x1f7": next(value for key, value in rows.items() if key.startswith(b"line"))}
    with pytest.raises(StateRefused, match="segment.V is nothing that this version knows"):
        moves(Contents(strange), 0, 2)
    with pytest.raises(StateRefused, match="segment.V is nothing that this version knows"):
        customers(Contents(strange), 0)
    with pytest.raises(StateRefused, match="layout 00000000 is not in the changelog"):
        moves(Contents({**rows, b"line\x1eC1\x1fS1": bytes(12)}), 0, 2)


def test_shards_that_meet_must_have_run_the_same_definitions():
    some = {0: Contents(stored_after(timeline(5))), 1: Contents(stored_after(timeline(5), CATALOGUE.shut_off(["balance.low"])))}
    with pytest.raises(StateRefused, match=r"--to 3: customers of shards 0 and 1 would meet, which ran other definitions .* or take a multiple of 2"):
        about_of(0, some, 2, 3)
    assert about_of(2, some, 2, 4)


def test_rows_of_another_partitioner_are_found():
    contents = Contents(stored_after(timeline(20)))
    assert strangers(customers(contents, 0), 0, 1, 3) == 0
    assert leaving(customers(contents, 0), 0, 3) == len(moves(contents, 0, 3).rows) > 0
    assert strangers(customers(contents, 2), 2, 4, 8) == len([key for key in contents.pairs if split_key(key)[0] not in ABOUT])


def test_no_text_is_left_that_only_customers_held_who_left():
    """A number called, an agent's name: who erases the customer in the new shard must not leave it in the old one."""
    rows = stored_after(timeline(200))
    stores = parted({0: rows}, 1, 5)
    for shard, own in stores.items():
        contents = Contents(own)
        held = {code for part, name, value in contents.entries() if part not in ABOUT for code in contents.texts(value)}
        assert {int(name) for part, name, _ in contents.entries() if part == TEXT} >= held
        in_use = bench_of(new_by(LABORATORY), 5, own).shard.engine.state
        in_use.look_at = 0
        assert not [key for key in in_use._unheld_texts() if int(split_key(key)[1]) not in {code for _, name, _ in contents.entries() for code in codes_in(name)}], shard
    assert sum(part == TEXT for part, _, _ in Contents(rows).entries()) > 3
