"""Months, years, bill cycles, and dates in texts: their bounds, and how long rows that are split by them are kept."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from events.stories import call, moment
from events.words import I, L, V, X
from schemas.columns import DAY_MS
from streams.define import DefinitionFault, Param, cycle, day, month, once, once_per, year
from streams.definitions.catalogue import Catalogue
from streams.engine.expression.periods import longest_ms, written_date
from streams.engine.months import cycle_start, month_start, months_later, year_start, years_between
from tests.engine.laboratory.toys import toy
from tests.reference.civil import day_of_month
from tests.reference.civil import months_later as later_by_hand
from tests.reference.values import cycle_start as start_by_hand
from tests.shards import Bench, details

FIRST = date(1999, 12, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(1600)]
NUMBERS = np.array([(one - date(1970, 1, 1)).days for one in DAYS])


def dates(numbers):
    return [date(1970, 1, 1) + timedelta(days=number) for number in numbers.tolist()]


@pytest.mark.parametrize("months", [-25, -1, 0, 1, 2, 11, 12, 24, 1200])
def test_some_months_later_is_the_same_day_or_the_last_of_a_shorter_month(months):
    assert dates(months_later(NUMBERS, months)) == [later_by_hand(one, months) for one in DAYS]


@pytest.mark.parametrize("begins", [1, 15, 28, 29, 30, 31])
def test_a_cycle_begins_at_the_last_such_day(begins):
    assert dates(cycle_start(NUMBERS, np.full(len(NUMBERS), begins))) == [start_by_hand(one, begins) for one in DAYS]
    assert (NUMBERS - cycle_start(NUMBERS, np.full(len(NUMBERS), begins))).max() <= 30


def test_months_and_years_begin_on_their_first_days():
    assert dates(month_start(NUMBERS)) == [one.replace(day=1) for one in DAYS]
    assert dates(year_start(NUMBERS)) == [one.replace(month=1, day=1) for one in DAYS]


def test_the_number_of_an_anniversary_is_told_by_its_day_though_a_day_more_or_less():
    leap = (date(1992, 2, 29) - date(1970, 1, 1)).days
    for years in range(1, 110):
        on = (day_of_month(1992 + years, 2, 29) - date(1970, 1, 1)).days
        assert years_between(np.array([leap] * 3), np.array([on - 1, on, on + 1])).tolist() == [years] * 3


@pytest.mark.parametrize("text", ["1990-02-30", "1990-2-3", "19900203", "", "1990-02-03T00:00:00Z", "\u0661990-02-03", " 1990-02-03", "0000-01-01"])
def test_what_is_no_date_is_unknown(text):
    assert written_date(text) == -(2**63)


def test_rows_that_a_period_splits_are_kept_as_long_as_it_can_last():
    assert [longest_ms(values) for values in ([month], [cycle], [year], [day], [V.other_party, month], [V.other_party], [I.due_date + "1 month"])] == [
        31 * DAY_MS,
        31 * DAY_MS,
        366 * DAY_MS,
        DAY_MS,
        31 * DAY_MS,
        None,
        None,
    ]


def test_such_rows_are_freed_and_what_counts_is_not():
    of_month, of_party = V.same(month, V.other_party), V.same(V.other_party)
    events = [toy("by_month", "line", of_month.where(of_month.count() == 2), once), toy("by_party", "line", of_party.where(of_party.count() == 2))]
    bench = Bench(catalogue=Catalogue(events), sweep_every_ms=-1)
    rows = {name: table for name, table in bench.shard.engine.state.tables.items() if "(" in name}
    for at in ("1 10:00", "2 10:00", "3 10:00"):
        bench.feed([call(at)])
    (by_month,) = [table for name, table in rows.items() if "MonthStart" in name]
    (by_party,) = [table for name, table in rows.items() if table is not by_month]
    assert (len(by_month), len(by_party)) == (1, 1)
    june = {**call("4 10:00"), "event_time": "2026-06-02T10:00:00+08:00"}
    july = {**call("5 10:00"), "event_time": "2026-07-02T10:00:00+08:00"}
    bench.feed([june])
    assert len(by_month) == 2, "a record of May might still come"
    bench.feed([july])
    assert (len(by_month), len(by_party)) == (2, 1)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: X.event_time + "24 months", "in months"),
        (lambda: X.event_time - Param("2 years", doc="."), "in months"),
        (lambda: V.duration_s.as_date(), "wanted a text such as L.new_value"),
        (lambda: L.where(L.attribute == "customer.birth_date").yearly(L.new_value), "wanted a civil date such as"),
        (lambda: L.all.yearly(L.new_value.as_date(), at="soon"), "a time of day such as 10:00"),
        (lambda: V.all.within("2 months"), "wanted a length of time such as"),
        (lambda: V.all.this_cycle().distinct(V.other_party), "wanted count, sum, latest of a month or cycle"),
        (lambda: V.all.this_month().before().first(V.other_party), "wanted count, sum, latest of a month or cycle"),
        (lambda: "24 months" - I.due_date, "wanted"),
    ],
)
def test_what_does_not_fit_is_refused(build, says):
    with pytest.raises(DefinitionFault, match=says):
        build()


def test_a_parameter_of_months_has_a_bound_and_a_text():
    months = Param("24 months", ge="1 month", doc=".")
    assert (months.value, months.unit, months.ge) == (24, "months", 1)
    assert months.fault(0) == "wanted >= 1 month, got 0 months"


def test_a_clock_change_moves_no_anniversary():
    """At 02:30 on the day on which clocks go forward it is 03:30."""
    when = V.all.yearly(V.start_time.date, at="02:30")
    catalogue = Catalogue([toy("anniversary", "line", when, once_per(year), years=when.years)])
    bench = Bench(catalogue=catalogue, zone="Europe/Berlin")
    bench.feed([{**call("1 10:00", subscription_id="S2"), "start_time": "2025-03-28T10:00:00Z", "event_time": moment("1 10:00")}])
    found = bench.advance(1_900_000_000_000)
    assert details(found, "toy.anniversary") == [{"years": 2}, {"years": 3}, {"years": 4}]
    assert [one.time for one in found][:2] == [1_806_197_400_000, 1_837_816_200_000]


def test_a_clock_that_leaps_reaches_every_anniversary():
    """In one batch or in many: one wrong date may move the clock of the records by two hundred years."""
    when = V.all.yearly(V.start_time.date)
    catalogue = Catalogue([toy("anniversary", "line", when, years=when.years)])
    found = []
    for steps in ([9_223_372_036_854], range(2_000_000_000_000, 9_000_000_000_000, 10**12)):
        bench = Bench(catalogue=catalogue)
        bench.feed([call("1 10:00", subscription_id="S2")])
        found.append([one for to in (*steps, 9_223_372_036_854) for one in details(bench.advance(to), "toy.anniversary")])
    assert found[0] == found[1] == [{"years": years} for years in range(1, 236)]
