"""What could never fire, would overflow, or would overwrite another rule's state is refused when the definitions are loaded."""

from __future__ import annotations

import pytest

from events.words import B, C, D, V, charges, main_balance, topups
from streams.define import EDGE, Field, Param, active_days, days, hours, maximum, per
from streams.definitions.catalogue import Catalogue, CatalogueFault
from tests.engine.laboratory.toys import toy


def refused(*events, overrides=None):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue(list(events), overrides)
    return str(caught.value)


def calls_within_the_hour(bound):
    n = Param(bound, unit="calls", doc="so many", name="n", ge=1)
    hour = V.all.within(hours(1))
    return toy("flood", "line", hour.count() >= n, EDGE, parameters=(n,))


def test_a_count_that_a_window_never_reaches_is_refused():
    assert "flood: when: (count >= {n=4097}): wanted a condition that can be true, got one that never is: a window holds 4096 members at most" in refused(
        calls_within_the_hour(4097)
    )
    assert len(Catalogue([calls_within_the_hour(4096)])) == 1


def test_a_setting_is_held_to_the_same_bound():
    assert "never is" in refused(calls_within_the_hour(10), overrides={"toy.flood": {"n": 5000}})


@pytest.mark.parametrize(
    ("when", "fine"),
    [
        (lambda w: w.count() > 4095, True),
        (lambda w: w.count() > 4096, False),
        (lambda w: w.count() == 4097, False),
        (lambda w: w.count() < 0, False),
        (lambda w: (w.count() >= 5000) | (w.distinct(V.other_party) >= 2), True),
        (lambda w: (w.count() >= 5000) & (w.distinct(V.other_party) >= 2), False),
        (lambda w: ~(w.count() <= 4096), False),
        (lambda w: ~(w.largest(V.duration_s) <= 604_800), False),  # unknown is not true
        (lambda w: ~(w.largest(V.duration_s) <= 604_799), True),
        (lambda w: w.largest(V.duration_s) > 604_800, False),
        (lambda w: w.sum(V.duration_s) >= 4096 * 604_800, True),
        (lambda w: w.sum(V.duration_s) >= 4096 * 604_800 + 1, False),
    ],
)
def test_bounds_follow_from_the_fields(when, fine):
    event = toy("bounded", "line", when(V.all.within(hours(1))))
    if fine:
        Catalogue([event])
    else:
        assert "never is" in refused(event)


def test_arithmetic_that_may_not_fit_into_64_bits_is_refused():
    hour = D.all.within(hours(1))
    product = toy("product", "line", D.where(D.total_bytes * D.uplink_bytes >= 1))
    shares = toy("shares", "line", hour.sum(D.total_bytes) * 1_000_000 >= 1)
    payload = toy("payload", "line", V.all, n=(Field[int], V.duration_s * 2**50))
    largest = toy("largest", "line", V.all, n=(Field[int], maximum(V.duration_s, 1) * 2**50))
    for event in (product, shares, payload, largest):
        assert "wanted a number within 64 bits" in refused(event), event.id
    Catalogue([toy("seconds", "line", V.all, n=(Field[int], V.duration_s * 2**40))])


def test_an_absence_over_two_record_types_is_refused():
    long_call = toy("long_call", "line", V.where(V.duration_s >= 1800))
    text = refused(long_call, toy("no_topup", "line", long_call.without(topups, within=hours(1))))
    assert "without: wanted a stream of VoiceUsage, the records that cause toy.long_call, got one of BalanceChange" in text


def test_an_absence_after_a_timer_is_refused():
    silent = toy("silent", "line", V.all.silent(days(3), given=active_days(1, of=5)))
    assert "got toy.silent, which a timer causes" in refused(silent, toy("still", "line", silent.without(V.all, within=hours(1))))
    empty = toy("empty", "line", main_balance.falls_to(0))
    unpaid = toy("unpaid", "line", empty.without(topups, within=hours(1)))
    Catalogue([empty, unpaid])
    assert "got toy.unpaid, which a timer causes" in refused(empty, unpaid, toy("unpaid_still", "line", unpaid.without(topups, within=hours(1))))


def windows(names, by=("line", "line"), same=((), ())):
    streams = [V.where().same(*values) if values else V.all for values in same]
    own = [stream.within(hours(1)).named(name) for name, stream in zip(names, streams, strict=True)]
    return [toy(f"w{at}", by[at], own[at].count() >= 2 + at) for at in range(2)]


def test_two_windows_of_one_name_are_refused():
    assert "wanted state of its own, got the name 'recent'" in refused(*windows(("recent", "recent")))
    assert "got the name 'recent'" in refused(*windows(("recent", "recent"), same=((V.other_party,), (V.other_party,))))


@pytest.mark.parametrize("apart", [{"names": ("recent", "older")}, {"by": ("line", "account")}, {"same": ((), (V.other_party,))}])
def test_two_windows_apart_by_name_key_or_value_are_not(apart):
    Catalogue(windows(**{"names": ("recent", "recent"), **apart}))


def test_one_object_in_two_rules_is_no_clash():
    first = V.all.nth(1, 2).named("calls")
    Catalogue([toy("a", "line", first), toy("b", "line", first, per(V.other_party))])


def test_the_shipped_rules_pass():
    spent = charges.same(B.currency).within(hours(24))
    Catalogue([toy("spent", "line", spent.sum(-B.delta) >= 5000, EDGE), toy("called", "customer", C.all)])
