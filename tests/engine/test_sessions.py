"""P9 sessions, both sides of every bound: what belongs, what is late, what the clock closes, and which session other happenings have (`docs/semantics.md` P9)."""

from __future__ import annotations

import pytest

from events.stories import contact, moment, order, session, view
from events.words import C, D, O, W
from streams.define import DefinitionFault, Param, any_of, event_time, once_per
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

visit = W.all.session(gap="30min")
of_platform = W.same(W.platform).session(gap="30min")
sitting = D.all.session(gap="15min", start=D.start_time)
errors = visit.where(W.outcome == "error")
cart = W.where(W.page_category == "cart")
seen = any_of(page=W.all, order=O.all)
EVENTS = [
    toy("view", "customer", W.all, id=visit.id, n=visit.count(), start=visit.start, end=visit.end, errors=errors.count(), before=visit.before().count()),
    toy("closed", "customer", visit.closed, at=event_time, id=visit.id, n=visit.count(), start=visit.start, end=visit.end, length=visit.length.seconds, page=W.page),
    toy("platform", "customer", of_platform.closed, platform=W.platform, n=of_platform.count()),
    toy("sitting", "line", D.all, id=sitting.id, n=sitting.count(), start=sitting.start, end=sitting.end),
    toy("asked", "customer", C.all, id=visit.id, n=visit.count(), last=visit.latest(W.page)),
    toy("left", "customer", cart.without(O.all, within="2h"), once_per(visit), id=visit.id, n=visit.count()),
    toy("errors", "customer", W.all.where(errors.count() >= 2), once_per(visit), at=event_time, n=visit.count()),
    toy("days", "customer", W.all, visits=W.all.within("7d").distinct(visit.id)),
    toy("seen", "customer", seen, id=visit.id, n=visit.count()),
    toy("here", "customer", W.same(visit.id), n=W.same(visit.id).within("1d").count()),
]
CATALOGUE = Catalogue(EVENTS)


def found(name, *records, size=20_000, until="3 00:00"):
    bench = Bench(catalogue=CATALOGUE.chosen([f"toy.{name}"]))
    bench.queue(records)
    events = bench.drain(size, restarting=size == 1)
    events += bench.advance(epoch_ms(moment(until)))
    return [one.detail for one in events if one.event == f"toy.{name}"]


def each(name, *records):
    """The same one by one, with a new process behind each."""
    whole = found(name, *records)
    assert found(name, *records, size=1) == whole
    return whole


def utc(clock, day=1):
    hour, rest = clock.split(":", 1)
    return f"2026-05-{day:02d}T{int(hour) - 8:02d}:{rest}Z"


def other(at):
    """A view of another customer, which moves the clock."""
    return view("home", at, customer_id="C9", account_id="A9", subscription_id="S9")


def own(details):
    """Those of the customer, by what says so: the other one's views are each alone."""
    return [one["n"] for one in details]


@pytest.mark.parametrize(("second", "counts"), [("10:30:00.000", [1, 2]), ("10:30:00.001", [1, 1])])
def test_one_at_the_end_of_the_gap_still_belongs(second, counts):
    assert own(each("view", view("home", "10:00"), view("home", second))) == counts


def test_the_end_comes_when_the_gap_is_over():
    (one,) = each("closed", view("home", "10:00"), view("cart", "10:10"))
    assert one == {
        "at": utc("10:40:00.000"), "id": one["id"], "n": 2, "start": utc("10:00:00.000"), "end": utc("10:10:00.000"), "length": 600, "page": "/cart",
    }  # fmt: skip


@pytest.mark.parametrize(("until", "events"), [("10:30:04.999", 0), ("10:30:05", 1)])
def test_the_end_waits_for_the_clock(until, events):
    assert len(found("closed", view("home", "10:00"), until=until)) == events


@pytest.mark.parametrize(("late", "start", "n"), [("09:30:00.000", "09:30:00.000", 3), ("09:29:59.999", "10:00:00.000", 2)])
def test_a_late_one_within_the_gap_moves_the_start_back(late, start, n):
    (one,) = each("closed", view("home", "10:00"), view("home", "10:20"), view("home", late))
    assert (one["start"], one["n"], one["at"]) == (utc(start), n, utc("10:50:00.000"))


def test_the_id_keeps_the_first_start():
    first, moved = each("view", view("home", "10:00"), view("home", "10:20"))
    assert first["id"] == moved["id"]
    late = each("view", view("home", "10:00"), view("home", "09:50"), view("home", "10:20"))
    assert {one["id"] for one in late} == {first["id"]}, "the late one is not evaluated, it is of the same session"
    assert late[-1]["start"] == utc("09:50:00.000")


def test_a_late_one_is_judged_with_the_next_one_on_time():
    failing = [view("home", "10:00", outcome="error"), view("home", "10:20"), view("home", "10:10", outcome="error")]
    assert each("errors", *failing) == [], "late behind a view that is no error"
    assert each("errors", *failing, view("home", "10:30")) == [{"at": utc("10:30:00.000"), "n": 4}]


def test_a_late_one_out_of_the_gap_is_of_no_session():
    assert [one["visits"] for one in each("days", view("home", "2 10:00"), view("home", "1 10:00"), view("home", "2 10:10"))][-1] == 1


