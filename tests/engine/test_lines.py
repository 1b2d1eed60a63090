"""What the end of a line, its return and a change of owner do to its state (`semantics.md` §1.1)."""

from __future__ import annotations

import pytest

from events.stories import call, charge, record, session, topup
from events.words import C, D, V, topups
from streams.define import cool, day, edge, once, once_per
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

by_party = V.same(V.other_party)
quiet = D.all.silent("10d", given=D.all.within("5d").distinct(day) >= 1)
CATALOGUE = Catalogue(
    [
        toy("party", "line", by_party.where(by_party.within("30d").count() >= 2), cool("1h")),
        toy("calls", "line", V.all.where(V.all.within("30d").count() >= 3), edge),
        toy("ordinal", "line", V.all.where(V.all.count() == 2)),
        toy("first", "line", topups, once),
        toy("each_party", "line", V.all, once_per(V.other_party)),
        toy("quiet", "line", quiet),
        toy("any_call", "account", V.all),
        toy("contact", "customer", C.all),
    ]
)
LINE_RULES = {event.id for event in CATALOGUE if event.by == "line"}


def status(old, new, at):
    return record("state_change", at, entity="line", entity_id="S1", attribute="line.status", old_value=old, new_value=new)


def handed_over(at):
    return record("state_change", at, entity="line", entity_id="S1", attribute="line.owner", old_value="C1", new_value="C2")


def events_of(found):
    return [detection.event.removeprefix("toy.") for detection in found]


def line_only(found):
    return events_of([detection for detection in found if detection.event in LINE_RULES])


def ended(*more):
    bench = Bench(catalogue=CATALOGUE)
    bench.feed([call("1 10:00"), call("1 11:00"), topup(0, 1000, "1 11:30"), session("1 11:45"), status("active", "terminated", "1 12:00"), *more])
    return bench


@pytest.mark.parametrize("restarted", [False, True])
def test_a_line_that_is_active_again_within_seven_days_keeps_its_state(restarted):
    bench = ended(status("terminated", "active", "8 12:00"))
    if restarted:
        bench.restart()
    assert line_only(bench.feed([call("8 12:00:01"), topup(0, 1000, "8 13:00")])) == ["calls", "party"], "each_party, first and the second ordinal had been"


def test_a_line_that_is_active_again_keeps_its_state_where_one_batch_has_all_of_it():
    """The batch goes on for more than seven days behind the end of the line."""
    records = [call("1 10:00"), call("1 11:00"), status("active", "terminated", "1 12:00"), status("terminated", "active", "2 12:00"), call("2 12:01"), call("20 12:00")]
    whole, cut = Bench(catalogue=CATALOGUE), Bench(catalogue=CATALOGUE)
    found = whole.feed(records)
    cut.queue(records)
    assert events_of(found) == events_of(cut.drain(1))
    assert whole.state() == cut.state()


@pytest.mark.parametrize("restarted", [False, True])
def test_after_seven_days_it_begins_empty_but_for_what_happens_once(restarted):
    bench = ended(status("terminated", "active", "8 12:00:00.001"))
    if restarted:
        bench.restart()
    assert line_only(bench.feed([call("8 12:01"), topup(0, 1000, "8 13:00")])) == ["each_party"]
    assert line_only(bench.feed([call("8 12:02"), call("8 12:03")])) == ["party", "calls"]


def test_timers_of_a_terminated_line_do_not_come_back_with_it():
    bench = ended(status("terminated", "active", "2 12:00"))
    assert events_of(bench.advance(epoch_ms("2026-05-20T12:00:00+08:00"))) == []
    bench = ended(status("terminated", "active", "2 12:00"), session("3 12:00"))
    assert events_of(bench.advance(epoch_ms("2026-05-20T12:00:00+08:00"))) == ["quiet"]


def test_a_line_that_ends_again_is_silent_again():
    bench = ended(status("terminated", "active", "2 12:00"), status("active", "terminated", "2 13:00"))
    assert line_only(bench.feed([call("3 12:00")])) == []
    assert bench.counters["terminated"] == 1


def test_a_late_return_does_not_reactivate_the_line():
    bench = Bench(catalogue=CATALOGUE)
    bench.feed([call("1 10:00"), status("active", "terminated", "1 12:00"), status("terminated", "active", "1 11:00")])
    assert line_only(bench.feed([call("1 13:00"), call("1 14:00")])) == []


def test_the_end_of_a_line_concerns_line_rules_only():
    bench = ended()
    talk = record("interaction", "2 10:00", interaction_id="i", direction="inbound", channel="ivr", status="opened", reason="billing", start_time="2026-05-01T00:00:00+08:00")
    assert events_of(bench.feed([call("2 09:00"), talk])) == ["any_call", "contact"]
    assert bench.counters["terminated"] == 2
    assert bench.shard.ledger.total() == 7


@pytest.mark.parametrize("restarted", [False, True])
def test_a_change_of_owner_drops_everything_at_once(restarted):
    """Windows, finer rows, ordinals, re-arm marks and timers: under the old key nothing is left."""
    bench = Bench(catalogue=CATALOGUE)
    bench.feed([call("1 10:00"), call("1 11:00"), topup(0, 1000, "1 11:30"), session("1 11:45"), handed_over("1 12:00")])
    if restarted:
        bench.restart()
    assert line_only(bench.feed([call("1 13:00"), topup(0, 1000, "1 13:30")])) == ["each_party", "first"]
    assert line_only(bench.advance(epoch_ms("2026-05-20T12:00:00+08:00"))) == []
    assert line_only(bench.feed([call("21 13:00")])) == ["ordinal", "party"]


def test_the_new_owner_starts_empty():
    bench = Bench(catalogue=CATALOGUE)
    bench.feed([call("1 10:00"), call("1 11:00"), handed_over("1 12:00")])
    mine = {"customer_id": "C2", "account_id": "A2"}
    assert line_only(bench.feed([call("1 13:00", **mine), charge(900, 800, "1 14:00", **mine), topup(0, 1, "1 15:00", **mine)])) == ["each_party", "first"]
