"""P2 cross: levels fall below marks and reach steps; against a plain reading, in any cuts (`semantics.md` §1.4, H3)."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.raw import BalanceChange
from streams.definitions.words import Records
from streams.engine.features import level as levels
from streams.engine.features.level import CrossingStage
from tests.engine.stage_bench import DAY, HOUR, Bench, clocks, cut, ids, interpreted, within_the_limit
from tests.streams.records import good

B = Records(BalanceChange)
START = 1_777_600_000_000
MONTH = 31 * DAY
STEPS = (0, 0, 1, 60_000, HOUR, 30 * HOUR, 6 * DAY, 33 * DAY, -33 * DAY)
"""Back by a month: what came before was misdated, and perhaps believed."""
BACK = (0, 0, 0, 0, 1, 90_000, 5 * HOUR, 48 * HOUR, -32 * DAY, -400 * DAY)
KEYS = {"plain": (), "split": (B.bucket_id, B.currency)}


def balances(name, by):
    stream = B.all.same(*KEYS[name])
    return stream.level(before=B.balance_after - B.delta, after=B.balance_after), by


def building(name, by):
    """Three levels on one stream: with release, with steps, plain."""

    def build(home, records):
        level, _ = balances(name, by)
        streams = [level.falls_below(1000, rearm=2000), level.reaches(3000, 5000, 10000), level.falls_to(0)]
        return [CrossingStage(home, by, one.source, records("balance_change", by), f"level{n}") for n, one in enumerate(streams)]

    return build


def found_by(bench, batches, restarts=()):
    """By level: (record, whether it is an event, step) of each crossing."""
    found = [[], [], []]
    for number, batch in enumerate(batches):
        if number in restarts:
            bench.restart()
        bench.feed(batch)
        for n, stage in enumerate(bench.stages[-3:]):
            flow = stage.flow
            steps = flow.reading(stage.source.step).values.tolist() if n == 1 and flow.n else [None] * flow.n
            found[n] += zip(ids(flow), flow.mask(("fired", stage.source.key())).tolist(), steps, strict=True)
    return found


def plainly(records, name, by):
    """The same by the words of the rules: a record after the other."""
    found = [[], [], []]
    newest, unarmed, emptied = {}, {}, set()
    for record, (_, believed) in zip(records, clocks(records), strict=True):
        owner = record[{"line": "subscription_id", "customer": "customer_id"}[by]]
        key = (owner, record["bucket_id"], record["currency"]) if name == "split" else (owner,)
        after, time = record["balance_after"], record["event_time"]
        before = after - record["delta"]
        if None not in key:
            last = newest.get(key)
            late = last is not None and time < last and last - time <= MONTH
            if not late and believed:
                newest[key] = time
            enters, releases = before >= 1000 > after, after >= 2000
            armed = key not in unarmed
            if enters:
                found[0].append((record["record_id"], armed and not late, None))
            if not late and armed and enters:
                unarmed[key] = time
            elif not late and not armed and releases:
                del unarmed[key]
            passed = [step for step in (3000, 5000, 10000) if before < step <= after]
            if passed:
                found[1].append((record["record_id"], not late, max(passed)))
            if before > 0 >= after:
                found[2].append((record["record_id"], not late and key not in emptied, None))
            if not late:
                (emptied.add if before > 0 >= after else emptied.discard if after > 0 else bool)(key)
        if record.get("reset") == "all" and by == "line":
            for kept in (newest, unarmed):
                for one in [one for one in kept if one[0] == owner]:
                    del kept[one]
            emptied -= {one for one in emptied if one[0] == owner}
    return found


@st.composite
def timelines(draw):
    at, records = START, []
    for number in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from(STEPS))
        back = draw(st.sampled_from(BACK))
        after = draw(st.sampled_from((-10, 0, 1, 950, 999, 1000, 1500, 1999, 2000, 3000, 5200, 10000)))
        before = draw(st.sampled_from((0, 1, 900, 999, 1000, 1200, 2000, 2999, 3000, 9999)))
        customer, line = draw(st.sampled_from((("C1", "S1"), ("C1", "S1"), ("C1", "S2"), ("C2", "S3"))))
        record = good("balance_change", record_id=f"r{number}", event_time=at - back, customer_id=customer, subscription_id=line,
                      bucket_id=draw(st.sampled_from(("b", "b", "c"))), currency=draw(st.sampled_from(("CNY", "CNY", "USD", None))), balance_after=after, delta=after - before)  # fmt: skip
        if draw(st.integers(0, 12)) == 0:
            record["reset"] = draw(st.sampled_from(("all", "timers")))
        records.append(record)
    return within_the_limit(records)


@pytest.mark.parametrize("way", ["compiled", "interpreted"])
@pytest.mark.parametrize(("name", "by"), [("plain", "line"), ("split", "line"), ("split", "customer")])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=timelines(), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4), restarts=st.sets(st.integers(1, 8), max_size=2))
def test_levels_are_as_the_plain_reading_has_them(way, name, by, records, sizes, restarts):
    """Late records and equal times, any cuts into batches, restarts between them, line ends within them."""
    with interpreted(levels) if way == "interpreted" else nullcontext():
        assert found_by(Bench(building(name, by)), cut(records, sizes), restarts) == plainly(records, name, by)


def changes(*pairs):
    return [
        good("balance_change", record_id=f"{before}>{after}", event_time=START + n * HOUR, balance_after=after, delta=after - before) for n, (before, after) in enumerate(pairs)
    ]


@pytest.mark.parametrize("size", [1, 100])
def test_h3_rearm(size):
    """H3: a level fires again only after a later record has left it at the release mark or more, which counts itself."""
    records = changes((1200, 900), (900, 1500), (1500, 950), (950, 2000), (2000, 1000), (1000, 999))
    low, *_ = found_by(Bench(building("plain", "line")), cut(records, [size]))
    assert [(which, fired) for which, fired, _ in low] == [("1200>900", True), ("1500>950", False), ("1000>999", True)]


def test_h3_steps():
    """H3: of several steps that one record jumps over only the highest counts."""
    _, steps, _ = found_by(Bench(building("plain", "line")), [changes((0, 5200), (5200, 10100))])
    assert [(which, step) for which, _, step in steps] == [("0>5200", 5000), ("5200>10100", 10000)]


def test_h1b_a_late_charge_is_no_event_but_a_crossing():
    """H1b: the top-up of 10:00:03 is known when the charge of 10:00:00 comes: no `balance.depleted`, but an A of `topup.rescued`."""
    topup, charge = changes((800, 5800), (800, 0))
    topup["event_time"], charge["event_time"] = START + 3000, START
    *_, empty = found_by(Bench(building("plain", "line")), [[topup, charge]])
    assert empty == [("800>0", False, None)]


def test_a_release_by_a_late_record_changes_nothing():
    records = changes((1200, 900), (900, 2500), (1200, 900))
    records[1]["event_time"] = START - 1
    low, *_ = found_by(Bench(building("plain", "line")), [records])
    assert [fired for _, fired, _ in low] == [True, False]


def test_a_level_in_another_currency_neither_crosses_nor_releases():
    records = changes((1200, 900), (0, 5000), (1200, 900))
    records[1]["currency"] = "USD"
    low, *_ = found_by(Bench(building("split", "line")), [records])
    assert [fired for _, fired, _ in low] == [True, False]


def test_what_is_dropped_at_a_line_end_stays_dropped_after_a_restart():
    """The end comes with a record of another type."""
    (first, second), end = changes((1200, 900), (1200, 900)), good("state_change", event_time=START + 1, reset="all")
    low, *_ = found_by(Bench(building("split", "line")), [[first], [end], [second]], {2})
    assert [fired for _, fired, _ in low] == [True, True]


def test_a_misdated_record_makes_nothing_late_and_a_believed_one_not_for_long():
    """One record a month ahead is not believed; where the clock followed two of them, the next record on time is again the newest."""
    far = START + 32 * DAY
    records = changes((0, 3000), (0, 3000), (0, 3000), (0, 3000))
    times = (START, START + 1, far, START + 2 * DAY)
    _, steps, _ = found_by(Bench(building("plain", "line")), [[record | {"event_time": time} for record, time in zip(records, times, strict=True)]])
    assert [fired for _, fired, _ in steps] == [True, True, True, True]
    other = good("balance_change", event_time=far, customer_id="C2", subscription_id="S2", balance_after=5, delta=-1)
    believed = [records[0] | {"event_time": START}, other, records[1] | {"event_time": far}, records[2] | {"event_time": START + 1}, records[3] | {"event_time": START}]
    _, steps, _ = found_by(Bench(building("plain", "line")), [believed])
    assert [fired for _, fired, _ in steps] == [True, True, True, False]