def test_what_the_clock_has_closed_never_opens_again():
    closed = each("closed", view("home", "10:00"), view("home", "10:05"), other("10:35:05"), view("cart", "10:20"), view("home", "10:03"))
    mine = [(one["at"], one["n"], one["start"]) for one in closed if one["page"] == "/cart" or one["n"] == 2]
    assert mine == [(utc("10:35:00.000"), 2, utc("10:00:00.000")), (utc("10:50:00.000"), 2, utc("10:03:00.000"))], "the new one takes the late one in, which is in its gap"
    closed = each("closed", view("home", "10:00"), view("home", "10:05"), other("10:35:04.999"), view("cart", "10:20"))
    assert [one["n"] for one in closed if one["page"] == "/cart"] == [3], "not yet closed"


def test_a_late_one_after_the_end_is_of_no_session():
    assert [one["id"] for one in each("view", view("home", "10:00"), view("home", "10:10"), other("10:50"), view("cart", "10:05"))][-1] is None


def test_sessions_are_kept_for_each_value_that_splits_their_stream():
    records = [view("home", "10:00"), view("home", "10:05", platform="web"), view("home", "10:10"), view("home", "10:40:00.001")]
    assert each("platform", *records) == [{"platform": "app", "n": 2}, {"platform": "web", "n": 1}, {"platform": "app", "n": 1}]


# What lasts


def data(begin, end, **more):
    minutes = [int(clock.rpartition(" ")[0] or 1) * 1440 + int(clock[-5:-3]) * 60 + int(clock[-2:]) for clock in (begin, end)]
    return session(end, 1000, start_time=moment(begin), duration_s=60 * (minutes[1] - minutes[0]), **more)


@pytest.mark.parametrize(("begin", "counts"), [("11:15", [1, 2]), ("11:16", [1, 1])])
def test_the_gap_runs_from_the_end_to_the_next_start(begin, counts):
    assert own(each("sitting", data("10:00", "11:00"), data(begin, "12:30"))) == counts


def test_one_that_began_in_time_belongs_whenever_it_ends():
    elsewhere = data("20:00", "20:00", customer_id="C9", account_id="A9", subscription_id="S9")
    assert own(each("sitting", data("10:00", "11:00"), elsewhere, data("11:10", "23:00")))[-1] == 2
    assert own(each("sitting", data("1 10:00", "1 11:00"), data("1 11:10", "8 11:15")))[-1] == 1, "the first is older than seven days"


def test_the_earliest_start_counts():
    assert each("sitting", data("10:20", "10:30"), data("09:00", "10:40"))[-1]["start"] == utc("09:00:00.000")


def test_of_what_lasts_the_end_is_not_known():
    with pytest.raises(DefinitionFault, match="a member that began in time may still come"):
        sitting.closed  # noqa: B018  # raises


# At other happenings


@pytest.mark.parametrize(("at", "n"), [("09:59:59.999", 0), ("10:00", 1), ("10:30", 1), ("10:30:00.001", 0)])
def test_another_record_has_the_session_that_is_open(at, n):
    (one,) = each("asked", view("home", "10:00"), contact(at=at))
    assert (one["n"], one["id"] is not None, one["last"]) == (n, n > 0, "/home" if n else None)


def test_a_timer_has_the_session_of_the_member_that_set_it():
    records = [view("cart", "10:00"), view("home", "10:20"), view("home", "12:00"), view("cart", "12:10")]
    first, second = each("left", *records)
    assert (first["n"], second["n"]) == (2, 2)
    assert first["id"] != second["id"]


def test_a_record_among_others_has_its_own_session():
    page, placed = each("seen", view("home", "10:00"), order("acknowledged", "10:10"))
    assert page == placed
    assert page["n"] == 1


def test_a_session_as_a_key():
    assert own(each("here", view("home", "10:00"), view("home", "10:10"), view("home", "11:00"))) == [1, 2, 1]


def test_some_of_its_members():
    views = each("view", view("home", "10:00", outcome="error"), view("home", "10:10"), view("home", "10:20", outcome="error"))
    assert [(one["errors"], one["before"]) for one in views] == [(1, 0), (1, 1), (2, 2)]


# What is refused


def test_wrong_arguments_are_refused():
    with pytest.raises(DefinitionFault, match="gap: wanted elapsed time"):
        W.all.session(gap="1d")
    with pytest.raises(DefinitionFault, match="wanted seven days at most"):
        W.all.session(gap="169h")
    with pytest.raises(DefinitionFault, match="start: wanted a moment that every member has"):
        D.all.session(gap="1h", start=D.total_bytes)
    with pytest.raises(DefinitionFault, match="wanted a stream of records"):
        visit.closed.session(gap="1h")
    with pytest.raises(DefinitionFault, match="wanted a length of time"):
        W.all.session(gap=30)
    with pytest.raises(DefinitionFault, match="wanted seven days at most"):
        long_gap = Param("200h", doc="too long", name="long_gap", ge="1h")
        Bench(catalogue=Catalogue([toy("long", "customer", W.all.session(gap=long_gap).closed.where(), parameters=(long_gap,), at=W.all.session(gap=long_gap).id)]))
