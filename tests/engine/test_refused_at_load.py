"""What could never fire, or would overflow, is refused when the definitions are loaded."""

from __future__ import annotations

import pytest

from events.words import B, C, D, V, charged, charges, main_balance
from streams.define import Param, edge, maximum
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.faults import flaws_of
from tests.engine.laboratory import EVENTS
from tests.engine.laboratory.toys import toy


def refused(*events, overrides=None):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue(list(events), overrides)
    return str(caught.value)


def calls_within_the_hour(bound):
    n = Param(bound, unit="calls", doc="so many", name="n", ge=1)
    return toy("flood", "line", V.all.where(V.all.within("1h").count() >= n), edge, parameters=(n,))


def test_a_count_that_a_frame_never_reaches_is_refused():
    assert "flood: when: (count >= {n=4097}): wanted a condition that can be true, got one that never is: a frame of elapsed time holds 4096 members at most" in refused(
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
        (lambda w: w.before().count() > 4096, False),
        (lambda w: w.count() == 4097, False),
        (lambda w: w.count() < 0, False),
        (lambda w: (w.count() >= 5000) | (w.distinct(V.other_party) >= 2), True),
        (lambda w: (w.count() >= 5000) & (w.distinct(V.other_party) >= 2), False),
        (lambda w: ~(w.count() <= 4096), False),
        (lambda w: ~(w.largest(V.duration_s) <= 604_800), False),  # unknown is not true
        (lambda w: ~(w.largest(V.duration_s) <= 604_799), True),
        (lambda w: w.largest(V.duration_s) > 604_800, False),
        (lambda w: w.latest(V.duration_s) > 604_800, False),
        (lambda w: w.sum(V.duration_s) >= 4096 * 604_800, True),
        (lambda w: w.sum(V.duration_s) >= 4096 * 604_800 + 1, False),
        (lambda w: w.any(V.duration_s >= 5), True),
    ],
)
def test_bounds_follow_from_the_columns(when, fine):
    event = toy("bounded", "line", V.all.where(when(V.all.within("1h"))))
    if fine:
        Catalogue([event])
    else:
        assert "never is" in refused(event)


@pytest.mark.parametrize("frame", [V.all.within("1d"), V.all.within("30d"), V.all.today(), V.all._ever()])
def test_frames_of_days_and_lives_have_no_such_bound(frame):
    Catalogue([toy("bounded", "line", V.all.where(frame.count() > 5000))])
    assert "never is" in refused(toy("bounded", "line", V.all.where(frame.count() < 0)))


@pytest.mark.parametrize(
    "when",
    [
        V.where(V.duration_s > 604_800),
        C.where(C.duration_s < 0),
        V.where(V.duration_s > 604_800).where(V.all.within("1h").count() > 1),
        V.all.where(V.where(V.duration_s > 604_800).within("1h").count() > 1),
        main_balance.falls_below(10, rearm=2**53),
        V.where(V.duration_s > 604_800).silent("7d"),
        V.all.silent("7d", given=V.all.within("1h").count() > 5000),
        V.all.then(D.where(D.duration_s < 0)),
    ],
    ids=str,
)
def test_a_condition_that_never_holds_is_refused_wherever_it_stands(when):
    assert "wanted a condition that can be true, got one that never is" in refused(toy("never", "line", when))


def test_arithmetic_that_may_not_fit_into_64_bits_is_refused():
    hour = D.all.within("1h")
    product = toy("product", "line", D.where(D.total_bytes * D.uplink_bytes >= 1))
    shares = toy("shares", "line", D.all.where(hour.sum(D.total_bytes) * 1_000_000 >= 1))
    argument = toy("argument", "line", D.all.where(hour.sum(D.total_bytes * D.uplink_bytes) >= 1))
    shown = toy("shown", "line", V.all, n=V.duration_s * 2**50)
    largest = toy("largest", "line", V.all, n=maximum(V.duration_s, 1) * 2**50)
    for event in (product, shares, argument, shown, largest):
        assert refused(event).count("wanted a number within 64 bits") == 1, event.id
    Catalogue([toy("seconds", "line", V.all, n=V.duration_s * 2**40)])


def test_an_event_of_another_catalogue_is_refused():
    low = toy("low", "line", main_balance.falls_below(1000))
    assert "wanted an event of this catalogue, got toy.low" in refused(toy("twice", "line", low.then(low)))
    Catalogue([low, toy("twice", "line", low.then(low))])


def test_two_events_of_one_id_are_refused():
    assert "the id toy.a is taken by" in refused(toy("a", "line", V.all), toy("a", "line", C.all))


def test_a_window_of_an_event_and_a_stream_may_be_in_two_rules():
    first = V.all.within("1h")
    Catalogue([toy("a", "line", V.all.where(first.count() > 2)), toy("b", "line", V.where(V.duration_s > 5).where(first.count() > 2))])


def test_the_laboratory_has_no_faults():
    assert [f"{event.id}: {flaw}" for event in EVENTS for flaw in flaws_of(event)] == []


def test_the_shipped_rules_pass():
    spent = charges.within("24h").sum(charged)
    Catalogue([toy("spent", "line", charges.where(spent >= 5000), edge), toy("called", "customer", C.all), toy("used", "line", B.where(B.bucket_kind == "data"))])


def test_what_another_event_gathered_is_not_read_when_a_wait_for_it_is_over():
    """It would be another value than the event showed: its own record is among the last ones by then."""
    usual = charges.previous(4).mean(charged)
    small = toy("small", "line", charges.where(charged * 2 <= usual), spent=charged, usual=usual)

    def refusals(when, **detail):
        return [flaw for flaw in flaws_of(toy("later", "line", when, **detail)) if "would be read again when the wait for it is over" in flaw.says]

    absence = small.without(charges, within="7d")
    (flaw,) = refusals(absence, spent=small.detail.spent, usual=small.detail.usual)
    assert flaw.at == "detail.usual"
    assert flaw.says.startswith("small.detail.usual: wanted a value of the record behind small, got (sum(")
    assert len(refusals(absence.where(small.detail.usual > 1000), spent=small.detail.spent)) == 1
    assert len(refusals(small.after("2d"), tenth=small.detail.usual / 10)) == 1
    assert len(refusals(small.then(charges, within="2d"), usual=small.detail.usual)) == 1
    told = toy("told", "line", absence, spent=small.detail.spent)
    assert len(refusals(told.where(), usual=small.detail.usual)) == 1
    assert not refusals(small.where(small.detail.usual > 1000).without(charges, within="7d"), spent=small.detail.spent)
    assert not refusals(small.where(), usual=small.detail.usual)
    assert not refusals(charges.then(small, within="2d"), usual=small.detail.usual)
    assert not refusals(absence, usual=charges.previous(4).mean(charged))
