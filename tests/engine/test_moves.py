"""P10 change: a value moves; against a plain reading, in any cuts (`semantics.md` §1.8, Moves)."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codes import text_of
from schemas.raw import LocationUpdate, StateChange
from streams.definitions.words import Records
from streams.engine.expression import expr
from streams.engine.features import moves
from streams.engine.features.moves import MoveStage
from tests.engine.stage_bench import DAY, HOUR, Bench, clocks, cut, ids, interpreted, within_the_limit
from tests.streams.records import good

G, L = Records(LocationUpdate), Records(StateChange)
START = 1_777_600_000_000
MONTH = 31 * DAY
STEPS = (0, 0, 1, 60_000, HOUR, 30 * HOUR, 6 * DAY, 33 * DAY, -33 * DAY)
"""Back by a month: what came before was misdated, and perhaps believed."""
BACK = (0, 0, 0, 0, 1, 90_000, 5 * HOUR, 48 * HOUR, -32 * DAY, -400 * DAY)
STREAMS = {
    "remembered": L.all.moves(L.new_value, old=L.old_value),
    "assumed": L.all.same(L.reason).moves(L.new_value, initially=expr("granted")),
    "old alone": L.all.moves(L.new_value, old=L.old_value, remember=False),
    "truths": G.all.moves(G.roaming, initially=expr(value=False)),
    "unknown": G.all.moves(G.cell_id),
}
"""Streams of moves; the field of the value, the field of the old one, what is assumed, whether values are remembered, and what splits them."""
WORDS = {
    "remembered": ("new_value", "old_value", None, True, None),
    "assumed": ("new_value", None, "granted", True, "reason"),
    "old alone": ("new_value", "old_value", None, False, None),
    "truths": ("roaming", None, False, True, None),
    "unknown": ("cell_id", None, None, True, None),
}


def found_by(name, by, batches, restarts=(), gaps=None):
    """(record, value before) of each move; `gaps`: takes in how long ago the last value was seen."""
    source = STREAMS[name].source
    kind = "location_update" if name in ("truths", "unknown") else "state_change"
    bench = Bench(lambda home, records: [MoveStage(home, by, source, records(kind, by), "moves")])
    found = []
    for number, batch in enumerate(batches):
        if number in restarts:
            bench.restart()
        bench.feed(batch)
        flow = bench.stages[-1].flow
        if flow.n:
            was = flow.reading(source.was)
            assert was.known is not None
            values = was.values.tolist() if name == "truths" else [text_of(one) if one else None for one in was.values.tolist()]
            found += [(record, value if known else None) for record, value, known in zip(ids(flow), values, was.known.tolist(), strict=True)]
            gap = flow.reading(source.gap)
            assert gap.known is not None
            if gaps is not None:
                gaps += [value if known else None for value, known in zip(gap.values.tolist(), gap.known.tolist(), strict=True)]
    return found


def plainly(name, by, records, gaps):
    """The same by the words of the rules."""
    value_of, old_of, assumed, remembers, splits = WORDS[name]
    found, newest, last = [], {}, {}
    for record, (_, believed) in zip(records, clocks(records), strict=True):
        owner, time = record["subscription_id" if by == "line" else "customer_id"], record["event_time"]
        key, value = (owner, record.get(splits) if splits else ""), record[value_of]
        late = key in newest and time < newest[key] <= time + MONTH
        if None not in key and value is not None and not late:
            gap = time - newest[key] if key in newest and newest[key] <= time else None
            if believed:
                newest[key] = time
            known = last.get(key) if remembers else None
            if value != known:
                old = record.get(old_of) if old_of else None
                was = old if old is not None else known
                before = was if was is not None else assumed
                if before is not None and before != value:
                    found.append((record["record_id"], was))
                    gaps.append(gap)
            if remembers:
                last[key] = value
        if record.get("reset") == "all" and by == "line":
            for kept in (newest, last):
                for one in [one for one in kept if one[0] == owner]:
                    del kept[one]
    return found


@st.composite
def timelines(draw):
    at, records = START, []
    for number in range(draw(st.integers(1, 30))):
        at += draw(st.sampled_from(STEPS))
        back = draw(st.sampled_from(BACK))
        customer, line = draw(st.sampled_from((("C1", "S1"), ("C1", "S1"), ("C1", "S2"), ("C2", "S3"))))
        common = {"record_id": f"r{number}", "event_time": at - back, "customer_id": customer, "subscription_id": line}
        if draw(st.integers(0, 12)) == 0:
            common["reset"] = draw(st.sampled_from(("all", "timers")))
        old, new = draw(st.sampled_from((None, "granted", "withdrawn", "lost"))), draw(st.sampled_from(("granted", "withdrawn", "lost")))
        state = good("state_change", **common, old_value=old, new_value=new, reason=draw(st.sampled_from((None, "x", "y"))))
        place = good("location_update", **common, roaming=draw(st.booleans()), cell_id=draw(st.sampled_from((None, "a", "b"))))
        records.append((state, place))
    return records


@pytest.mark.parametrize("way", ["compiled", "interpreted"])
@pytest.mark.parametrize(("name", "by"), [("remembered", "line"), ("assumed", "line"), ("assumed", "customer"), ("old alone", "line"), ("truths", "line"), ("unknown", "line")])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(both=timelines(), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4), restarts=st.sets(st.integers(1, 8), max_size=2))
def test_moves_are_as_the_plain_reading_has_them(way, name, by, both, sizes, restarts):
    """Late records and equal times, unknown values, any cuts into batches, restarts between them, line ends within them."""
    records = within_the_limit([pair[name in ("truths", "unknown")] for pair in both])
    with interpreted(moves) if way == "interpreted" else nullcontext():
        plain, gaps = [], []
        assert found_by(name, by, cut(records, sizes), restarts, gaps) == plainly(name, by, records, plain)
        assert gaps == plain


def states(*pairs, late=()):
    return [
        good("state_change", record_id=f"{n}", event_time=START + n * HOUR - (24 * HOUR if n in late else 0), old_value=old, new_value=new) for n, (old, new) in enumerate(pairs)
    ]


def test_the_record_says_what_was_before():
    """§1.8: from = the record's old value where given, else the last known; a first observation with an old value is a move."""
    assert found_by("remembered", "line", [states(("created", "active"), (None, "suspended"), ("paused", "active"))]) == [("0", "created"), ("1", "active"), ("2", "paused")]


def test_a_value_that_is_the_last_known_one_is_no_move():
    """§1.8: whatever the record says of before."""
    assert found_by("remembered", "line", [states((None, "active"), ("suspended", "active"), ("active", "active"))]) == []


def test_a_late_record_neither_moves_nor_is_remembered():
    assert found_by("remembered", "line", [states((None, "active"), ("active", "suspended"), (None, "suspended"), late={1})]) == [("2", "active")]


def test_a_value_assumed_at_first_is_no_known_one():
    """Consent withdrawn is a move though nothing was known before; granted is none."""
    assert found_by("assumed", "line", [[{**record, "reason": "x"} for record in states((None, "withdrawn"))]]) == [("0", None)]
    assert found_by("assumed", "line", [[{**record, "reason": "x"} for record in states((None, "granted"))]]) == []


def test_what_is_dropped_at_a_line_end_stays_dropped_after_a_restart():
    """The end comes with a record of another type."""
    first, second = states((None, "active"), (None, "suspended"))
    end = good("location_update", event_time=START + 1, reset="all")
    assert found_by("remembered", "line", [[first], [second]], {1}) == [("1", "active")]
    assert found_by("remembered", "line", [[first], [end], [second]], {2}) == []
